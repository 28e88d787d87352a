import type { AccountChecks, TaskQueueSettings, TimerChecks } from "../../ports/checks.ts";
import { permissions } from "../permissions.ts";
import { actAsGroup } from "./act-as.ts";
import { type CheckGroup, type CheckResult, judge, unknown } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { gcloud } from "./gcloud.ts";
import { flagsOf, judgeRunning, queuePermissionGroup, tasksService } from "./task-queue.ts";

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
    queuePermissionGroup("tasks.permissions", { context, checks, subject, set: permissions.cloudTasks }),
    ...accountGroup(context, accounts),
  ];
}

const noLocation = ["BATON_LOCATION is missing", "Set BATON_LOCATION."] as const;

function queueGroup(context: CloudContext, checks: TimerChecks, subject: string): CheckGroup {
  return {
    id: "tasks.queue",
    subject,
    service: tasksService,
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
  const { maxAttempts, maxRetrySeconds } = found;
  const isPatient =
    maxAttempts === -1
      ? isLong(maxRetrySeconds)
      : maxAttempts >= least.attempts || isLongSet(maxRetrySeconds);
  return [
    judgeRunning("tasks.state", {
      context,
      subject,
      found,
      purpose: "no retry, sleep or poll comes to an end",
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

/** A missing variable is told by another check. */
function accountGroup(context: CloudContext, accounts: AccountChecks): CheckGroup[] {
  const { serviceAccount: account } = context.google;
  if (account === undefined) return [];
  const asked = { context, accounts, account, variable: "BATON_SERVICE_ACCOUNT" };
  return [actAsGroup("tasks.account", { ...asked, set: permissions.serviceAccount })];
}
