import * as z from "zod";
import { permissions } from "../configuration/google-requirements.ts";
import { archiveColumns } from "../core/callback.ts";
import { defaults } from "../core/limits.ts";
import { CONTROL_QUEUE } from "../core/messages.ts";
import { topicName } from "../core/queues.ts";
import type { DataformAccounts } from "../tasks/dataform.ts";
import { type CheckGroup, checkResult, gcloud } from "./check.ts";
import { placeholderBucket } from "./configuration.ts";
import {
  actAsGroup,
  type CloudContext,
  listOf,
  permissionGroup,
  readResource,
  resourceGroup,
  resourceId,
  serviceGroup,
  TextSchema,
} from "./google.ts";

const BucketSchema = z.object({
  name: z.string(),
  location: TextSchema,
  iamConfiguration: z
    .object({ uniformBucketLevelAccess: z.object({ enabled: z.boolean().default(false) }).prefault({}) })
    .optional(),
});
const NotificationsSchema = z.object({
  kind: z.literal("storage#notifications"),
  items: listOf(z.object({ topic: z.string(), event_types: listOf(z.string()) })),
});
const PermissionsSchema = z.object({
  kind: z.literal("storage#testIamPermissionsResponse"),
  permissions: listOf(z.string()),
});

/** The buckets, the permissions on them, and the notification of dropped files. */
export function storageGroups(context: CloudContext): CheckGroup[] {
  const { bucket: ownBucket, inboxBucket } = context.google;
  const buckets = [...new Set([ownBucket, inboxBucket])].filter((name) => name !== placeholderBucket);
  // Baton's own bucket must not announce files: it would announce all that Baton writes.
  const hasInbox = inboxBucket !== ownBucket && buckets.includes(inboxBucket);
  return [
    ...buckets.flatMap((bucket) => [bucketGroup(context, bucket), bucketPermissionGroup(context, bucket)]),
    ...(context.configuration.engine === "gcp" && hasInbox ? [notificationGroup(context, inboxBucket)] : []),
  ];
}

function bucketGroup(context: CloudContext, bucket: string): CheckGroup {
  const flags = { "uniform-bucket-level-access": true } as const;
  return resourceGroup(context, "storage.bucket", bucket, {
    kind: "bucket",
    answer: BucketSchema,
    describe: ({ location }) => `in ${location}`,
    finding: { remedy: "Deploy it, or correct BATON_BUCKET and BATON_INBOX_BUCKET.", deploys: true },
    settings: ({ iamConfiguration: access }) => [
      checkResult("storage.access", bucket, {
        holds: access?.uniformBucketLevelAccess.enabled === true,
        found: access ? "each object has its own access list" : "the answer does not say",
        severity: access ? "warning" : "unknown",
        remedy: "Make its access uniform.",
        commands: [gcloud("storage buckets update", [`gs://${bucket}`], flags)],
      }),
    ],
  });
}

/** Cloud Storage has no `:testIamPermissions`, and takes the permissions in the query. */
function bucketPermissionGroup(context: CloudContext, bucket: string): CheckGroup {
  const set = permissions.storage;
  const query = Object.keys(set.needs).map((permission) => `permissions=${permission}`);
  const within = `/iam/testPermissions?${query.join("&")}`;
  return permissionGroup(context, "storage.permissions", bucket, {
    kind: "bucket",
    set,
    granted: async (signal) =>
      (await readResource(context, ["bucket", bucket, within], PermissionsSchema, signal))?.permissions,
  });
}

function notificationGroup(context: CloudContext, bucket: string): CheckGroup {
  const id = "storage.notification";
  const topic = topicName(context.google.prefix, CONTROL_QUEUE);
  return serviceGroup(id, bucket, "storage", async (signal) => {
    const place = ["bucket", bucket, "/notificationConfigs"] as const;
    const notifications = await readResource(context, place, NotificationsSchema, signal);
    if (!notifications) return [];
    const event = "OBJECT_FINALIZE";
    const expected = `of ${event} to ${topic}`;
    const isAnnounced = notifications.items.some(
      ({ topic: name, event_types: events }) =>
        resourceId(name) === topic && (events.length === 0 || events.includes(event)),
    );
    const remedy =
      "Dropped files start nothing. Deploy it; if only applied workflows wait for files, set " +
      "BATON_DEPLOY_FILE_TRIGGERS=true.";
    const found = isAnnounced ? expected : `none of ${notifications.items.length} notifications`;
    return [checkResult(id, bucket, { found, expected, severity: "warning", remedy, deploys: true })];
  });
}

const DatasetSchema = z.object({ datasetReference: z.looseObject({}), location: TextSchema });
const TableSchema = z.object({
  tableReference: z.looseObject({}),
  schema: z.object({ fields: listOf(z.object({ name: z.string() })) }).prefault({}),
});

/** The dataset, the archive of callbacks in it, and the permission to run jobs. */
export function bigQueryGroups(context: CloudContext): CheckGroup[] {
  const { dataset, bigQueryLocation, projectId } = context.google;
  const datasetGroup = resourceGroup(context, "bigquery.dataset", dataset, {
    kind: "dataset",
    answer: DatasetSchema,
    describe: ({ location }) => `in ${location}`,
    finding: {
      severity: "warning",
      remedy: `Deploy it. Otherwise Baton creates it in ${bigQueryLocation ?? "US"}, if it may.`,
      deploys: true,
    },
    settings: ({ location: found }) => {
      if (bigQueryLocation === undefined) return [];
      // A job that runs in another location does not find the dataset.
      const holds = found.toLowerCase() === bigQueryLocation.toLowerCase();
      const expected = `${bigQueryLocation} (BATON_BIGQUERY_LOCATION)`;
      const remedy = `Set BATON_BIGQUERY_LOCATION=${found}, or leave it out: jobs run where the dataset is.`;
      return [checkResult("bigquery.location", dataset, { holds, found, expected, remedy })];
    },
  });
  return [
    datasetGroup,
    archiveGroup(context),
    permissionGroup(context, "bigquery.permissions", projectId, { set: permissions.bigQueryJobs }),
  ];
}

/** Baton creates the table with the first callback. */
function archiveGroup(context: CloudContext): CheckGroup {
  const id = "bigquery.callbacks";
  const { dataset } = context.google;
  const subject = `${dataset}.${defaults.callbackTable}`;
  const remedy =
    "Rename the table: Baton creates a new one. Or add the columns; docs/callbacks.md has their types.";
  return serviceGroup(id, subject, "bigQuery", async (signal) => {
    const place = ["dataset", dataset, `/tables/${defaults.callbackTable}`] as const;
    const table = await readResource(context, place, TableSchema, signal);
    const names = table?.schema.fields.map(({ name }) => name.toLowerCase());
    const missing = names ? archiveColumns.filter((column) => !names.includes(column)) : [];
    const complete = names ? "it has all columns" : "it is created with the first callback";
    const found = missing.length > 0 ? `it lacks ${missing.join(", ")}` : complete;
    return [checkResult(id, subject, { holds: missing.length === 0, found, remedy })];
  });
}

/**
 * Whether Baton may act as the accounts that Dataform's actions run as: otherwise Dataform refuses every invocation.
 * Only BATON_DATAFORM_ACCOUNTS names the accounts of repositories and workflow configurations.
 */
export function dataformGroups(context: CloudContext, { named, unnamed }: DataformAccounts): CheckGroup[] {
  const id = "dataform.account";
  const variable = "BATON_DATAFORM_ACCOUNTS";
  const { accounts } = context.configuration.dataform;
  const groups = [...new Set([...named, ...accounts])].map((account) => {
    const place = accounts.includes(account) ? variable : "the dataform task";
    return actAsGroup(context, id, account, { variable: place, set: permissions.dataformAccount });
  });
  if (unnamed.length === 0 || accounts.length > 0) return groups;
  const subject = unnamed.join(", ");
  const noAccount = checkResult(id, subject, {
    found: "no account is named",
    expected: "an account that the actions run as, which Baton may act as",
    severity: "warning",
    remedy:
      `Give the tasks serviceAccount, or name the accounts in ${variable} and deploy, ` +
      "so that Baton may act as them.",
  });
  return [...groups, { id, subject, run: () => [noAccount] }];
}
