import * as z from "zod";
import { deliverySettings } from "../configuration/google-requirements.ts";
import { subscriptionName } from "../core/queues.ts";
import { daySeconds } from "../core/values/time.ts";
import { type CheckGroup, type CheckResult, judge } from "./check.ts";
import {
  type CloudContext,
  DurationSchema,
  deployCommand,
  gcloud,
  idOf,
  undefinedIfMissing,
} from "./google.ts";

const { push } = deliverySettings;

/** A subscription, with Pub/Sub's defaults: https://cloud.google.com/pubsub/docs/subscription-properties */
const SubscriptionSchema = z.object({
  name: z.string(),
  /** `_deleted-topic_` when that was deleted. */
  topic: z.string().transform(idOf),
  pushConfig: z
    .object({
      pushEndpoint: z.string().optional(),
      oidcToken: z.object({ serviceAccountEmail: z.string(), audience: z.string().optional() }).optional(),
    })
    .default({}),
  ackDeadlineSeconds: z.number().default(10),
  retryPolicy: z.object({}).optional(),
  deadLetterPolicy: z
    .object({
      deadLetterTopic: z.string().transform(idOf).optional(),
      maxDeliveryAttempts: z.number().default(5),
    })
    .optional(),
  /** Without a time to live it never expires. */
  expirationPolicy: z.object({ ttl: DurationSchema.optional() }).default({ ttl: 31 * daySeconds }),
  messageRetentionDuration: DurationSchema.default(7 * daySeconds),
});
type Subscription = z.infer<typeof SubscriptionSchema>;

export function pubSubPath({ google }: CloudContext, kind: "topics" | "subscriptions", id: string): string {
  return `/v1/projects/${google.projectId}/${kind}/${id}`;
}

export function deadLetterTopicOf({ google }: CloudContext): string {
  return `${google.prefix}-dead-letters`;
}

export function readSubscription(context: CloudContext, id: string, signal: AbortSignal) {
  const path = pubSubPath(context, "subscriptions", id);
  return undefinedIfMissing(
    context.services.pubSub.call({ method: "GET", path, answer: SubscriptionSchema, signal }),
  );
}

export function subscriptionGroup(context: CloudContext, topic: string): CheckGroup {
  const subject = subscriptionName(topic);
  const { projectId: project } = context.google;
  return {
    id: "pubsub.subscription",
    subject,
    service: "pubsub.googleapis.com",
    async run(signal) {
      const found = await readSubscription(context, subject, signal);
      const exists = judge("pubsub.subscription", {
        subject,
        holds: found?.topic === topic,
        found: found ? `of the topic ${found.topic}` : "there is no such subscription",
        expected: `of the topic ${topic}`,
        remedy: `${found ? "Delete it and create it again" : "Deploy it, or create it"}: what is published meanwhile is lost.`,
        deployCommand: found ? null : deployCommand(context.google),
        commands: [
          ...(found ? [gcloud("pubsub subscriptions delete", [subject], { project })] : []),
          createSubscription(context, topic),
        ],
      });
      return found ? [exists, ...checkSubscription(context, subject, found)] : [exists];
    },
  };
}

const retryFlags = {
  "min-retry-delay": `${push.minBackoffSeconds}s`,
  "max-retry-delay": `${push.maxBackoffSeconds}s`,
};
const retentionFlag = { "message-retention-duration": `${push.retentionSeconds / daySeconds}d` };
export const neverFlag = { "expiration-period": "never" };

function createSubscription(context: CloudContext, topic: string): string {
  return gcloud("pubsub subscriptions create", [subscriptionName(topic)], {
    topic,
    ...pushFlags(context, undefined),
    "ack-deadline": push.ackDeadlineSeconds,
    ...retryFlags,
    ...deadLetterFlags(context),
    ...neverFlag,
    ...retentionFlag,
    project: context.google.projectId,
  });
}

function pushFlags({ google }: CloudContext, endpoint: string | undefined) {
  return {
    "push-endpoint": endpoint ?? "<URL of the function>",
    "push-auth-service-account": google.callers?.callers[0] ?? "<account that may call the function>",
    "push-auth-token-audience": google.callers?.audience,
  };
}

function deadLetterFlags(context: CloudContext) {
  return { "dead-letter-topic": deadLetterTopicOf(context), "max-delivery-attempts": push.maxAttempts };
}

type Flags = Readonly<Record<string, string | number | undefined>>;

/** Everything about a push subscription that exists. */
function checkSubscription(context: CloudContext, subject: string, found: Subscription): CheckResult[] {
  const { projectId: project, functionTimeoutSeconds } = context.google;
  const { leaseSeconds } = context.configuration;
  const { ackDeadlineSeconds } = found;
  const endpoint = found.pushConfig.pushEndpoint || undefined;
  const update = (flags: Flags) => [gcloud("pubsub subscriptions update", [subject], { ...flags, project })];
  const modifyPush = [
    gcloud("pubsub subscriptions modify-push-config", [subject], {
      ...pushFlags(context, endpoint),
      project,
    }),
  ];
  return [
    judge("pubsub.endpoint", {
      subject,
      holds: endpoint !== undefined,
      found: endpoint ?? "it waits to be pulled",
      expected: "the URL of the function",
      remedy: "Let it push.",
      commands: modifyPush,
    }),
    checkToken(context, subject, found, modifyPush),
    // Function timeout < ack deadline < lease: a message that comes again must not meet a worker that is alive.
    judge("pubsub.deadline", {
      subject,
      holds: functionTimeoutSeconds < ackDeadlineSeconds,
      found: `an ack deadline of ${ackDeadlineSeconds} s`,
      expected: `more than BATON_FUNCTION_TIMEOUT, ${functionTimeoutSeconds} s, and at most ${push.ackDeadlineSeconds} s`,
      remedy: "Let pushes wait longer, or shorten the function's timeout and BATON_FUNCTION_TIMEOUT.",
      commands: update({ "ack-deadline": push.ackDeadlineSeconds }),
    }),
    judge("pubsub.lease", {
      subject,
      holds: ackDeadlineSeconds < leaseSeconds,
      found: `BATON_LEASE is ${leaseSeconds} s, the ack deadline ${ackDeadlineSeconds} s`,
      expected: "a lease longer than the ack deadline",
      remedy: "Set BATON_LEASE to 660s and deploy the function again, or shorten the ack deadline.",
    }),
    judge("pubsub.retry", {
      subject,
      holds: found.retryPolicy !== undefined,
      found: found.retryPolicy ? "there are pauses" : "at once, again and again",
      expected: "growing pauses",
      otherwise: "warning",
      remedy: "Set a retry policy.",
      commands: update(retryFlags),
    }),
    checkDeadLetterPolicy(context, subject, found, update),
    checkExpiration(subject, found, project),
    judge("pubsub.retention", {
      subject,
      holds: found.messageRetentionDuration >= push.retentionSeconds,
      found: daysText(found.messageRetentionDuration),
      expected: `${daysText(push.retentionSeconds)} or more`,
      otherwise: "warning",
      remedy: "Keep messages longer; the sweep finds what was lost, but no start, event or file.",
      commands: update(retentionFlag),
    }),
  ];
}

/** The function refuses every other token. Without BATON_AUDIENCE, Cloud Run or a proxy verifies tokens. */
function checkToken(
  { google: { callers } }: CloudContext,
  subject: string,
  { pushConfig: { oidcToken, pushEndpoint } }: Subscription,
  commands: readonly string[],
): CheckResult {
  const token = oidcToken?.serviceAccountEmail
    ? { account: oidcToken.serviceAccountEmail, audience: oidcToken.audience || (pushEndpoint ?? "") }
    : undefined;
  const isAccepted = ({ account, audience }: NonNullable<typeof token>) =>
    !callers ||
    // Another check reports that BATON_CALLERS names no account.
    (audience === callers.audience && (callers.callers.length === 0 || callers.callers.includes(account)));
  return judge("pubsub.token", {
    subject,
    holds: token !== undefined && isAccepted(token),
    found: token ? `of ${token.account} for ${token.audience}` : "pushes bear no token",
    expected: callers
      ? `of ${callers.callers.join(" or ") || "an account"} (BATON_CALLERS) for ${callers.audience} (BATON_AUDIENCE)`
      : "a token of an account that may call the function",
    otherwise: callers ? "failed" : "warning",
    remedy: "Set the token of the subscription, or correct BATON_CALLERS and BATON_AUDIENCE.",
    commands,
  });
}

/** With fewer attempts, an outage of an hour makes dead letters of sound messages. */
function checkDeadLetterPolicy(
  context: CloudContext,
  subject: string,
  { deadLetterPolicy: policy }: Subscription,
  update: (flags: Flags) => string[],
): CheckResult {
  const wanted = deadLetterTopicOf(context);
  const isTopic = policy?.deadLetterTopic === wanted;
  return judge("pubsub.dead-letter", {
    subject,
    holds: isTopic && policy.maxDeliveryAttempts >= push.maxAttempts,
    found: policy?.deadLetterTopic
      ? `${policy.deadLetterTopic} after ${policy.maxDeliveryAttempts} attempts`
      : "no dead-letter policy: they block the subscription until they expire",
    expected: `${wanted} after ${push.maxAttempts} attempts`,
    otherwise: isTopic ? "warning" : "failed",
    remedy: isTopic
      ? "Let it try as often as it can: with few attempts, an outage makes dead letters of sound messages."
      : "Set the policy; the Pub/Sub service agent has to be publisher there and subscriber here.",
    commands: update(deadLetterFlags(context)),
  });
}

/** By default Pub/Sub deletes a subscription that was idle for 31 days. */
export function checkExpiration(
  subject: string,
  { expirationPolicy }: Subscription,
  project: string,
): CheckResult {
  const { ttl } = expirationPolicy;
  return judge("pubsub.expiration", {
    subject,
    holds: !ttl,
    found: ttl ? `after ${daysText(ttl)} idle` : "never",
    expected: "never",
    remedy: "Let it never expire: once a subscription is gone, what is published is lost.",
    commands: [gcloud("pubsub subscriptions update", [subject], { ...neverFlag, project })],
  });
}

function daysText(seconds: number): string {
  return `${Math.round((seconds / daySeconds) * 10) / 10} days`;
}
