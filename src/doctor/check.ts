import { BatonError, errorCode, errorMessage } from "../core/errors/errors.ts";
import { quoteForShell } from "../core/values/text.ts";

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

/** What a check found, and what to do if it is wrong. */
export interface Finding {
  /** Default: whether `found` is what was expected. */
  readonly holds?: boolean;
  readonly found: string;
  /** Default: what the check says has to hold. */
  readonly expected?: string;
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
  const { found, expected = checks[id], severity = "failed", remedy = deployRemedy, commands = [] } = finding;
  const { holds = found === expected, deploys = finding.remedy === undefined } = finding;
  const result = { id, title: checks[id], subject, found, expected };
  if (holds) return { ...result, status: "ok", remedy: null, deployCommand: null, commands: [] };
  return { ...result, status: severity, remedy, deployCommand: deploys ? deployCommand : null, commands };
}

/** The result of a check that could not be made. */
export function unknownResult(id: CheckId, subject: string, found: string, remedy: string): CheckResult {
  return checkResult(id, subject, { found, expected: "that it can be checked", severity: "unknown", remedy });
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
): CheckGroup {
  return { id, subject, run: async (signal) => [checkResult(id, subject, await find(signal))] };
}

interface RunOptions {
  /** How long a group may take. */
  readonly timeoutMs: number;
  readonly projectId: string | undefined;
  /** Local servers replace Google's services. */
  readonly isLocal: boolean;
}

/** Runs all groups at the same time. A group that fails does not affect the others. */
export async function runChecks(
  groups: readonly CheckGroup[],
  options: RunOptions,
): Promise<readonly CheckResult[]> {
  return (await Promise.all(groups.map((group) => runGroup(group, options)))).flat();
}

class TimeoutError extends Error {}

async function runGroup(group: CheckGroup, options: RunOptions): Promise<readonly CheckResult[]> {
  const aborter = new AbortController();
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    timeout.reject(new TimeoutError(`No answer came within ${options.timeoutMs / 1_000} s`));
    aborter.abort();
  }, options.timeoutMs);
  try {
    return await Promise.race([group.run(aborter.signal), timeout.promise]);
  } catch (thrown) {
    return [failedResult(group, thrown, options)];
  } finally {
    clearTimeout(timer);
  }
}

/** The result of a group that failed. */
function failedResult(
  { id, subject, service }: CheckGroup,
  thrown: unknown,
  { isLocal, projectId = "" }: RunOptions,
): CheckResult {
  const message = errorMessage(thrown);
  const code = errorCode(thrown);
  const unknown = (remedy: string) => unknownResult(id, subject, message, remedy);
  if (isLocal && (code === 0 || code === 404 || code === 501)) {
    const remedy = "Nothing: it is checked where Google's own services are used.";
    return unknownResult(id, subject, `The local server does not offer this: ${message}`, remedy);
  }
  // Every service of Google uses these words.
  if (service && /SERVICE_DISABLED|has not been used in project .* before or it is disabled/.test(message))
    return checkResult(id, subject, {
      found: `${service} is not enabled in the project`,
      expected: "it is enabled",
      remedy: "Enable it; that takes a minute or two.",
      commands: [gcloud("services enable", [service], { project: projectId })],
    });
  if (code === 401 || /default credentials/i.test(message)) return unknown("Fix google.credentials first.");
  if (code === 403 || code === "WAREHOUSE_DENIED")
    return unknown("Run this with an account that may look at it, for example one with roles/viewer.");
  if (thrown instanceof BatonError) return unknown(thrown.remedy);
  if (thrown instanceof TimeoutError) return unknown("Check whether the service can be reached.");
  return unknown("Run it again; the message says what the service answered.");
}

type Flags = Readonly<Record<string, string | true | undefined>>;

/** A gcloud command line, quoted for a shell. */
export function gcloud(command: string, parameters: readonly string[], flags: Flags): string {
  return ["gcloud", command, ...parameters.map(quoteForShell), ...flagTexts(flags)].join(" ");
}

/** `true` is a flag without a value; undefined is left out. */
export function flagTexts(flags: Flags): readonly string[] {
  return Object.entries(flags)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (value === true ? `--${name}` : `--${name}=${quoteForShell(String(value))}`));
}
