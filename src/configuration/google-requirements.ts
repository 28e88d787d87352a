import { limits } from "../core/limits.ts";
import { daySeconds } from "../core/values/time.ts";

/** Permissions that the account of the function needs for one purpose. */
export interface PermissionSet {
  /** The resource on which they are granted and tested. */
  readonly on: string;
  /** Predefined roles that together have all of them. */
  readonly roles: readonly string[];
  /** The reason for each. */
  readonly needs: Readonly<Record<string, string>>;
  /** Only for deployments that use it. */
  readonly isOptional?: true;
}

const actAs = (why: string) =>
  ({
    on: "service account",
    roles: ["roles/iam.serviceAccountUser"],
    needs: { "iam.serviceAccounts.actAs": why },
  }) as const;

/**
 * Every permission of the function. `npm run infra` writes the roles into `infra/*.tf`, the doctor tests the
 * permissions, and docs/doctor.md lists them.
 */
export const permissions = {
  firestore: {
    on: "database",
    roles: ["roles/datastore.user"],
    needs: {
      "datastore.databases.get": "to begin commits",
      "datastore.entities.get": "to read documents",
      "datastore.entities.list": "to query and count them",
      "datastore.entities.create": "to create them",
      "datastore.entities.update": "to change them",
      "datastore.entities.delete": "to delete expired records",
    },
  },
  pubSub: {
    on: "topic",
    roles: ["roles/pubsub.publisher"],
    needs: { "pubsub.topics.publish": "to publish messages, also those that Cloud Tasks publishes later" },
  },
  cloudTasks: {
    on: "queue",
    roles: ["roles/cloudtasks.enqueuer", "roles/cloudtasks.viewer"],
    needs: {
      "cloudtasks.tasks.create": "to schedule messages",
      "cloudtasks.tasks.get": "to see whether a message whose name is taken is still scheduled",
    },
  },
  limitedQueues: {
    on: "queue",
    roles: ["roles/cloudtasks.enqueuer", "roles/cloudtasks.viewer"],
    needs: {
      "cloudtasks.tasks.create": "to put tasks into queues with limits",
      "cloudtasks.tasks.get": "to see whether one whose name is taken still waits there",
      "cloudtasks.tasks.list": "to see which tasks missing in a sweep wait there",
    },
    isOptional: true,
  },
  pushAccount: { ...actAs("to let Cloud Tasks call the function as it"), isOptional: true },
  serviceAccount: actAs("to let Cloud Tasks publish as it"),
  storage: {
    on: "bucket",
    roles: ["roles/storage.objectUser"],
    needs: {
      "storage.objects.get": "to read files, results and reports",
      "storage.objects.list": "to get 404 for a missing object; without it Cloud Storage answers 403",
      "storage.objects.create": "to write them",
      "storage.objects.delete": "to replace them, and to move files to the archive",
    },
  },
  bigQueryJobs: {
    on: "project",
    roles: ["roles/bigquery.jobUser"],
    needs: { "bigquery.jobs.create": "to load, copy and query" },
  },
  bigQueryData: {
    on: "dataset",
    roles: ["roles/bigquery.dataEditor"],
    needs: {
      "bigquery.datasets.get": "to read the location of the dataset",
      "bigquery.tables.get": "to see which columns a table has",
      "bigquery.tables.getData": "to query tables",
      "bigquery.tables.create": "to create missing tables",
      "bigquery.tables.update": "to load: BigQuery requires it for every load job",
      "bigquery.tables.updateData": "to load and merge rows",
      "bigquery.tables.delete": "to drop what was loaded for a merge",
    },
  },
  secretManager: {
    on: "secret",
    roles: ["roles/secretmanager.secretAccessor"],
    needs: { "secretmanager.versions.access": "to read secrets that variables name" },
    isOptional: true,
  },
  dataform: {
    on: "repository",
    roles: ["roles/dataform.editor"],
    needs: {
      "dataform.compilationResults.create": "to compile",
      "dataform.compilationResults.get": "to read the result",
      "dataform.workflowInvocations.create": "to run the actions",
      "dataform.workflowInvocations.get": "to wait for their end",
      "dataform.workflowInvocations.list": "to find a run whose answer was lost",
      "dataform.workflowInvocations.query": "to report which actions failed",
      "dataform.workflowInvocations.cancel": "to stop them when their batch is cancelled",
    },
    isOptional: true,
  },
  dataformAccount: { ...actAs("to let Dataform run actions as it"), isOptional: true },
} as const satisfies Readonly<Record<string, PermissionSet>>;

/** What the account of a console needs that only reads. To act, it needs what the commands need. */
export const consolePermissions = {
  consoleReadsFirestore: { on: "database", roles: ["roles/datastore.viewer"] },
  consoleReadsStorage: { on: "bucket", roles: ["roles/storage.objectViewer"] },
} as const;

/** Limits a grant on the project to one database. `infra/iam.tf` has the same, so that a grant by hand is equal. */
export function databaseCondition({
  projectId,
  databaseId,
  prefix,
}: Readonly<Record<"projectId" | "databaseId" | "prefix", string>>) {
  return {
    expression: `resource.name == "projects/${projectId}/databases/${databaseId}"`,
    title: `${prefix}: its own database`,
  };
}

/** How Pub/Sub and Cloud Tasks deliver messages. `npm run infra` writes these numbers into `infra/*.tf`. */
export const deliverySettings = {
  /** Push subscriptions: as many attempts as Pub/Sub allows, so that no outage makes dead letters of good messages. */
  push: {
    ackDeadlineSeconds: limits.deliveryDeadlineSeconds,
    minBackoffSeconds: 10,
    maxBackoffSeconds: 600,
    maxAttempts: limits.subscriptionDeliveryAttempts,
    retentionSeconds: 7 * daySeconds,
  },
  deadLetters: { retentionSeconds: 31 * daySeconds },
  /** Delayed messages: for about eight hours. After that, only a sweep finds the task. */
  timers: {
    maxAttempts: 100,
    minBackoffSeconds: 1,
    maxBackoffSeconds: 300,
    maxDoublings: 9,
    maxDispatchesPerSecond: limits.dispatchesPerSecond,
    maxConcurrentDispatches: 1_000,
  },
  /** Queues of BATON_QUEUES: without limit (-1), and no faster than the push subscriptions. */
  limitedQueues: { maxAttempts: -1, minBackoffSeconds: 10, maxBackoffSeconds: 600 },
} as const;
