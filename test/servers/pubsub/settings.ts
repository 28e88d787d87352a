import { status } from "@grpc/grpc-js";
import { GrpcError } from "../kit/grpc-server.ts";
import { compileFilter } from "./filter.ts";
import { millisecondsOf, type WireDuration, type WirePushConfig, type WireSubscription } from "./wire.ts";

const daySeconds = 86_400;
const nameFormat = /^projects\/[^/]+\/(topics|subscriptions)\/(?!goog)[A-Za-z][\w.~+%-]{2,254}$/;
const updatable = [
  "ackDeadlineSeconds",
  "deadLetterPolicy",
  "enableExactlyOnceDelivery",
  "expirationPolicy",
  "labels",
  "messageRetentionDuration",
  "pushConfig",
  "retainAckedMessages",
  "retryPolicy",
] as const;

/** Throws INVALID_ARGUMENT for names that Google refuses. */
export function checkName(name: string, kind: "topics" | "subscriptions"): void {
  if (nameFormat.exec(name)?.[1] !== kind) refuse(`Not a valid name of ${kind}: ${name}`);
}

/** A subscription as it is kept: what was left out filled in, what is out of range refused with INVALID_ARGUMENT. */
export function withDefaults(subscription: WireSubscription): WireSubscription {
  const { ackDeadlineSeconds, deadLetterPolicy, retryPolicy } = subscription;
  const complete: WireSubscription = {
    ...subscription,
    pushConfig: subscription.pushConfig?.pushEndpoint ? subscription.pushConfig : null,
    ackDeadlineSeconds: ackDeadlineSeconds || 10,
    messageRetentionDuration: subscription.messageRetentionDuration ?? seconds(7 * daySeconds),
    expirationPolicy: subscription.expirationPolicy ?? { ttl: seconds(31 * daySeconds) },
    deadLetterPolicy: deadLetterPolicy?.deadLetterTopic
      ? { ...deadLetterPolicy, maxDeliveryAttempts: deadLetterPolicy.maxDeliveryAttempts || 5 }
      : null,
    retryPolicy: retryPolicy && {
      minimumBackoff: retryPolicy.minimumBackoff ?? seconds(10),
      maximumBackoff: retryPolicy.maximumBackoff ?? seconds(600),
    },
    state: "ACTIVE",
  };
  check(complete);
  return complete;
}

/** Throws INVALID_ARGUMENT for a mask that names what can't be changed. */
export function updated(
  current: WireSubscription,
  change: WireSubscription,
  paths: readonly string[],
): WireSubscription {
  if (paths.length === 0) refuse("The update mask is empty");
  let next = current;
  for (const path of paths) {
    const camelCase = path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const field = updatable.find((name) => name === camelCase);
    if (!field) refuse(`The update mask names ${path}, which can't be changed`);
    next = { ...next, [field]: change[field] };
  }
  return withDefaults(next);
}

function checkPushConfig({ pushEndpoint }: WirePushConfig): void {
  if (!/^https?:\/\//.test(pushEndpoint) || !URL.canParse(pushEndpoint)) {
    refuse(`Not a valid push endpoint: ${pushEndpoint}`);
  }
}

function check(subscription: WireSubscription): void {
  const { ackDeadlineSeconds, deadLetterPolicy, expirationPolicy, pushConfig } = subscription;
  if (ackDeadlineSeconds < 10 || ackDeadlineSeconds > 600) {
    refuse(`The ack deadline is ${ackDeadlineSeconds} s; it must be between 10 s and 600 s`);
  }
  const attempts = deadLetterPolicy?.maxDeliveryAttempts ?? 5;
  if (attempts < 5 || attempts > 100) {
    refuse(`max_delivery_attempts is ${attempts}; it must be between 5 and 100`);
  }
  if (expirationPolicy?.ttl && Number(expirationPolicy.ttl.seconds) < daySeconds) {
    refuse("The expiration policy's ttl must be at least a day");
  }
  if (pushConfig) checkPushConfig(pushConfig);
  checkBackoff(subscription);
  compileFilter(subscription.filter);
}

function checkBackoff({ retryPolicy }: WireSubscription): void {
  if (!retryPolicy?.minimumBackoff || !retryPolicy.maximumBackoff) return;
  const minimumMs = millisecondsOf(retryPolicy.minimumBackoff);
  const maximumMs = millisecondsOf(retryPolicy.maximumBackoff);
  if (minimumMs < 0 || maximumMs > 600_000 || minimumMs > maximumMs) {
    refuse(
      "The back-off of the retry policy must be between 0 s and 600 s, its minimum not above its maximum",
    );
  }
}

function seconds(amount: number): WireDuration {
  return { seconds: amount, nanos: 0 };
}

function refuse(message: string): never {
  throw new GrpcError(status.INVALID_ARGUMENT, message);
}
