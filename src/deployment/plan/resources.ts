import { CALLBACK_QUEUE, CONTROL_QUEUE } from "../../core/messages.ts";
import { subscriptionOf, taskQueueOf, topicOf } from "../../core/topics.ts";
import { functionSecrets } from "./function-environment.ts";
import { accountOf, type Deployment, type Part } from "./plan.ts";
import { limitText } from "./queue-limits.ts";

/** The one that is no matter of the infrastructure. */
const functionKind = "Cloud Run function";

/** Something that is created, and what it is for. */
export interface Resource {
  readonly kind: string;
  readonly name: string;
  readonly purpose: string;
}

/** Everything that parts of a deployment create, but for permissions, alerts and the dashboard. */
export function resourcesOf(deployment: Deployment, parts: readonly Part[]): readonly Resource[] {
  return allResources(deployment).filter(({ kind }) =>
    parts.includes(kind === functionKind ? "function" : "infrastructure"),
  );
}

function allResources(deployment: Deployment): readonly Resource[] {
  const { prefix, region, databaseId, dataset, firestoreLocation, bigQueryLocation } = deployment;
  return [
    of("Firestore database", `${databaseId} (${firestoreLocation})`, "batches, TaskLogs, keys, callbacks"),
    ...topicsOf(deployment),
    of("Cloud Tasks queue", `${prefix}-timers`, "messages for later: retries, sleeps, polls"),
    ...deployment.queueLimits.map((limit) =>
      of("Cloud Tasks queue", taskQueueOf(prefix, limit.queue), limitText(limit)),
    ),
    of("Cloud Scheduler job", `${prefix}-sweep`, "every minute: finds work that lost its driver"),
    of("Cloud Scheduler job", `${prefix}-tick`, "every minute: starts what the schedules of workflows say"),
    of("bucket", deployment.bucket, "large results, reports, dead letters, definitions"),
    inboxOf(deployment),
    of(
      "BigQuery dataset",
      `${dataset} (${bigQueryLocation})`,
      "tables of tasks, and the archive of callbacks",
    ),
    ...functionSecrets(deployment).map(([variable, secret]) =>
      of("secret", secret, `the function's ${variable}`),
    ),
    ...accountsOf(deployment),
    of("Artifact Registry repository", `${prefix} (${region})`, "images of the function"),
    of(functionKind, `${deployment.functionName} (${region})`, "runs the tasks"),
  ];
}

function of(kind: string, name: string, purpose: string): Resource {
  return { kind, name, purpose };
}

function topicsOf({ prefix, queues }: Deployment): Resource[] {
  const purposes = [
    [topicOf(prefix, CONTROL_QUEUE), "completions, starts, sweeps, files"],
    [topicOf(prefix, CALLBACK_QUEUE), "callbacks that are to be sent"],
    ...queues.map((queue) => [topicOf(prefix, queue), `tasks of the queue ${queue}`] as const),
  ] as const;
  const deadLetters = `${prefix}-dead-letters`;
  return [
    ...purposes.flatMap(([topic, purpose]) => [
      of("Pub/Sub topic", topic, purpose),
      of("Pub/Sub subscription", subscriptionOf(topic), "pushes them to the function"),
    ]),
    of("Pub/Sub topic", deadLetters, "messages that were delivered a hundred times in vain"),
    of("Pub/Sub subscription", deadLetters, "keeps them until somebody looks"),
  ];
}

/** One that is brought along is neither made nor deleted. */
function inboxOf(deployment: Deployment): Resource {
  const { projectId, prefix, inboxBucket } = deployment;
  const isMade = inboxBucket === `${projectId}-${prefix}-inbox`;
  return of(isMade ? "bucket" : broughtBucket, inboxBucket, inboxPurpose(deployment));
}

/** What is there already, and stays. */
export const broughtBucket = "bucket that is there";

function inboxPurpose({ announcesFiles }: Deployment): string {
  return announcesFiles ? "files dropped here start workflows" : "files; no workflow is started by one";
}

function accountsOf(deployment: Deployment): Resource[] {
  const account = (role: Parameters<typeof accountOf>[1], purpose: string) =>
    of("service account", accountOf(deployment, role), purpose);
  return [
    account("function", "the function, and what Cloud Tasks publishes"),
    account("push", "may call the function, and nothing else"),
    account("build", "builds the image of the function"),
    account("deployer", "deploys from Cloud Build"),
  ];
}
