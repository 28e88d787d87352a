import { permissions } from "../composition/permissions.ts";
import type { AccountChecks, TaskQueueSettings, TimerChecks } from "../ports/checks.ts";
import { actAsGroup } from "./act-as.ts";
import { type CheckGroup, type CheckResult, judge, unknown } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { deployCommand } from "./deploy-command.ts";
import { gcloud } from "./gcloud.ts";
import { flagsOf, judgeRetry, judgeRunning, queuePermissionGroup, tasksService } from "./task-queue.ts";

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
        remedy: "Deploy it, or create it.",
        deployCommand: deployCommand(context.google),
        commands: [gcloud("tasks queues create", [subject], { ...retryFlags, ...flagsOf(context) })],
      });
      return found ? [exists, ...judgeQueue(context, subject, found)] : [exists];
    },
  };
}

/** As infra/tasks.tf has it. */
const retryFlags = {
  "max-attempts": 100,
  "min-backoff": "1s",
  "max-backoff": "300s",
  "max-doublings": 9,
} as const;

function judgeQueue(context: CloudContext, subject: string, found: TaskQueueSettings): CheckResult[] {
  const state = { context, subject, found, purpose: "no retry, sleep or poll comes to an end" };
  return [
    judgeRunning("tasks.state", state),
    judgeRetry("tasks.retry", { context, subject, found, flags: retryFlags }),
  ];
}

/** A missing variable is told by another check. */
function accountGroup(context: CloudContext, accounts: AccountChecks): CheckGroup[] {
  const { serviceAccount: account } = context.google;
  if (account === undefined) return [];
  const asked = { context, accounts, account, variable: "BATON_SERVICE_ACCOUNT" };
  return [actAsGroup("tasks.account", { ...asked, set: permissions.serviceAccount })];
}
