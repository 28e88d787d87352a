import { CALLBACK_QUEUE, CONTROL_QUEUE } from "../core/messages.ts";
import { subscriptionName, taskQueueName, topicName } from "../core/queues.ts";
import { functionSecrets } from "./function.ts";
import { type Deployment, type Part, serviceAccountEmail } from "./plan.ts";
import type { DeploymentSettings } from "./settings.ts";

/** A resource that a deployment creates, and its purpose. */
export interface Resource {
  readonly kind: string;
  readonly name: string;
  readonly purpose: string;
}

type Row = readonly [kind: string, name: string, purpose: string];

const functionKind = "Cloud Run function";

/** A bucket that existed before, and stays. */
export const existingBucket = "existing bucket";

/** What parts of a deployment create, without grants, indexes, alerts and the dashboard. Terraform's plan lists all. */
export function listResources(deployment: Deployment, parts: readonly Part[]): readonly Resource[] {
  const { prefix, region, projectId, inboxBucket, queueLimits, announcesFiles } = deployment;
  const topic = (queue: string, purpose: string): Row[] => [
    ["Pub/Sub topic", topicName(prefix, queue), purpose],
    ["Pub/Sub subscription", subscriptionName(topicName(prefix, queue)), "pushes them to the function"],
  ];
  const account = (role: Parameters<typeof serviceAccountEmail>[1], purpose: string): Row => [
    "service account",
    serviceAccountEmail(deployment, role),
    purpose,
  ];
  const inboxKind = inboxBucket === `${projectId}-${prefix}-inbox` ? "bucket" : existingBucket;
  const inboxPurpose = announcesFiles
    ? "files dropped here start workflows"
    : "files; none starts a workflow";
  const rows: readonly Row[] = [
    [
      "Firestore database",
      `${deployment.databaseId} (${deployment.firestoreLocation})`,
      "batches, TaskLogs, keys, callbacks",
    ],
    ...topic(CONTROL_QUEUE, "completions, starts, sweeps, files"),
    ...topic(CALLBACK_QUEUE, "callbacks to send"),
    ...deployment.queues.flatMap((queue) => topic(queue, `tasks of the queue ${queue}`)),
    ["Pub/Sub topic", `${prefix}-dead-letters`, "messages that failed at a hundred deliveries"],
    ["Pub/Sub subscription", `${prefix}-dead-letters`, "keeps them until a person reads them"],
    ["Cloud Tasks queue", `${prefix}-timers`, "delayed messages: retries, sleeps, polls"],
    ...queueLimits.map(
      ({ queue, concurrency, rate }): Row => [
        "Cloud Tasks queue",
        taskQueueName(prefix, queue),
        `tasks of the queue ${queue}: ${concurrency} at once, ${rate ?? "without a limit on the rate"}`,
      ],
    ),
    ["Cloud Scheduler job", `${prefix}-sweep`, "every minute: finds lost work"],
    ["Cloud Scheduler job", `${prefix}-tick`, "every minute: starts the due schedules"],
    ["bucket", deployment.bucket, "large results, reports, dead letters, definitions"],
    [inboxKind, inboxBucket, inboxPurpose],
    [
      "BigQuery dataset",
      `${deployment.dataset} (${deployment.bigQueryLocation})`,
      "tables of tasks, the archive of callbacks",
    ],
    ...functionSecrets(deployment).map(
      ([variable, secret]): Row => ["secret", secret, `the function's ${variable}`],
    ),
    account("function", "the function, and what Cloud Tasks publishes"),
    account("push", "may call the function, and nothing else"),
    account("build", "builds the image of the function"),
    account("deployer", "deploys from Cloud Build"),
    ["Artifact Registry repository", `${prefix} (${region})`, "images of the function"],
    [functionKind, `${deployment.functionName} (${region})`, "runs the tasks"],
  ];
  return rows
    .filter(([kind]) => parts.includes(kind === functionKind ? "function" : "infrastructure"))
    .map(([kind, name, purpose]) => ({ kind, name, purpose }));
}

/** USD a month without minimum instances: the sum of the table in docs/deploy.md; a test compares them. */
const idleDollars = 0.76;

/** What a deployment costs while nothing happens, in words. */
export function idleCostText({ BATON_DEPLOY_MIN_INSTANCES: count }: DeploymentSettings): string {
  const more =
    count === 0 ? "nearly nothing within the free tiers" : `and the price of ${count} idle instances`;
  return `about ${idleDollars} USD a month while idle at list prices, ${more}; docs/deploy.md has the arithmetic`;
}
