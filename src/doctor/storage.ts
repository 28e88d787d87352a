import * as z from "zod";
import { permissions } from "../configuration/google-requirements.ts";
import { CONTROL_QUEUE } from "../core/messages.ts";
import { topicName } from "../core/queues.ts";
import { type CheckGroup, checkResult } from "./check.ts";
import { placeholderBucket } from "./configuration-check.ts";
import {
  type CloudContext,
  gcloud,
  permissionGroup,
  readResource,
  resourceGroup,
  resourceId,
  serviceHosts,
} from "./google.ts";

const BucketSchema = z.object({
  name: z.string(),
  location: z.string().default(""),
  iamConfiguration: z
    .object({ uniformBucketLevelAccess: z.object({ enabled: z.boolean().default(false) }).optional() })
    .optional(),
});

const NotificationsSchema = z.object({
  kind: z.literal("storage#notifications"),
  items: z.array(z.object({ topic: z.string(), event_types: z.array(z.string()).default([]) })).default([]),
});

const PermissionsSchema = z.object({
  kind: z.literal("storage#testIamPermissionsResponse"),
  permissions: z.array(z.string()).default([]),
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
  return resourceGroup(context, "storage.bucket", bucket, {
    service: "storage",
    path: `/storage/v1/b/${bucket}`,
    answer: BucketSchema,
    kind: "bucket",
    describe: ({ location }) => `in ${location}`,
    finding: { remedy: "Deploy it, or correct BATON_BUCKET and BATON_INBOX_BUCKET.", deploys: true },
    checkSettings: ({ iamConfiguration: access }) => [
      checkResult("storage.access", bucket, {
        holds: access?.uniformBucketLevelAccess?.enabled === true,
        found: access ? "each object has its own access list" : "the answer does not say",
        expected: "uniform access: roles on the bucket decide",
        severity: access ? "warning" : "unknown",
        remedy: "Make its access uniform.",
        commands: [
          gcloud("storage buckets update", [`gs://${bucket}`], { "uniform-bucket-level-access": true }),
        ],
      }),
    ],
  });
}

function bucketPermissionGroup(context: CloudContext, bucket: string): CheckGroup {
  const set = permissions.storage;
  const query = Object.keys(set.needs).map((permission) => `permissions=${permission}`);
  const path = `/storage/v1/b/${bucket}/iam/testPermissions?${query.join("&")}`;
  return permissionGroup(context, "storage.permissions", bucket, {
    service: "storage",
    set,
    granted: async (signal) =>
      (await readResource(context, "storage", path, PermissionsSchema, signal))?.permissions,
  });
}

const finalizedEvent = "OBJECT_FINALIZE";

function notificationGroup(context: CloudContext, bucket: string): CheckGroup {
  const id = "storage.notification";
  const topic = topicName(context.google.prefix, CONTROL_QUEUE);
  const path = `/storage/v1/b/${bucket}/notificationConfigs`;
  return {
    id,
    subject: bucket,
    service: serviceHosts.storage,
    async run(signal) {
      const notifications = await readResource(context, "storage", path, NotificationsSchema, signal);
      if (!notifications) return [];
      const expected = `of ${finalizedEvent} to ${topic}`;
      const holds = notifications.items.some(
        ({ topic: name, event_types: events }) =>
          resourceId(name) === topic && (events.length === 0 || events.includes(finalizedEvent)),
      );
      const result = checkResult(id, bucket, {
        holds,
        found: holds ? expected : `none of ${notifications.items.length} notifications`,
        expected,
        severity: "warning",
        remedy:
          "Dropped files start nothing. Deploy it; if only applied workflows wait for files, set BATON_DEPLOY_FILE_TRIGGERS=true.",
        deploys: true,
      });
      return [result];
    },
  };
}
