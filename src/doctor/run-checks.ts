import { BatonError, codeOf, messageOf } from "../core/errors.ts";
import { type CheckGroup, type CheckResult, judge, unknown } from "./check.ts";
import { gcloud } from "./google.ts";

export interface RunOptions {
  /** How long a group may take. */
  readonly timeoutMs: number;
  readonly projectId: string | undefined;
  /** Local servers take the place of Google's services. */
  readonly isLocal: boolean;
}

/** Runs all groups at the same time. A group that fails does not keep the others from their results. */
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
    return [explain(group, thrown, options)];
  } finally {
    clearTimeout(timer);
  }
}

/** Says why a group has no results, and what to do. */
function explain(
  { id, subject, service }: CheckGroup,
  thrown: unknown,
  { isLocal, projectId = "" }: RunOptions,
): CheckResult {
  const message = messageOf(thrown);
  const code = codeOf(thrown);
  const failed = (remedy: string) => unknown(id, subject, message, remedy);
  if (isLocal && (code === 0 || code === 404 || code === 501)) {
    const remedy = "Nothing: it is checked where Google's own services are used.";
    return unknown(id, subject, `The local server does not offer this: ${message}`, remedy);
  }
  // Every service of Google says so in these words.
  if (service && /SERVICE_DISABLED|has not been used in project .* before or it is disabled/.test(message))
    return judge(id, {
      subject,
      holds: false,
      found: `${service} is not enabled in the project`,
      expected: "it is enabled",
      remedy: "Enable it; that takes a minute or two.",
      commands: [gcloud("services enable", [service], { project: projectId })],
    });
  if (code === 401 || /default credentials/i.test(message)) return failed("Fix google.credentials first.");
  if (code === 403 || code === "WAREHOUSE_DENIED")
    return failed("Run this with an account that may look at it, for example one with roles/viewer.");
  if (thrown instanceof BatonError) return failed(thrown.remedy);
  if (thrown instanceof TimeoutError) return failed("Check whether the service can be reached.");
  return failed("Run it again; the message says what the service answered.");
}
