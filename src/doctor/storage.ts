import { permissions } from "../composition/permissions.ts";
import { CONTROL_QUEUE } from "../core/messages.ts";
import { topicOf } from "../core/topics.ts";
import type { BucketChecks, BucketSettings } from "../ports/checks.ts";
import { type CheckGroup, type CheckResult, judge } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { deployCommand } from "./deploy-command.ts";
import { gcloud } from "./gcloud.ts";
import { judgePermissions } from "./permission-check.ts";

const service = "storage.googleapis.com";

/** The buckets, who may use them, and the announcement of files that are dropped. */
export function storageGroups(
  context: CloudContext,
  checks: BucketChecks,
  buckets: readonly string[],
): CheckGroup[] {
  const { bucket: ownBucket, inboxBucket } = context.google;
  // Without a bucket of its own for files there is none to tell of: Baton's own would announce all that Baton writes.
  const hasInbox = inboxBucket !== ownBucket && buckets.includes(inboxBucket);
  return [
    ...buckets.flatMap((bucket) => [
      bucketGroup(context, checks, bucket),
      permissionGroup(context, checks, bucket),
    ]),
    ...(context.configuration.engine === "gcp" && hasInbox
      ? [notificationGroup(context, checks, inboxBucket)]
      : []),
  ];
}

function bucketGroup(context: CloudContext, checks: BucketChecks, bucket: string): CheckGroup {
  const { projectId, location } = context.google;
  return {
    id: "storage.bucket",
    subject: bucket,
    service,
    async run() {
      const found = await checks.bucket(bucket);
      const exists = judge("storage.bucket", {
        subject: bucket,
        holds: found !== undefined,
        found: found ? `in ${found.location}` : "there is no such bucket",
        expected: "a bucket",
        remedy: "Deploy it, create it, or correct BATON_BUCKET and BATON_INBOX_BUCKET.",
        deployCommand: deployCommand(context.google),
        commands: [
          gcloud("storage buckets create", [`gs://${bucket}`], {
            location: location || "<region>",
            "uniform-bucket-level-access": true,
            "public-access-prevention": true,
            project: projectId,
          }),
        ],
      });
      return found ? [exists, access(bucket, found)] : [exists];
    },
  };
}

function access(bucket: string, { hasUniformAccess }: BucketSettings): CheckResult {
  return judge("storage.access", {
    subject: bucket,
    holds: hasUniformAccess === true,
    found:
      hasUniformAccess === undefined ? "it does not say" : "each object has its own list of who may read it",
    expected: "roles on the bucket say who may do what",
    otherwise: hasUniformAccess === undefined ? "unknown" : "warning",
    remedy: "Make its access uniform.",
    commands: [gcloud("storage buckets update", [`gs://${bucket}`], { "uniform-bucket-level-access": true })],
  });
}

function permissionGroup(context: CloudContext, checks: BucketChecks, bucket: string): CheckGroup {
  const set = permissions.storage;
  return {
    id: "storage.permissions",
    subject: bucket,
    service,
    async run() {
      if (!(await checks.bucket(bucket))) return [];
      const granted = await checks.permissions(bucket, Object.keys(set.needs));
      const grant = (member: string, role: string) =>
        gcloud("storage buckets add-iam-policy-binding", [`gs://${bucket}`], { member, role });
      const asked = { subject: bucket, set, granted, caller: context.caller, grant };
      return [judgePermissions("storage.permissions", asked)];
    },
  };
}

/** Event of an object that has been written. */
const finalized = "OBJECT_FINALIZE";

function notificationGroup({ google }: CloudContext, checks: BucketChecks, bucket: string): CheckGroup {
  const topic = topicOf(google.prefix, CONTROL_QUEUE);
  return {
    id: "storage.notification",
    subject: bucket,
    service,
    async run() {
      if (!(await checks.bucket(bucket))) return [];
      const found = await checks.notifications(bucket);
      const isTold = found.some(
        (one) => one.topic === topic && (one.eventTypes.length === 0 || one.eventTypes.includes(finalized)),
      );
      return [
        judge("storage.notification", {
          subject: bucket,
          holds: isTold,
          found: isTold ? `of ${finalized} to ${topic}` : `none of ${found.length} notifications`,
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
