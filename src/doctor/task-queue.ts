import type { PermissionSet } from "../composition/permissions.ts";
import type { TaskQueueSettings, TimerChecks } from "../ports/checks.ts";
import { type CheckGroup, type CheckId, type CheckResult, judge } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { gcloud } from "./gcloud.ts";
import { judgePermissions } from "./permission-check.ts";

export const tasksService = "cloudtasks.googleapis.com";

/** Where a queue is, for gcloud. */
export function flagsOf({ google }: CloudContext) {
  return { location: google.location, project: google.projectId };
}

interface Running {
  readonly context: CloudContext;
  readonly subject: string;
  readonly found: TaskQueueSettings;
  /** What happens, or not, while it does not run. */
  readonly purpose: string;
}

/** Whether a queue begins its tasks. */
export function judgeRunning(
  id: CheckId,
  { context, subject, found: { state }, purpose }: Running,
): CheckResult {
  return judge(id, {
    subject,
    holds: state === "RUNNING",
    found: state || "it does not say",
    expected: "RUNNING",
    // A server that leaves the state out does not say that it is another.
    otherwise: isSaid(state) ? "failed" : "unknown",
    remedy: `Let it run: until then ${purpose}.`,
    commands: [gcloud("tasks queues resume", [subject], flagsOf(context))],
  });
}

function isSaid(state: string): boolean {
  return state !== "" && state !== "STATE_UNSPECIFIED";
}

/** What is given up earlier is found by the sweep only. */
const least = { attempts: 10, retrySeconds: 3_600 };

interface Retrying {
  readonly context: CloudContext;
  readonly subject: string;
  readonly found: TaskQueueSettings;
  /** As the infrastructure has them. */
  readonly flags: Readonly<Record<string, string | number>>;
}

/** Whether a queue goes on trying for long enough. */
export function judgeRetry(id: CheckId, { context, subject, found, flags }: Retrying): CheckResult {
  const { maxAttempts, maxRetrySeconds } = found;
  const isPatient =
    maxAttempts === -1
      ? isLong(maxRetrySeconds)
      : maxAttempts >= least.attempts || isLongSet(maxRetrySeconds);
  return judge(id, {
    subject,
    holds: isPatient,
    found: `${maxAttempts === -1 ? "any number of" : maxAttempts} attempts, ${maxRetrySeconds > 0 ? `for ${maxRetrySeconds} s` : "for any time"}`,
    expected: `${least.attempts} attempts or ${least.retrySeconds} s, at the least`,
    otherwise: "warning",
    remedy: "Let it try longer.",
    commands: [gcloud("tasks queues update", [subject], { ...flags, ...flagsOf(context) })],
  });
}

function isLong(seconds: number): boolean {
  return seconds === 0 || isLongSet(seconds);
}

function isLongSet(seconds: number): boolean {
  return seconds >= least.retrySeconds;
}

interface QueuePermissions {
  readonly context: CloudContext;
  readonly checks: TimerChecks;
  readonly subject: string;
  readonly set: PermissionSet;
}

/** What may be done with the tasks of a queue; nothing is said of one that is not there. */
export function queuePermissionGroup(
  id: CheckId,
  { context, checks, subject, set }: QueuePermissions,
): CheckGroup {
  return {
    id,
    subject,
    service: tasksService,
    async run() {
      if (!(await checks.queue())) return [];
      const granted = await checks.permissions(Object.keys(set.needs));
      const grant = (member: string, role: string) =>
        gcloud("tasks queues add-iam-policy-binding", [subject], { member, role, ...flagsOf(context) });
      const asked = { subject, set, granted, caller: context.caller, grant };
      return [judgePermissions(id, asked)];
    },
  };
}
