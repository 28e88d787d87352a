/** Every check there is: `docs/doctor.md` lists the same. */
export const checks = {
  "node.version": "Node.js is one that Baton runs on",
  "configuration.variables": "the variables are right, and none is missing",
  "configuration.secrets": "secrets that variables or workflows name can be read",
  "workflows.valid": "the workflows are valid",
  "data.folder": "the data folder can be written to",
  "data.disk": "the disk has room",
  "data.inbox": "the inbox is there and can be read",
  "data.warehouse": "the warehouse file can be read",
  "google.credentials": "a token can be had",
  "firestore.database": "the database is there",
  "firestore.type": "the database is of native mode",
  "firestore.edition": "the database is of Standard edition",
  "firestore.location": "the database is where the functions are",
  "firestore.recovery": "the database can be restored to a point in time",
  "firestore.protection": "the database is protected from being deleted",
  "firestore.indexes": "the fields of a collection are indexed as they are queried, and no others",
  "firestore.ttl": "old documents of a collection are deleted",
  "firestore.permissions": "documents may be read and written",
  "pubsub.topic": "a topic is there",
  "pubsub.permissions": "messages may be published to a topic",
  "pubsub.subscription": "a topic has its push subscription",
  "pubsub.endpoint": "a subscription pushes to the function",
  "pubsub.token": "pushes bear the token that the function wants",
  "pubsub.deadline": "a push waits longer than the function runs",
  "pubsub.lease": "a lease is longer than a push",
  "pubsub.retry": "failed pushes are repeated with pauses",
  "pubsub.dead-letter": "messages that always fail are kept apart, after 100 attempts",
  "pubsub.expiration": "a subscription never expires",
  "pubsub.retention": "messages outlive a function that is out of order",
  "tasks.queue": "the queue of later messages is there",
  "tasks.state": "the queue runs",
  "tasks.retry": "later messages are tried long enough",
  "tasks.permissions": "later messages may be scheduled",
  "tasks.account": "Cloud Tasks may publish in the name of its account",
  "queues.queue": "a queue with limits of its own is there",
  "queues.state": "a queue with limits runs",
  "queues.limits": "its limits are those of BATON_QUEUES",
  "queues.retry": "what a queue with limits sends is tried long enough",
  "queues.permissions": "tasks may be put into a queue with limits",
  "queues.account": "Cloud Tasks may call the function in the name of its caller",
  "storage.bucket": "a bucket is there",
  "storage.access": "a bucket has uniform access",
  "storage.notification": "files in the inbox are announced",
  "storage.permissions": "objects may be read and written",
  "bigquery.dataset": "the dataset is there",
  "bigquery.location": "the dataset is where jobs run",
  "bigquery.callbacks": "the archive of callbacks has its columns",
  "bigquery.permissions": "jobs may be run",
  "dataform.account": "Dataform may run actions in the name of their account",
  "scheduler.sweep": "lost work is looked for every minute",
  "scheduler.tick": "schedules are looked at every minute",
} as const;

export type CheckId = keyof typeof checks;
export type CheckStatus = "ok" | "warning" | "failed" | "unknown";

export interface CheckResult {
  readonly id: CheckId;
  readonly title: string;
  /** What was checked: a topic, a bucket, a variable. */
  readonly subject: string;
  readonly status: CheckStatus;
  readonly found: string;
  readonly expected: string;
  /** What to do; null when the check is ok. */
  readonly remedy: string | null;
  /** The command that makes what is missing by Terraform; null where there is none. */
  readonly deployCommand: string | null;
  /** Other commands that do it; `<angle brackets>` hold what only the operator knows. */
  readonly commands: readonly string[];
}

type Judged = Pick<CheckResult, "subject" | "found" | "expected"> &
  Partial<Pick<CheckResult, "deployCommand" | "commands">> & {
    readonly holds: boolean;
    readonly remedy: string;
    /** The status when it does not hold. Default: `failed`. */
    readonly otherwise?: Exclude<CheckStatus, "ok">;
  };

/** The result of a check. */
export function judge(id: CheckId, { holds, otherwise = "failed", ...judged }: Judged): CheckResult {
  const { subject, found, expected, remedy, deployCommand = null, commands = [] } = judged;
  const seen = { id, title: checks[id], subject, found, expected };
  if (holds) return { ...seen, status: "ok", remedy: null, deployCommand: null, commands: [] };
  return { ...seen, status: otherwise, remedy, deployCommand, commands };
}

/** The result of a check that could not be made. */
export function unknown(id: CheckId, subject: string, why: string, remedy: string): CheckResult {
  const expected = "to be able to look";
  return judge(id, { subject, holds: false, found: why, expected, otherwise: "unknown", remedy });
}

/** Checks that need the same answer of a service. */
export interface CheckGroup {
  /** The check that is unknown when no answer comes. */
  readonly id: CheckId;
  readonly subject: string;
  /** The service that has to be enabled in the project, such as `pubsub.googleapis.com`. */
  readonly service?: string;
  run(signal: AbortSignal): Promise<readonly CheckResult[]> | readonly CheckResult[];
}
