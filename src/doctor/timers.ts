import * as z from "zod";
import { sparseObject } from "../adapters/remote/service-response.ts";
import { permissions } from "../configuration/google-requirements.ts";
import { CONTROL_QUEUE } from "../core/messages.ts";
import { dispatchesPerSecond, type QueueSettings, taskQueueName, topicName } from "../core/queues.ts";
import { tryParseJson } from "../core/values/json.ts";
import {
  type CheckGroup,
  type CheckResult,
  checkResult,
  type Finding,
  gcloud,
  unknownResult,
} from "./check.ts";
import {
  actAsGroup,
  type CloudContext,
  DurationSchema,
  listOf,
  permissionGroup,
  readPages,
  resourceGroup,
  resourceId,
  serviceGroup,
  TextSchema,
} from "./google.ts";

/** A queue, with the defaults of Cloud Tasks: https://cloud.google.com/tasks/docs/configuring-queues */
const QueueSchema = z.object({
  name: z.string(),
  state: TextSchema,
  rateLimits: z
    .object({
      maxConcurrentDispatches: z.number().default(1_000),
      maxDispatchesPerSecond: z.number().default(500),
    })
    .prefault({}),
  /** No limit is -1 for the attempts, and 0 for the duration. */
  retryConfig: z
    .object({ maxAttempts: z.number().default(100), maxRetryDuration: DurationSchema.default(0) })
    .prefault({}),
});
type Queue = z.infer<typeof QueueSchema>;

/** The queue of delayed messages and the queues of BATON_QUEUES, and the permissions on them. */
export function cloudTasksGroups(context: CloudContext): CheckGroup[] {
  const { google, configuration } = context;
  const { prefix, location, serviceAccount } = google;
  const timers = `${prefix}-timers`;
  const noLocation = unknownResult("tasks.queue", timers, "BATON_LOCATION is missing", "Set BATON_LOCATION.");
  if (location === "") return [{ id: "tasks.queue", subject: timers, run: () => [noLocation] }];
  const [pushAccount] = google.callers?.callers ?? [];
  // Other checks report missing accounts.
  const accounts = [
    ["tasks.account", serviceAccount, "BATON_SERVICE_ACCOUNT", permissions.serviceAccount],
    [
      "queues.account",
      configuration.queues.size > 0 && pushAccount,
      "BATON_CALLERS",
      permissions.pushAccount,
    ],
  ] as const;
  return [
    ...queueGroups(context, "tasks", timers),
    ...[...(pushAccount === undefined ? [] : configuration.queues)].flatMap(([queue, settings]) =>
      queueGroups(context, "queues", taskQueueName(prefix, queue), settings),
    ),
    ...accounts.flatMap(([id, account, variable, set]) =>
      account ? [actAsGroup(context, id, account, { variable, set })] : [],
    ),
  ];
}

/** `settings`: the limits of BATON_QUEUES; `ids`: the first part of the ids of its checks. */
function queueGroups(
  context: CloudContext,
  ids: "tasks" | "queues",
  subject: string,
  settings?: QueueSettings,
): CheckGroup[] {
  const { projectId: project, location } = context.google;
  const kind = "queue";
  const effect = ids === "tasks" ? "no retry, sleep or poll ends" : "no task of the queue starts";
  const exists = resourceGroup(context, `${ids}.queue`, subject, {
    kind,
    answer: QueueSchema,
    finding: {
      expected: `a queue in ${location}`,
      remedy: `Deploy it${settings ? " with the same BATON_QUEUES" : ""}: until then ${effect}.`,
      deploys: true,
    },
    settings: (queue) => [
      checkResult(`${ids}.state`, subject, {
        found: queue.state || "the answer does not say",
        expected: "RUNNING",
        // A local server may leave the state out.
        severity: queue.state === "" || queue.state === "STATE_UNSPECIFIED" ? "unknown" : "failed",
        remedy: `Resume it: until then ${effect}.`,
        commands: [gcloud("tasks queues resume", [subject], { location, project })],
      }),
      ...(settings ? [checkLimits(subject, settings, queue.rateLimits)] : []),
      checkResult(`${ids}.retry`, subject, findRetry(queue.retryConfig)),
    ],
  });
  const set = ids === "tasks" ? permissions.cloudTasks : permissions.limitedQueues;
  return [exists, permissionGroup(context, `${ids}.permissions`, subject, { kind, set })];
}

/** After less than this, only a sweep finds the task. */
const leastAttempts = 10;
const leastRetrySeconds = 3_600;

function findRetry({ maxAttempts, maxRetryDuration }: Queue["retryConfig"]): Finding {
  const hasAttempts = maxAttempts === -1 ? maxRetryDuration === 0 : maxAttempts >= leastAttempts;
  const attempts = maxAttempts === -1 ? "any number of" : maxAttempts;
  return {
    holds: maxRetryDuration >= leastRetrySeconds || hasAttempts,
    found: `${attempts} attempts, ${maxRetryDuration > 0 ? `for ${maxRetryDuration} s` : "for any time"}`,
    expected: `at least ${leastAttempts} attempts or ${leastRetrySeconds} s`,
    severity: "warning",
  };
}

function checkLimits(subject: string, settings: QueueSettings, actual: Queue["rateLimits"]): CheckResult {
  const perSecond = dispatchesPerSecond(settings);
  // A rate is a fraction, and Cloud Tasks does not keep every digit.
  const hasRate = Math.abs(actual.maxDispatchesPerSecond - perSecond) <= perSecond / 100;
  const text = (concurrency: number, rate: number) =>
    `${concurrency} at once, ${Number(rate.toPrecision(4))} a second`;
  return checkResult("queues.limits", subject, {
    holds: actual.maxConcurrentDispatches === settings.concurrency && hasRate,
    found: text(actual.maxConcurrentDispatches, actual.maxDispatchesPerSecond),
    expected: `${text(settings.concurrency, perSecond)}, as BATON_QUEUES says`,
    severity: "warning",
    remedy: "Deploy with the same BATON_QUEUES.",
    deploys: true,
  });
}

const JobSchema = z.object({
  name: z.string(),
  schedule: TextSchema,
  state: TextSchema,
  pubsubTarget: z.object({ topicName: z.string(), data: TextSchema }).optional(),
});
const JobsSchema = sparseObject({ jobs: listOf(JobSchema), nextPageToken: z.string().optional() });
type Job = z.infer<typeof JobSchema>;

const everyMinute = /^(?:\* \* \* \* \*|\*\/1 \* \* \* \*|every 1 min(?:ute)?s)$/;

const MessageSchema = z.object({ kind: z.string() });

/** The jobs of Cloud Scheduler that publish a sweep and a tick every minute. */
export function schedulerGroup({ google, services }: CloudContext): CheckGroup {
  const { location, projectId } = google;
  const id = "scheduler.sweep";
  const variable = "BATON_LOCATION";
  return serviceGroup(id, location || variable, "scheduler", async (signal) => {
    if (location === "") return [unknownResult(id, variable, "it is missing", `Set ${variable}.`)];
    const path = `/v1/projects/${projectId}/locations/${location}/jobs?pageSize=500`;
    const pages = await readPages(services.scheduler, path, JobsSchema, signal);
    const jobs = pages.flatMap((page) => page.jobs);
    return (["sweep", "tick"] as const).map((kind) => checkJob(google, kind, jobs));
  });
}

function checkJob(google: CloudContext["google"], kind: "sweep" | "tick", jobs: readonly Job[]): CheckResult {
  const topic = topicName(google.prefix, CONTROL_QUEUE);
  const candidates = jobs.filter(({ pubsubTarget: target }) => {
    if (!target || resourceId(target.topicName) !== topic) return false;
    const message = tryParseJson(Buffer.from(target.data, "base64").toString());
    return MessageSchema.safeParse(message).data?.kind === kind;
  });
  const isRight = ({ state, schedule }: Job) => state === "ENABLED" && everyMinute.test(schedule.trim());
  const job = candidates.find(isRight) ?? candidates[0];
  const subject = job ? resourceId(job.name) : `${google.prefix}-${kind}`;
  const place = { location: google.location, project: google.projectId };
  return checkResult(`scheduler.${kind}`, subject, {
    holds: job !== undefined && isRight(job),
    found: job ? `${job.schedule}, ${job.state}` : "there is no such job",
    expected: `an ENABLED job that publishes {"kind":"${kind}"} to ${topic} every minute`,
    // A deployment does not resume a paused job.
    commands: job && job.state !== "ENABLED" ? [gcloud("scheduler jobs resume", [subject], place)] : [],
  });
}
