import { CALLBACK_QUEUE, CONTROL_QUEUE } from "../core/messages.ts";
import { subscriptionName, taskQueueName, topicName } from "../core/queues.ts";
import { daySeconds } from "../core/values/time.ts";
import { functionSecrets } from "./function.ts";
import { accountOf, type Deployment, type Part } from "./plan.ts";
import type { DeploymentSettings } from "./settings.ts";

/** Something that is created, and what it is for. */
export interface Resource {
  readonly kind: string;
  readonly name: string;
  readonly purpose: string;
}

/** The resource that is no part of the infrastructure. */
const functionKind = "Cloud Run function";

/** A bucket that existed before, and stays. */
export const broughtBucket = "bucket that is there";

/** Everything that parts of a deployment create, but for permissions, alerts and the dashboard. */
export function resourcesOf(deployment: Deployment, parts: readonly Part[]): readonly Resource[] {
  const { prefix, region, projectId, inboxBucket, queueLimits, announcesFiles } = deployment;
  const topics = [
    [topicName(prefix, CONTROL_QUEUE), "completions, starts, sweeps, files"],
    [topicName(prefix, CALLBACK_QUEUE), "callbacks that are to be sent"],
    ...deployment.queues.map((queue) => [topicName(prefix, queue), `tasks of the queue ${queue}`] as const),
  ] as const;
  const isInboxMade = inboxBucket === `${projectId}-${prefix}-inbox`;
  const resources: readonly (readonly [kind: string, name: string, purpose: string])[] = [
    [
      "Firestore database",
      `${deployment.databaseId} (${deployment.firestoreLocation})`,
      "batches, TaskLogs, keys, callbacks",
    ],
    ...topics.flatMap(
      ([topic, purpose]) =>
        [
          ["Pub/Sub topic", topic, purpose],
          ["Pub/Sub subscription", subscriptionName(topic), "pushes them to the function"],
        ] as const,
    ),
    ["Pub/Sub topic", `${prefix}-dead-letters`, "messages that failed at a hundred deliveries"],
    ["Pub/Sub subscription", `${prefix}-dead-letters`, "keeps them until they are read"],
    ["Cloud Tasks queue", `${prefix}-timers`, "messages for later: retries, sleeps, polls"],
    ...queueLimits.map(
      ({ queue, concurrency, rate }) =>
        [
          "Cloud Tasks queue",
          taskQueueName(prefix, queue),
          `tasks of the queue ${queue}: ${concurrency} at once, ${rate === null ? "as fast as they come" : `${rate} at most, but for a burst after a pause`}`,
        ] as const,
    ),
    ["Cloud Scheduler job", `${prefix}-sweep`, "every minute: finds work that lost its driver"],
    ["Cloud Scheduler job", `${prefix}-tick`, "every minute: starts what the schedules of workflows say"],
    ["bucket", deployment.bucket, "large results, reports, dead letters, definitions"],
    [
      isInboxMade ? "bucket" : broughtBucket,
      inboxBucket,
      announcesFiles ? "files dropped here start workflows" : "files; no workflow is started by one",
    ],
    [
      "BigQuery dataset",
      `${deployment.dataset} (${deployment.bigQueryLocation})`,
      "tables of tasks, and the archive of callbacks",
    ],
    ...functionSecrets(deployment).map(
      ([variable, secret]) => ["secret", secret, `the function's ${variable}`] as const,
    ),
    ["service account", accountOf(deployment, "function"), "the function, and what Cloud Tasks publishes"],
    ["service account", accountOf(deployment, "push"), "may call the function, and nothing else"],
    ["service account", accountOf(deployment, "build"), "builds the image of the function"],
    ["service account", accountOf(deployment, "deployer"), "deploys from Cloud Build"],
    ["Artifact Registry repository", `${prefix} (${region})`, "images of the function"],
    [functionKind, `${deployment.functionName} (${region})`, "runs the tasks"],
  ];
  return resources
    .filter(([kind]) => parts.includes(kind === functionKind ? "function" : "infrastructure"))
    .map(([kind, name, purpose]) => ({ kind, name, purpose }));
}

/** USD a month without kept instances: the first column of the table in docs/deploy.md; a test compares them. */
const idleDollars = 0.76;

/** USD a second for each CPU and each GiB of an idle instance, billed by request: https://cloud.google.com/run/pricing */
export const keptPrice = 0.000_002_5;

type Machine = Pick<
  DeploymentSettings,
  "BATON_DEPLOY_CPU" | "BATON_DEPLOY_MEMORY" | "BATON_DEPLOY_MIN_INSTANCES"
>;

/** USD a month of all kept instances. */
export function keptDollars(settings: Machine): number {
  const memory = settings.BATON_DEPLOY_MEMORY;
  const gibibytes = Number.parseInt(memory, 10) / (memory.endsWith("Mi") ? 1_024 : 1);
  const perSecond = (Number(settings.BATON_DEPLOY_CPU) + gibibytes) * keptPrice;
  return settings.BATON_DEPLOY_MIN_INSTANCES * 30 * daySeconds * perSecond;
}

/** What a deployment costs while nothing happens, in words. */
export function idleCostText(settings: Machine): string {
  const count = settings.BATON_DEPLOY_MIN_INSTANCES;
  const kept = keptDollars(settings);
  const detail =
    count === 0
      ? "nearly nothing within the free tiers"
      : `${kept.toFixed(2)} USD of them for ${count === 1 ? "the instance that is" : `the ${count} instances that are`} kept`;
  return `about ${(idleDollars + kept).toFixed(2)} USD a month while idle at list prices, ${detail}; docs/deploy.md has the arithmetic`;
}
