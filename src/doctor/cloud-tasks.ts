import * as z from "zod";
import { deliverySettings, type PermissionSet, permissions } from "../configuration/google-requirements.ts";
import type { QueueSettings } from "../core/queues.ts";
import { dispatchesPerSecond, taskQueueName } from "../core/queues.ts";
import { type CheckGroup, type CheckId, type CheckResult, judge, unknown } from "./check.ts";
import {
  actAsGroup,
  type CloudContext,
  DurationSchema,
  gcloud,
  grantedPermissions,
  permissionGroup,
  resourceGroup,
  undefinedIfMissing,
} from "./google.ts";

const service = "cloudtasks.googleapis.com";

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

/** The queue of later messages and the queues of BATON_QUEUES, and who may put tasks there. */
export function cloudTasksGroups(context: CloudContext): CheckGroup[] {
  return [...timerGroups(context), ...limitedQueueGroups(context)];
}

interface CheckedQueue {
  readonly subject: string;
  /** The first part of the ids of its checks. */
  readonly ids: "tasks" | "queues";
  readonly set: PermissionSet;
  readonly expected: string;
  readonly remedy: string;
  /** What happens while it does not run. */
  readonly whenPaused: string;
  readonly limitFlags?: Readonly<Record<string, number>>;
  readonly retryFlags: Readonly<Record<string, string | number>>;
  readonly checkLimits?: (found: Queue) => CheckResult;
}

function timerGroups(context: CloudContext): CheckGroup[] {
  const { prefix, location, serviceAccount } = context.google;
  const subject = `${prefix}-timers`;
  if (location === "") {
    const result = unknown("tasks.queue", subject, "BATON_LOCATION is missing", "Set BATON_LOCATION.");
    return [{ id: "tasks.queue", subject, run: () => [result] }];
  }
  const groups = queueGroups(context, {
    subject,
    ids: "tasks",
    set: permissions.cloudTasks,
    expected: `a queue in ${location}`,
    remedy: "Deploy it, or create it.",
    whenPaused: "no retry, sleep or poll ends",
    retryFlags: { ...retryFlags("timers"), "max-doublings": deliverySettings.timers.maxDoublings },
  });
  // Another check reports that the variable is missing.
  if (serviceAccount === undefined) return groups;
  const named = {
    account: serviceAccount,
    variable: "BATON_SERVICE_ACCOUNT",
    set: permissions.serviceAccount,
  };
  return [...groups, actAsGroup(context, "tasks.account", named)];
}

function limitedQueueGroups(context: CloudContext): CheckGroup[] {
  const [account] = context.google.callers?.callers ?? [];
  const queues = [...context.configuration.queues];
  if (queues.length === 0 || account === undefined) return [];
  const groups = queues.flatMap(([queue, settings]) => {
    const subject = taskQueueName(context.google.prefix, queue);
    return queueGroups(context, {
      subject,
      ids: "queues",
      set: permissions.limitedQueues,
      expected: `a queue in ${context.google.location}, since BATON_QUEUES names it`,
      remedy: "Deploy with the same BATON_QUEUES, or create it: until then its tasks do not start.",
      whenPaused: "no task of the queue starts",
      limitFlags: limitFlags(settings),
      retryFlags: retryFlags("limitedQueues"),
      checkLimits: (found) => checkLimits(context, subject, settings, found),
    });
  });
  const named = { account, variable: "BATON_CALLERS", set: permissions.pushAccount };
  return [...groups, actAsGroup(context, "queues.account", named)];
}

function retryFlags(queue: "timers" | "limitedQueues") {
  const { maxAttempts, minBackoffSeconds, maxBackoffSeconds } = deliverySettings[queue];
  return {
    "max-attempts": maxAttempts === -1 ? "unlimited" : maxAttempts,
    "min-backoff": `${minBackoffSeconds}s`,
    "max-backoff": `${maxBackoffSeconds}s`,
  };
}

function limitFlags(settings: QueueSettings) {
  return {
    "max-concurrent-dispatches": settings.concurrency,
    "max-dispatches-per-second": dispatchesPerSecond(settings),
  };
}

function queueGroups(context: CloudContext, queue: CheckedQueue): CheckGroup[] {
  const { subject, ids, set } = queue;
  const { projectId, location } = context.google;
  const rest = context.services.cloudTasks;
  const path = `/v2/projects/${projectId}/locations/${location}/queues/${subject}`;
  const flags = { location, project: projectId };
  const exists = resourceGroup(context, {
    id: `${ids}.queue`,
    subject,
    service,
    rest,
    path,
    answer: QueueSchema,
    kind: "queue",
    expected: queue.expected,
    remedy: queue.remedy,
    create: gcloud("tasks queues create", [subject], { ...queue.limitFlags, ...queue.retryFlags, ...flags }),
    checkSettings: (found) => [
      judge(`${ids}.state`, {
        subject,
        holds: found.state === "RUNNING",
        found: found.state || "it does not say",
        expected: "RUNNING",
        // A local server may leave the state out.
        otherwise: found.state === "" || found.state === "STATE_UNSPECIFIED" ? "unknown" : "failed",
        remedy: `Let it run: until then ${queue.whenPaused}.`,
        commands: [gcloud("tasks queues resume", [subject], flags)],
      }),
      ...(queue.checkLimits ? [queue.checkLimits(found)] : []),
      checkRetry(`${ids}.retry`, subject, found, [
        gcloud("tasks queues update", [subject], { ...queue.retryFlags, ...flags }),
      ]),
    ],
  });
  const permission = permissionGroup(context, `${ids}.permissions`, {
    subject,
    service,
    set,
    granted: (signal) => undefinedIfMissing(grantedPermissions(rest, path, set, signal)),
    grant: (member, role) =>
      gcloud("tasks queues add-iam-policy-binding", [subject], { member, role, ...flags }),
  });
  return [exists, permission];
}

/** What is given up earlier is found by the sweep only. */
const least = { attempts: 10, retrySeconds: 3_600 };

function checkRetry(
  id: CheckId,
  subject: string,
  { retryConfig: { maxAttempts, maxRetryDuration } }: Queue,
  commands: readonly string[],
): CheckResult {
  const isLong = maxRetryDuration >= least.retrySeconds;
  const isPatient =
    maxAttempts === -1 ? isLong || maxRetryDuration === 0 : isLong || maxAttempts >= least.attempts;
  const attempts = maxAttempts === -1 ? "any number of" : maxAttempts;
  return judge(id, {
    subject,
    holds: isPatient,
    found: `${attempts} attempts, ${maxRetryDuration > 0 ? `for ${maxRetryDuration} s` : "for any time"}`,
    expected: `at least ${least.attempts} attempts or ${least.retrySeconds} s`,
    otherwise: "warning",
    remedy: "Let it try longer.",
    commands,
  });
}

function checkLimits(
  { google }: CloudContext,
  subject: string,
  settings: QueueSettings,
  { rateLimits: { maxConcurrentDispatches, maxDispatchesPerSecond } }: Queue,
): CheckResult {
  const perSecond = dispatchesPerSecond(settings);
  // A rate is a fraction, and Cloud Tasks does not keep every digit.
  const hasRate = Math.abs(maxDispatchesPerSecond - perSecond) <= perSecond / 100;
  const flags = { ...limitFlags(settings), location: google.location, project: google.projectId };
  return judge("queues.limits", {
    subject,
    holds: maxConcurrentDispatches === settings.concurrency && hasRate,
    found: limitsText(maxConcurrentDispatches, maxDispatchesPerSecond),
    expected: `${limitsText(settings.concurrency, perSecond)}, as BATON_QUEUES says`,
    otherwise: "warning",
    remedy: "Deploy with the same BATON_QUEUES, or update it.",
    commands: [gcloud("tasks queues update", [subject], flags)],
  });
}

function limitsText(atOnce: number, perSecond: number): string {
  return `${atOnce} at once, ${Number(perSecond.toPrecision(4))} a second`;
}
