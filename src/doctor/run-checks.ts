import { grpcStatus } from "../adapters/remote/grpc.ts";
import { BatonError, codeOf, messageOf } from "../core/errors.ts";
import { type CheckGroup, type CheckResult, judge, unknown } from "./check.ts";
import { gcloud } from "./gcloud.ts";

export interface RunOptions {
  /** How long a group may take. */
  readonly timeoutMs: number;
  readonly projectId: string | undefined;
  /** Local servers are in the place of Google's. */
  readonly isLocal: boolean;
}

/** Runs all groups at the same time. Whatever becomes of one, the others tell what they found. */
export async function runChecks(
  groups: readonly CheckGroup[],
  options: RunOptions,
): Promise<readonly CheckResult[]> {
  return (await Promise.all(groups.map((group) => runGroup(group, options)))).flat();
}

async function runGroup(group: CheckGroup, options: RunOptions): Promise<readonly CheckResult[]> {
  const aborter = new AbortController();
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    timeout.reject(new TimeoutError(`No answer came within ${options.timeoutMs / 1_000} s`));
    aborter.abort();
  }, options.timeoutMs);
  try {
    return await Promise.race([begin(group, aborter.signal), timeout.promise]);
  } catch (thrown) {
    return [explained(group, thrown, options)];
  } finally {
    clearTimeout(timer);
  }
}

class TimeoutError extends Error {}

/** What is thrown at once counts as what is thrown later. */
async function begin(group: CheckGroup, signal: AbortSignal): Promise<readonly CheckResult[]> {
  return group.run(signal);
}

/** Statuses of gRPC and of HTTP, and a code of ours. */
const unauthenticated: ReadonlySet<unknown> = new Set([grpcStatus.unauthenticated, 401]);
const denied: ReadonlySet<unknown> = new Set([grpcStatus.permissionDenied, 403, "WAREHOUSE_DENIED"]);
const notOffered: ReadonlySet<unknown> = new Set([grpcStatus.unimplemented, 404, 501]);

function explained(group: CheckGroup, thrown: unknown, options: RunOptions): CheckResult {
  const { id, subject, service } = group;
  const message = messageOf(thrown);
  const code = codeOf(thrown);
  const isTimeout = thrown instanceof TimeoutError;
  if (options.isLocal && notOffered.has(code))
    return unknown(id, subject, `The local server does not offer this: ${message}`, localRemedy);
  if (service !== undefined && isDisabled(message)) return disabled(group, service, options.projectId);
  if (/default credentials/i.test(message) || unauthenticated.has(code))
    return unknown(id, subject, message, "Mend google.credentials first.");
  if (denied.has(code))
    return unknown(id, subject, message, "Run this as somebody who may look at it, such as roles/viewer.");
  if (thrown instanceof BatonError) return unknown(id, subject, message, thrown.remedy);
  return unknown(id, subject, message, isTimeout ? "Look whether the service can be reached." : againRemedy);
}

const localRemedy = "Nothing: it is checked where Google's own services are used.";
const againRemedy = "Run it again; the message says what the service answered.";

/** As Google tells it, for each service in the same words. */
function isDisabled(message: string): boolean {
  return /SERVICE_DISABLED|has not been used in project .* before or it is disabled/.test(message);
}

function disabled({ id, subject }: CheckGroup, service: string, projectId = ""): CheckResult {
  return judge(id, {
    subject,
    holds: false,
    found: `${service} is not enabled in the project`,
    expected: "it is enabled",
    remedy: "Enable it; that takes a minute or two.",
    commands: [gcloud("services enable", [service], { project: projectId })],
  });
}
