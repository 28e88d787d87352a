/** Every check, and what has to hold. `docs/doctor.md` lists the same. */
export const checks = {
  "node.version": "Node.js is one that Baton runs on",
  "configuration.variables": "the variables are right, and none is missing",
  "configuration.secrets": "secrets that variables or workflows name can be read",
  "workflows.valid": "the workflows are valid",
  "data.folder": "the data folder can be written to",
  "data.disk": "the disk has room",
  "data.inbox": "the inbox exists and can be read",
  "data.warehouse": "the warehouse file can be read",
  "google.credentials": "a token can be obtained",
  "firestore.database": "the database exists",
  "firestore.type": "the database is in native mode",
  "firestore.edition": "the database is of Standard edition",
  "firestore.location": "the database is where the functions are",
  "firestore.recovery": "the database can be restored to a point in time",
  "firestore.protection": "the database is protected from being deleted",
  "firestore.indexes": "the fields of a collection are indexed as they are queried, and no others",
  "firestore.ttl": "old documents of a collection are deleted",
  "firestore.permissions": "documents may be read and written",
  "pubsub.topic": "a topic exists",
  "pubsub.permissions": "messages may be published to a topic",
  "pubsub.subscription": "a topic has its push subscription",
  "pubsub.endpoint": "a subscription pushes to the function",
  "pubsub.token": "pushes carry the token that the function accepts",
  "pubsub.deadline": "a push waits longer than the function runs",
  "pubsub.lease": "a lease is longer than a push",
  "pubsub.retry": "failed pushes are repeated with pauses",
  "pubsub.dead-letter": "messages that always fail are kept apart, after 100 attempts",
  "pubsub.expiration": "a subscription never expires",
  "pubsub.retention": "messages outlive an outage of the function",
  "tasks.queue": "the queue of delayed messages exists",
  "tasks.state": "the queue runs",
  "tasks.retry": "delayed messages are tried long enough",
  "tasks.permissions": "delayed messages may be scheduled",
  "tasks.account": "Cloud Tasks may publish in the name of its account",
  "queues.queue": "a queue with limits exists",
  "queues.state": "a queue with limits runs",
  "queues.limits": "its limits are those of BATON_QUEUES",
  "queues.retry": "what a queue with limits sends is tried long enough",
  "queues.permissions": "tasks may be put into a queue with limits",
  "queues.account": "Cloud Tasks may call the function in the name of its caller",
  "storage.bucket": "a bucket exists",
  "storage.access": "a bucket has uniform access",
  "storage.notification": "files in the inbox are announced to the function",
  "storage.permissions": "objects may be read and written",
  "bigquery.dataset": "the dataset exists",
  "bigquery.location": "the dataset is where jobs run",
  "bigquery.callbacks": "the archive of callbacks has its columns",
  "bigquery.permissions": "jobs may be run",
  "dataform.account": "Dataform may run actions in the name of their account",
  "scheduler.sweep": "a sweep runs every minute",
  "scheduler.tick": "schedules are checked every minute",
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
  /** Null if the check is ok. */
  readonly remedy: string | null;
  /** The deployment that creates or corrects it; null if that is not the remedy. Run it after `commands`. */
  readonly deployCommand: string | null;
  /** Commands that no deployment replaces; `<angle brackets>` hold what only the operator knows. */
  readonly commands: readonly string[];
}

/** What a check found, and what to do if it is not `holds`. */
export interface Finding {
  readonly holds: boolean;
  readonly found: string;
  readonly expected: string;
  /** The status if it does not hold. Default: `failed`. */
  readonly severity?: Exclude<CheckStatus, "ok">;
  /** Default: the infrastructure is wrong, and a deployment corrects it. */
  readonly remedy?: string;
  /** Whether a deployment of the infrastructure is part of the remedy. Default: if no other remedy is given. */
  readonly deploys?: boolean;
  readonly commands?: readonly string[];
}

/** Creates missing resources, and corrects changed settings. Flags name the project, region and prefix. */
export const deployCommand = "npx baton deploy --skip-function";

const deployRemedy = "Deploy the infrastructure: that creates what is missing and corrects what was changed.";

export function checkResult(id: CheckId, subject: string, finding: Finding): CheckResult {
  const { holds, found, expected, severity = "failed", remedy = deployRemedy, commands = [] } = finding;
  const { deploys = finding.remedy === undefined } = finding;
  const result = { id, title: checks[id], subject, found, expected };
  if (holds) return { ...result, status: "ok", remedy: null, deployCommand: null, commands: [] };
  return { ...result, status: severity, remedy, deployCommand: deploys ? deployCommand : null, commands };
}

/** The result of a check that could not be made. */
export function unknownResult(id: CheckId, subject: string, found: string, remedy: string): CheckResult {
  const finding = {
    holds: false,
    found,
    expected: "to be able to look",
    severity: "unknown",
    remedy,
  } as const;
  return checkResult(id, subject, finding);
}

/** Checks that need the same answer of a service. */
export interface CheckGroup {
  /** The check that is unknown if no answer comes. */
  readonly id: CheckId;
  readonly subject: string;
  /** The service that has to be enabled in the project, such as `pubsub.googleapis.com`. */
  readonly service?: string;
  run(signal: AbortSignal): Promise<readonly CheckResult[]> | readonly CheckResult[];
}

/** A group of one check. */
export function singleCheck(
  id: CheckId,
  subject: string,
  find: (signal: AbortSignal) => Promise<Finding> | Finding,
  service?: string,
): CheckGroup {
  const run = async (signal: AbortSignal) => [checkResult(id, subject, await find(signal))];
  return { id, subject, ...(service !== undefined && { service }), run };
}
