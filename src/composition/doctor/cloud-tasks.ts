import type { AccountChecks, TaskQueueSettings, TimerChecks } from "../../ports/checks.ts";
import { permissions } from "../permissions.ts";
import { type CheckGroup, type CheckResult, judge, unknown } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { gcloud } from "./gcloud.ts";
import { judgePermissions } from "./permission-check.ts";

const service = "cloudtasks.googleapis.com";
/** What is given up earlier is found by the sweep only. */
const least = { attempts: 10, retrySeconds: 3_600 };

/** The queue of later messages, and who may put them there. */
export function timerGroups(
  context: CloudContext,
  checks: TimerChecks,
  accounts: AccountChecks,
): CheckGroup[] {
  const subject = `${context.google.prefix}-timers`;
  if (context.google.location === "")
    return [{ id: "tasks.queue", subject, run: () => [unknown("tasks.queue", subject, ...noLocation)] }];
  return [
    queueGroup(context, checks, subject),
    permissionGroup(context, checks, subject),
    ...accountGroup(context, accounts),
  ];
}

const noLocation = ["BATON_LOCATION is missing", "Set BATON_LOCATION."] as const;

function flagsOf({ google }: CloudContext) {
  return { location: google.location, project: google.projectId };
}

function queueGroup(context: CloudContext, checks: TimerChecks, subject: string): CheckGroup {
  return {
    id: "tasks.queue",
    subject,
    service,
    async run() {
      const found = await checks.queue();
      const exists = judge("tasks.queue", {
        subject,
        holds: found !== undefined,
        found: found ? "it is there" : "there is no such queue",
        expected: `a queue in ${context.google.location}`,
        remedy: "Create it.",
        commands: [gcloud("tasks queues create", [subject], { ...retryFlags, ...flagsOf(context) })],
      });
      return found ? [exists, ...judgeQueue(context, subject, found)] : [exists];
    },
  };
}

const retryFlags = { "max-attempts": 100, "max-backoff": "300s" } as const;

function judgeQueue(context: CloudContext, subject: string, found: TaskQueueSettings): CheckResult[] {
  const { state, maxAttempts, maxRetrySeconds } = found;
  const isPatient =
    maxAttempts === -1
      ? isLong(maxRetrySeconds)
      : maxAttempts >= least.attempts || isLongSet(maxRetrySeconds);
  return [
    judge("tasks.state", {
      subject,
      holds: state === "RUNNING",
      found: state || "it does not say",
      expected: "RUNNING",
      // A server that leaves the state out does not say that it is another.
      otherwise: isSaid(state) ? "failed" : "unknown",
      remedy: "Let it run: until then no retry, sleep or poll comes to an end.",
      commands: [gcloud("tasks queues resume", [subject], flagsOf(context))],
    }),
    judge("tasks.retry", {
      subject,
      holds: isPatient,
      found: `${maxAttempts === -1 ? "any number of" : maxAttempts} attempts, ${maxRetrySeconds > 0 ? `for ${maxRetrySeconds} s` : "for any time"}`,
      expected: `${least.attempts} attempts or ${least.retrySeconds} s, at the least`,
      otherwise: "warning",
      remedy: "Let it try longer.",
      commands: [gcloud("tasks queues update", [subject], { ...retryFlags, ...flagsOf(context) })],
    }),
  ];
}

function isLong(seconds: number): boolean {
  return seconds === 0 || isLongSet(seconds);
}

function isLongSet(seconds: number): boolean {
  return seconds >= least.retrySeconds;
}

function isSaid(state: string): boolean {
  return state !== "" && state !== "STATE_UNSPECIFIED";
}

function permissionGroup(context: CloudContext, checks: TimerChecks, subject: string): CheckGroup {
  const set = permissions.cloudTasks;
  return {
    id: "tasks.permissions",
    subject,
    service,
    async run() {
      if (!(await checks.queue())) return [];
      const granted = await checks.permissions(Object.keys(set.needs));
      const grant = (member: string, role: string) =>
        gcloud("tasks queues add-iam-policy-binding", [subject], { member, role, ...flagsOf(context) });
      const asked = { subject, set, granted, caller: context.caller, grant };
      return [judgePermissions("tasks.permissions", asked)];
    },
  };
}

/** A missing variable is told by another check. */
function accountGroup(context: CloudContext, accounts: AccountChecks): CheckGroup[] {
  const { serviceAccount, projectId } = context.google;
  if (serviceAccount === undefined) return [];
  const set = permissions.serviceAccount;
  return [
    {
      id: "tasks.account",
      subject: serviceAccount,
      service: "iam.googleapis.com",
      async run(signal) {
        const granted = await accounts.onServiceAccount(serviceAccount, Object.keys(set.needs), signal);
        if (!granted) return [missingAccount(serviceAccount, projectId)];
        const grant = (member: string, role: string) =>
          gcloud("iam service-accounts add-iam-policy-binding", [serviceAccount], {
            member,
            role,
            project: projectId,
          });
        const asked = { subject: serviceAccount, set, granted, caller: context.caller, grant };
        return [judgePermissions("tasks.account", asked)];
      },
    },
  ];
}

function missingAccount(account: string, projectId: string): CheckResult {
  return judge("tasks.account", {
    subject: account,
    holds: false,
    found: "there is no such account",
    expected: "the account of BATON_SERVICE_ACCOUNT",
    remedy: "Create it, or correct BATON_SERVICE_ACCOUNT.",
    commands: [gcloud("iam service-accounts create", [account.split("@")[0] ?? ""], { project: projectId })],
  });
}
