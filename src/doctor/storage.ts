import * as z from "zod";
import { permissions } from "../configuration/google-requirements.ts";
import { CONTROL_QUEUE } from "../core/messages.ts";
import { topicName } from "../core/queues.ts";
import { type CheckGroup, judge } from "./check.ts";
import { noBucket } from "./configuration-check.ts";
import {
  type CloudContext,
  deployCommand,
  gcloud,
  idOf,
  permissionGroup,
  resourceGroup,
  undefinedIfMissing,
} from "./google.ts";

const service = "storage.googleapis.com";

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

/** The buckets, who may use them, and the announcement of dropped files. */
export function storageGroups(context: CloudContext): CheckGroup[] {
  const { bucket: ownBucket, inboxBucket } = context.google;
  const buckets = [...new Set([ownBucket, inboxBucket])].filter((name) => name !== noBucket);
  // Baton's own bucket must not announce files: it would announce all that Baton writes.
  const hasInbox = inboxBucket !== ownBucket && buckets.includes(inboxBucket);
  return [
    ...buckets.flatMap((bucket) => [bucketGroup(context, bucket), bucketPermissionGroup(context, bucket)]),
    ...(context.configuration.engine === "gcp" && hasInbox ? [notificationGroup(context, inboxBucket)] : []),
  ];
}

function bucketGroup(context: CloudContext, bucket: string): CheckGroup {
  const { projectId, location } = context.google;
  const uniform = { "uniform-bucket-level-access": true } as const;
  return resourceGroup(context, {
    id: "storage.bucket",
    subject: bucket,
    service,
    rest: context.services.storage,
    path: `/storage/v1/b/${bucket}`,
    answer: BucketSchema,
    kind: "bucket",
    describe: (found) => `in ${found.location}`,
    remedy: "Deploy it, create it, or correct BATON_BUCKET and BATON_INBOX_BUCKET.",
    create: gcloud("storage buckets create", [`gs://${bucket}`], {
      location: location || "<region>",
      ...uniform,
      "public-access-prevention": true,
      project: projectId,
    }),
    checkSettings: ({ iamConfiguration: access }) => [
      judge("storage.access", {
        subject: bucket,
        holds: access?.uniformBucketLevelAccess?.enabled === true,
        found: access ? "each object has its own list of who may read it" : "it does not say",
        expected: "roles on the bucket say who may do what",
        otherwise: access ? "warning" : "unknown",
        remedy: "Make its access uniform.",
        commands: [gcloud("storage buckets update", [`gs://${bucket}`], uniform)],
      }),
    ],
  });
}

function bucketPermissionGroup({ services, ...context }: CloudContext, bucket: string): CheckGroup {
  const set = permissions.storage;
  const query = Object.keys(set.needs).map((permission) => `permissions=${permission}`);
  const path = `/storage/v1/b/${bucket}/iam/testPermissions?${query.join("&")}`;
  return permissionGroup({ services, ...context }, "storage.permissions", {
    subject: bucket,
    service,
    set,
    async granted(signal) {
      const call = { method: "GET", path, answer: PermissionsSchema, signal } as const;
      return (await undefinedIfMissing(services.storage.call(call)))?.permissions;
    },
    grant: (member, role) =>
      gcloud("storage buckets add-iam-policy-binding", [`gs://${bucket}`], { member, role }),
  });
}

/** The event of an object that was written. */
const finalized = "OBJECT_FINALIZE";

function notificationGroup({ google, services }: CloudContext, bucket: string): CheckGroup {
  const topic = topicName(google.prefix, CONTROL_QUEUE);
  const path = `/storage/v1/b/${bucket}/notificationConfigs`;
  return {
    id: "storage.notification",
    subject: bucket,
    service,
    async run(signal) {
      const call = { method: "GET", path, answer: NotificationsSchema, signal } as const;
      const found = await undefinedIfMissing(services.storage.call(call));
      if (!found) return [];
      const isAnnounced = found.items.some(
        ({ topic: name, event_types: events }) =>
          idOf(name) === topic && (events.length === 0 || events.includes(finalized)),
      );
      return [
        judge("storage.notification", {
          subject: bucket,
          holds: isAnnounced,
          found: isAnnounced ? `of ${finalized} to ${topic}` : `none of ${found.items.length} notifications`,
          expected: `of ${finalized} to ${topic}`,
          otherwise: "warning",
          remedy:
            "Without it, files that are dropped start nothing. If workflows wait for files, deploy it (where only applied ones do, with BATON_DEPLOY_FILE_TRIGGERS=true), or create it.",
          deployCommand: deployCommand(google),
          commands: [
            gcloud("storage buckets notifications create", [`gs://${bucket}`], {
              topic: `projects/${google.projectId}/topics/${topic}`,
              "event-types": finalized,
            }),
          ],
        }),
      ];
    },
  };
}
