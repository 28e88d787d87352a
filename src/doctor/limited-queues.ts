import { permissions } from "../composition/permissions.ts";
import { dispatchesPerSecond } from "../core/limited-queues.ts";
import type { QueueSettings } from "../core/queues.ts";
import { taskQueueOf } from "../core/topics.ts";
import type { AccountChecks, TaskQueueSettings, TimerChecks } from "../ports/checks.ts";
import { actAsGroup } from "./act-as.ts";
import { type CheckGroup, type CheckResult, judge } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { deployCommand } from "./deploy-command.ts";
import { gcloud } from "./gcloud.ts";
import { flagsOf, judgeRetry, judgeRunning, queuePermissionGroup, tasksService } from "./task-queue.ts";

/** A queue of BATON_QUEUES, and how its Cloud Tasks queue is looked at. */
export interface LimitedQueue {
  readonly queue: string;
  readonly settings: QueueSettings;
  readonly checks: TimerChecks;
}

/** The Cloud Tasks queues of BATON_QUEUES, and who may put tasks there. Its variables are looked at elsewhere. */
export function limitedQueueGroups(
  context: CloudContext,
  queues: readonly LimitedQueue[],
  accounts: AccountChecks,
): CheckGroup[] {
  const [caller] = context.google.callers?.callers ?? [];
  if (queues.length === 0 || caller === undefined) return [];
  return [
    ...queues.flatMap((queue) => {
      const subject = taskQueueOf(context.google.prefix, queue.queue);
      const set = permissions.limitedQueues;
      return [
        limitsGroup(context, subject, queue),
        queuePermissionGroup("queues.permissions", { context, checks: queue.checks, subject, set }),
      ];
    }),
    actAsGroup("queues.account", {
      context,
      accounts,
      account: caller,
      variable: "BATON_CALLERS",
      set: permissions.pushAccount,
    }),
  ];
}

function limitsGroup(context: CloudContext, subject: string, { settings, checks }: LimitedQueue): CheckGroup {
  return {
    id: "queues.queue",
    subject,
    service: tasksService,
    async run() {
      const found = await checks.queue();
      const flags = { ...limitFlags(settings), ...retryFlags, ...flagsOf(context) };
      const exists = judge("queues.queue", {
        subject,
        holds: found !== undefined,
        found: found ? "it is there" : "there is no such queue",
        expected: `a queue in ${context.google.location}, since BATON_QUEUES names it`,
        remedy: "Deploy with the same BATON_QUEUES, or create it: until then its tasks are not begun.",
        deployCommand: deployCommand(context.google),
        commands: [gcloud("tasks queues create", [subject], flags)],
      });
      if (!found) return [exists];
      const state = { context, subject, found, purpose: "no task of the queue is begun" };
      return [
        exists,
        judgeRunning("queues.state", state),
        judgeLimits(context, subject, settings, found),
        judgeRetry("queues.retry", { context, subject, found, flags: retryFlags }),
      ];
    },
  };
}

/** As infra/tasks.tf has it. */
const retryFlags = { "max-attempts": "unlimited", "min-backoff": "10s", "max-backoff": "600s" } as const;

function limitFlags(settings: QueueSettings) {
  return {
    "max-concurrent-dispatches": settings.concurrency,
    "max-dispatches-per-second": dispatchesPerSecond(settings),
  };
}

function judgeLimits(
  context: CloudContext,
  subject: string,
  settings: QueueSettings,
  { maxConcurrentDispatches, maxDispatchesPerSecond }: TaskQueueSettings,
): CheckResult {
  const perSecond = dispatchesPerSecond(settings);
  return judge("queues.limits", {
    subject,
    holds: maxConcurrentDispatches === settings.concurrency && isAlmost(maxDispatchesPerSecond, perSecond),
    found: limitsText(maxConcurrentDispatches, maxDispatchesPerSecond),
    expected: `${limitsText(settings.concurrency, perSecond)}, as BATON_QUEUES says`,
    otherwise: "warning",
    remedy: "Deploy with the same BATON_QUEUES, or update it.",
    commands: [gcloud("tasks queues update", [subject], { ...limitFlags(settings), ...flagsOf(context) })],
  });
}

function limitsText(atOnce: number, perSecond: number): string {
  return `${atOnce} at once, ${Number(perSecond.toPrecision(4))} a second`;
}

/** A rate is a fraction, of which not every digit is kept. */
function isAlmost(found: number, wanted: number): boolean {
  return Math.abs(found - wanted) <= wanted / 100;
}
