import * as z from "zod";
import { permissions } from "../configuration/google-requirements.ts";
import { CONTROL_QUEUE } from "../core/messages.ts";
import { topicName } from "../core/queues.ts";
import { type CheckGroup, checkResult, gcloud } from "./check.ts";
import { placeholderBucket } from "./configuration.ts";
import {
  type CloudContext,
  listOf,
  permissionGroup,
  readResource,
  resourceGroup,
  resourceId,
  serviceGroup,
  TextSchema,
} from "./google.ts";

const AccessSchema = z.object({ enabled: z.boolean().default(false) });
const BucketSchema = z.object({
  name: z.string(),
  location: TextSchema,
  iamConfiguration: z.object({ uniformBucketLevelAccess: AccessSchema.prefault({}) }).optional(),
});

const NotificationSchema = z.object({ topic: z.string(), event_types: listOf(z.string()) });
const NotificationsSchema = z.object({
  kind: z.literal("storage#notifications"),
  items: listOf(NotificationSchema),
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
    checkSettings: ({ iamConfiguration: access }) => [
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

const finalizedEvent = "OBJECT_FINALIZE";

function notificationGroup(context: CloudContext, bucket: string): CheckGroup {
  const id = "storage.notification";
  const topic = topicName(context.google.prefix, CONTROL_QUEUE);
  return serviceGroup(id, bucket, "storage", async (signal) => {
    const place = ["bucket", bucket, "/notificationConfigs"] as const;
    const notifications = await readResource(context, place, NotificationsSchema, signal);
    if (!notifications) return [];
    const expected = `of ${finalizedEvent} to ${topic}`;
    const isAnnounced = notifications.items.some(
      ({ topic: name, event_types: events }) =>
        resourceId(name) === topic && (events.length === 0 || events.includes(finalizedEvent)),
    );
    const result = checkResult(id, bucket, {
      found: isAnnounced ? expected : `none of ${notifications.items.length} notifications`,
      expected,
      severity: "warning",
      remedy:
        "Dropped files start nothing. Deploy it; if only applied workflows wait for files, set BATON_DEPLOY_FILE_TRIGGERS=true.",
      deploys: true,
    });
    return [result];
  });
}
