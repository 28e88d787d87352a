import * as z from "zod";
import { type PermissionSet, permissions } from "../configuration/google-requirements.ts";
import { dispatchesPerSecond, type QueueSettings, taskQueueName } from "../core/queues.ts";
import { type CheckGroup, type CheckResult, checkResult, unknownResult } from "./check.ts";
import {
  actAsGroup,
  type CloudContext,
  DurationSchema,
  gcloud,
  permissionGroup,
  resourceGroup,
} from "./google.ts";

/** A queue, with the defaults of Cloud Tasks: https://cloud.google.com/tasks/docs/configuring-queues */
const QueueSchema = z.object({
  name: z.string(),
  state: z.string().default(""),
  rateLimits: z
    .object({
      maxConcurrentDispatches: z.number().default(1_000),
      maxDispatchesPerSecond: z.number().default(500),
    })
    .prefault({}),
  retryConfig: z
    .object({
      /** -1: no limit. */
      maxAttempts: z.number().default(100),
      /** 0: no limit. */
      maxRetryDuration: DurationSchema.default(0),
    })
    .prefault({}),
});
type Queue = z.infer<typeof QueueSchema>;

/** The queue of delayed messages and the queues of BATON_QUEUES, and the permissions on them. */
export function cloudTasksGroups(context: CloudContext): CheckGroup[] {
  return [...timerGroups(context), ...limitedQueueGroups(context)];
}

function timerGroups(context: CloudContext): CheckGroup[] {
  const { prefix, location, serviceAccount: account } = context.google;
  const subject = `${prefix}-timers`;
  if (location === "") {
    const result = unknownResult("tasks.queue", subject, "BATON_LOCATION is missing", "Set BATON_LOCATION.");
    return [{ id: "tasks.queue", subject, run: () => [result] }];
  }
  const groups = queueGroups(context, subject, {
    ids: "tasks",
    set: permissions.cloudTasks,
    effect: "no retry, sleep or poll ends",
  });
  // Another check reports that the variable is missing.
  if (account === undefined) return groups;
  const named = { account, variable: "BATON_SERVICE_ACCOUNT", set: permissions.serviceAccount };
  return [...groups, actAsGroup(context, "tasks.account", named)];
}

function limitedQueueGroups(context: CloudContext): CheckGroup[] {
  const [account] = context.google.callers?.callers ?? [];
  const queues = [...context.configuration.queues];
  if (queues.length === 0 || account === undefined) return [];
  const groups = queues.flatMap(([queue, settings]) =>
    queueGroups(context, taskQueueName(context.google.prefix, queue), {
      ids: "queues",
      set: permissions.limitedQueues,
      effect: "no task of the queue starts",
      settings,
    }),
  );
  const named = { account, variable: "BATON_CALLERS", set: permissions.pushAccount };
  return [...groups, actAsGroup(context, "queues.account", named)];
}

interface QueueCheck {
  /** The first part of the ids of its checks. */
  readonly ids: "tasks" | "queues";
  readonly set: PermissionSet;
  /** What happens while it does not run. */
  readonly effect: string;
  /** The limits of BATON_QUEUES. */
  readonly settings?: QueueSettings;
}

function queueGroups(context: CloudContext, subject: string, check: QueueCheck): CheckGroup[] {
  const { ids, set, effect, settings } = check;
  const { projectId: project, location } = context.google;
  const path = `/v2/projects/${project}/locations/${location}/queues/${subject}`;
  const exists = resourceGroup(context, `${ids}.queue`, subject, {
    service: "cloudTasks",
    path,
    answer: QueueSchema,
    kind: "queue",
    finding: {
      expected: `a queue in ${location}`,
      remedy: `Deploy it${settings ? " with the same BATON_QUEUES" : ""}: until then ${effect}.`,
      deploys: true,
    },
    checkSettings: (queue) => [
      checkResult(`${ids}.state`, subject, {
        holds: queue.state === "RUNNING",
        found: queue.state || "the answer does not say",
        expected: "RUNNING",
        // A local server may leave the state out.
        severity: queue.state === "" || queue.state === "STATE_UNSPECIFIED" ? "unknown" : "failed",
        remedy: `Resume it: until then ${effect}.`,
        commands: [gcloud("tasks queues resume", [subject], { location, project })],
      }),
      ...(settings ? [checkLimits(subject, settings, queue)] : []),
      checkRetry(`${ids}.retry`, subject, queue),
    ],
  });
  return [
    exists,
    permissionGroup(context, `${ids}.permissions`, subject, { service: "cloudTasks", set, path }),
  ];
}

/** After less than this, only a sweep finds the task. */
const leastAttempts = 10;
const leastRetrySeconds = 3_600;

function checkRetry(
  id: "tasks.retry" | "queues.retry",
  subject: string,
  { retryConfig }: Queue,
): CheckResult {
  const { maxAttempts, maxRetryDuration } = retryConfig;
  const hasAttempts = maxAttempts === -1 ? maxRetryDuration === 0 : maxAttempts >= leastAttempts;
  const attempts = maxAttempts === -1 ? "any number of" : maxAttempts;
  return checkResult(id, subject, {
    holds: maxRetryDuration >= leastRetrySeconds || hasAttempts,
    found: `${attempts} attempts, ${maxRetryDuration > 0 ? `for ${maxRetryDuration} s` : "for any time"}`,
    expected: `at least ${leastAttempts} attempts or ${leastRetrySeconds} s`,
    severity: "warning",
  });
}

function checkLimits(subject: string, settings: QueueSettings, { rateLimits }: Queue): CheckResult {
  const { maxConcurrentDispatches, maxDispatchesPerSecond } = rateLimits;
  const perSecond = dispatchesPerSecond(settings);
  // A rate is a fraction, and Cloud Tasks does not keep every digit.
  const hasRate = Math.abs(maxDispatchesPerSecond - perSecond) <= perSecond / 100;
  return checkResult("queues.limits", subject, {
    holds: maxConcurrentDispatches === settings.concurrency && hasRate,
    found: limitsText(maxConcurrentDispatches, maxDispatchesPerSecond),
    expected: `${limitsText(settings.concurrency, perSecond)}, as BATON_QUEUES says`,
    severity: "warning",
    remedy: "Deploy with the same BATON_QUEUES.",
    deploys: true,
  });
}

function limitsText(concurrency: number, perSecond: number): string {
  return `${concurrency} at once, ${Number(perSecond.toPrecision(4))} a second`;
}
