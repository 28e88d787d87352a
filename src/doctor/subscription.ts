import { limits } from "../core/limits.ts";
import { daySeconds } from "../core/time.ts";
import { subscriptionOf } from "../core/topics.ts";
import type { SubscriptionSettings } from "../ports/checks.ts";
import { type CheckResult, judge } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { days, judgeExpiration } from "./expiration.ts";
import { gcloud } from "./gcloud.ts";
import { judgeToken, tokenFlags } from "./push-token.ts";

const leastRetentionSeconds = 7 * daySeconds;
const retryFlags = { "min-retry-delay": "10s", "max-retry-delay": "600s" } as const;

export function createSubscription(context: CloudContext, topic: string, deadLetters: string): string {
  return gcloud("pubsub subscriptions create", [subscriptionOf(topic)], {
    topic,
    "push-endpoint": "<URL of the function>",
    ...tokenFlags(context),
    "ack-deadline": limits.deliveryDeadlineSeconds,
    ...retryFlags,
    ...deadLetterFlags(deadLetters),
    "expiration-period": "never",
    "message-retention-duration": "7d",
    project: context.google.projectId,
  });
}

function deadLetterFlags(deadLetters: string) {
  return { "dead-letter-topic": deadLetters, "max-delivery-attempts": limits.subscriptionDeliveryAttempts };
}

/** Everything about a push subscription that is there. */
export function judgeSubscription(
  context: CloudContext,
  topic: string,
  found: SubscriptionSettings,
  deadLetters: string,
): CheckResult[] {
  const subject = subscriptionOf(topic);
  const update = (flags: Readonly<Record<string, string | number>>) => [
    gcloud("pubsub subscriptions update", [subject], { ...flags, project: context.google.projectId }),
  ];
  return [
    judge("pubsub.endpoint", {
      subject,
      holds: found.pushEndpoint !== undefined,
      found: found.pushEndpoint ?? "it waits to be pulled",
      expected: "the URL of the function",
      remedy: "Let it push.",
      commands: [
        gcloud("pubsub subscriptions modify-push-config", [subject], {
          "push-endpoint": "<URL of the function>",
          ...tokenFlags(context),
          project: context.google.projectId,
        }),
      ],
    }),
    judgeToken(context, subject, found),
    ...judgeTimes(context, subject, found, update),
    judge("pubsub.retry", {
      subject,
      holds: found.hasRetryPolicy,
      found: found.hasRetryPolicy ? "there are pauses" : "at once, again and again",
      expected: "growing pauses",
      otherwise: "warning",
      remedy: "Set a retry policy.",
      commands: update(retryFlags),
    }),
    judgeDeadLetters(subject, found, deadLetters, update),
    ...judgeExpiration(subject, found, context.google.projectId),
    judge("pubsub.retention", {
      subject,
      holds: found.retentionSeconds >= leastRetentionSeconds,
      found: days(found.retentionSeconds),
      expected: `${days(leastRetentionSeconds)} or more`,
      otherwise: "warning",
      remedy: "Keep messages longer; the sweep finds what was lost, but no start, event or file.",
      commands: update({ "message-retention-duration": "7d" }),
    }),
  ];
}

type Update = (flags: Readonly<Record<string, string | number>>) => string[];

/** Function timeout < ack deadline < lease: a message that comes again must not meet a worker that is alive. */
function judgeTimes(
  context: CloudContext,
  subject: string,
  { ackDeadlineSeconds }: SubscriptionSettings,
  update: Update,
): CheckResult[] {
  const { functionTimeoutSeconds } = context.google;
  const { leaseSeconds } = context.configuration;
  return [
    judge("pubsub.deadline", {
      subject,
      holds: functionTimeoutSeconds < ackDeadlineSeconds,
      found: `an ack deadline of ${ackDeadlineSeconds} s`,
      expected: `more than BATON_FUNCTION_TIMEOUT, ${functionTimeoutSeconds} s, and at most ${limits.deliveryDeadlineSeconds} s`,
      remedy: "Let pushes wait longer, or shorten the function's timeout and BATON_FUNCTION_TIMEOUT.",
      commands: update({ "ack-deadline": limits.deliveryDeadlineSeconds }),
    }),
    judge("pubsub.lease", {
      subject,
      holds: ackDeadlineSeconds < leaseSeconds,
      found: `BATON_LEASE is ${leaseSeconds} s, the ack deadline ${ackDeadlineSeconds} s`,
      expected: "a lease longer than the ack deadline",
      remedy: "Set BATON_LEASE to 660s and deploy the function again, or shorten the ack deadline.",
    }),
  ];
}

/** Fewer attempts are over in an outage of an hour: then sound messages are lost to where nobody replays them. */
function judgeDeadLetters(
  subject: string,
  { deadLetterTopic, deliveryAttempts }: SubscriptionSettings,
  wanted: string,
  update: Update,
): CheckResult {
  const isTopic = deadLetterTopic === wanted;
  const least = limits.subscriptionDeliveryAttempts;
  return judge("pubsub.dead-letter", {
    subject,
    holds: isTopic && deliveryAttempts >= least,
    found:
      deadLetterTopic === undefined
        ? "no dead-letter policy: they block the subscription until they expire"
        : `${deadLetterTopic} after ${deliveryAttempts} attempts`,
    expected: `${wanted} after ${least} attempts`,
    otherwise: isTopic ? "warning" : "failed",
    remedy: isTopic
      ? "Let it try as often as it can: with few attempts, an outage makes dead letters of sound messages."
      : "Set the policy; the Pub/Sub service agent has to be publisher there and subscriber here.",
    commands: update(deadLetterFlags(wanted)),
  });
}
