import * as z from "zod";
import { sparseObject } from "../adapters/remote/service-response.ts";
import { deliverySettings, permissions } from "../configuration/google-requirements.ts";
import { CALLBACK_QUEUE, CONTROL_QUEUE } from "../core/messages.ts";
import { subscriptionName, topicName } from "../core/queues.ts";
import { daySeconds } from "../core/values/time.ts";
import { type CheckGroup, type CheckResult, checkResult, gcloud } from "./check.ts";
import {
  type CloudContext,
  DurationSchema,
  permissionGroup,
  readResource,
  resourceGroup,
  resourceId,
  serviceGroup,
} from "./google.ts";

const { push } = deliverySettings;

const TopicSchema = z.object({ name: z.string() });

const DeadLetterSchema = z.object({
  deadLetterTopic: z.string().transform(resourceId).optional(),
  maxDeliveryAttempts: z.number().default(5),
});
const TokenSchema = z.object({ serviceAccountEmail: z.string().optional(), audience: z.string().optional() });

/** A subscription, with Pub/Sub's defaults: https://cloud.google.com/pubsub/docs/subscription-properties */
const SubscriptionSchema = z.object({
  name: z.string(),
  /** `_deleted-topic_` if that was deleted. */
  topic: z.string().transform(resourceId),
  pushConfig: z
    .object({ pushEndpoint: z.string().default(""), oidcToken: TokenSchema.default({}) })
    .prefault({}),
  ackDeadlineSeconds: z.number().default(10),
  retryPolicy: z.object({}).optional(),
  deadLetterPolicy: DeadLetterSchema.prefault({}),
  /** Without a time to live it never expires. */
  expirationPolicy: z.object({ ttl: DurationSchema.optional() }).default({ ttl: 31 * daySeconds }),
  messageRetentionDuration: DurationSchema.default(7 * daySeconds),
});
type Subscription = z.infer<typeof SubscriptionSchema>;

/** Topics, the permission to publish to them, and their subscriptions. `queues`: the queues of tasks. */
export function pubSubGroups(context: CloudContext, queues: readonly string[]): CheckGroup[] {
  const kind = "topic";
  const topics = [CONTROL_QUEUE, CALLBACK_QUEUE, ...queues].map((queue) =>
    topicName(context.google.prefix, queue),
  );
  return [
    deadLetterGroup(context),
    ...topics.flatMap((topic) => [
      resourceGroup(context, "pubsub.topic", topic, { kind, answer: TopicSchema }),
      permissionGroup(context, "pubsub.permissions", topic, { kind, set: permissions.pubSub }),
      subscriptionGroup(context, topic),
    ]),
  ];
}

function deadLetterTopic({ google }: CloudContext): string {
  return `${google.prefix}-dead-letters`;
}

const ListSchema = sparseObject({ subscriptions: z.array(z.string()).default([]) });

/** The topic of dead letters. Its subscriptions must not expire before a person reads them. */
function deadLetterGroup(context: CloudContext): CheckGroup {
  const id = "pubsub.dead-letter";
  const subject = deadLetterTopic(context);
  return serviceGroup(id, subject, "pubSub", async (signal) => {
    const list = await readResource(context, ["topic", subject, "/subscriptions"], ListSchema, signal);
    const names = list?.subscriptions.map(resourceId);
    const exists = checkResult(id, subject, {
      holds: names !== undefined && names.length > 0,
      found: names ? `subscriptions: ${names.join(", ") || "none"}` : "there is no such topic",
      expected: "a topic with a subscription: without one, dead letters are lost",
    });
    const expirations = (names ?? []).map(async (name) => {
      const subscription = await readResource(context, ["subscription", name], SubscriptionSchema, signal);
      return subscription ? [checkExpiration(name, subscription)] : [];
    });
    return [exists, ...(await Promise.all(expirations)).flat()];
  });
}

function subscriptionGroup(context: CloudContext, topic: string): CheckGroup {
  const subject = subscriptionName(topic);
  const { projectId: project } = context.google;
  return resourceGroup(context, "pubsub.subscription", subject, {
    kind: "subscription",
    answer: SubscriptionSchema,
    describe: (found) => `of the topic ${found.topic}`,
    finding: (found) => ({
      holds: found?.topic === topic,
      expected: `of the topic ${topic}`,
      remedy: `${found ? "Delete it and deploy" : "Deploy it"}: until then, messages that are published are lost.`,
      deploys: true,
      commands: found ? [gcloud("pubsub subscriptions delete", [subject], { project })] : [],
    }),
    settings: (found) => [...checkPushes(context, subject, found), ...checkLosses(context, subject, found)],
  });
}

/** Whether pushes reach the function, and are not repeated while it works. */
function checkPushes(
  { google: { callers, functionTimeoutSeconds }, configuration: { leaseSeconds } }: CloudContext,
  subject: string,
  { ackDeadlineSeconds, pushConfig: { oidcToken, pushEndpoint } }: Subscription,
): CheckResult[] {
  const { serviceAccountEmail: account = "", audience = "" } = oidcToken;
  const actual = { account, audience: audience || pushEndpoint };
  // If BATON_CALLERS names no account, another check reports it.
  const accounts = callers?.callers.length ? callers.callers : [account];
  return [
    checkResult("pubsub.endpoint", subject, {
      holds: pushEndpoint !== "",
      found: pushEndpoint || "it does not push",
    }),
    // The function rejects every other token. Without BATON_AUDIENCE, Cloud Run or a proxy verifies tokens.
    checkResult("pubsub.token", subject, {
      holds:
        account !== "" && (!callers || (actual.audience === callers.audience && accounts.includes(account))),
      found: account === "" ? "pushes carry no token" : `of ${account} for ${actual.audience}`,
      expected: callers
        ? `of ${callers.callers.join(" or ") || "an account"} (BATON_CALLERS) for ${callers.audience} (BATON_AUDIENCE)`
        : "a token of an account that may call the function",
      severity: callers ? "failed" : "warning",
      remedy: "Deploy the infrastructure, which sets the token, or correct BATON_CALLERS and BATON_AUDIENCE.",
      deploys: true,
    }),
    // Function timeout < ack deadline < lease: a redelivery must not meet a live worker.
    checkResult("pubsub.deadline", subject, {
      holds: functionTimeoutSeconds < ackDeadlineSeconds,
      found: `an ack deadline of ${ackDeadlineSeconds} s`,
      expected: `more than BATON_FUNCTION_TIMEOUT (${functionTimeoutSeconds} s), at most ${push.ackDeadlineSeconds} s`,
    }),
    checkResult("pubsub.lease", subject, {
      holds: ackDeadlineSeconds < leaseSeconds,
      found: `BATON_LEASE is ${leaseSeconds} s, the ack deadline ${ackDeadlineSeconds} s`,
      remedy: "Set BATON_LEASE to 660s and deploy the function again, or shorten the ack deadline.",
    }),
  ];
}

/** Whether messages outlive an outage of the function. */
function checkLosses(context: CloudContext, subject: string, found: Subscription): CheckResult[] {
  const { retryPolicy, messageRetentionDuration: retentionSeconds } = found;
  const { deadLetterTopic: topic = "", maxDeliveryAttempts: attempts } = found.deadLetterPolicy;
  const isTopic = topic === deadLetterTopic(context);
  return [
    checkResult("pubsub.retry", subject, {
      found: retryPolicy ? "growing pauses" : "at once, again and again",
      expected: "growing pauses",
      severity: "warning",
    }),
    // With fewer attempts, an outage of an hour makes dead letters of good messages.
    checkResult("pubsub.dead-letter", subject, {
      holds: isTopic && attempts >= push.maxAttempts,
      found: topic
        ? `${topic} after ${attempts} attempts`
        : "no dead-letter policy: such messages block the subscription until they expire",
      expected: `${deadLetterTopic(context)} after ${push.maxAttempts} attempts`,
      severity: isTopic ? "warning" : "failed",
    }),
    checkExpiration(subject, found),
    checkResult("pubsub.retention", subject, {
      holds: retentionSeconds >= push.retentionSeconds,
      found: daysText(retentionSeconds),
      expected: `${daysText(push.retentionSeconds)} or more: a sweep repeats lost tasks, but no start, event or file`,
      severity: "warning",
    }),
  ];
}

/** By default Pub/Sub deletes a subscription that was idle for 31 days. */
function checkExpiration(subject: string, { expirationPolicy: { ttl } }: Subscription): CheckResult {
  return checkResult("pubsub.expiration", subject, {
    holds: !ttl,
    found: ttl ? `after ${daysText(ttl)} idle` : "never",
    expected: "never: messages published after that are lost",
  });
}

function daysText(seconds: number): string {
  return `${Math.round((seconds / daySeconds) * 10) / 10} days`;
}
