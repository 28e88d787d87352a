import { daySeconds } from "../core/time.ts";
import type { SubscriptionSettings } from "../ports/checks.ts";
import { type CheckResult, judge } from "./check.ts";
import { gcloud } from "./gcloud.ts";

/** By default a subscription that nothing came to for 31 days is gone. */
export function judgeExpiration(
  subject: string,
  found: SubscriptionSettings | undefined,
  project: string,
): CheckResult[] {
  if (!found) return [];
  const { expiresAfterSeconds } = found;
  return [
    judge("pubsub.expiration", {
      subject,
      holds: expiresAfterSeconds === undefined,
      found: expiresAfterSeconds === undefined ? "never" : `after ${days(expiresAfterSeconds)} idle`,
      expected: "never",
      remedy: "Let it never expire: once a subscription is gone, what is published is lost.",
      commands: [gcloud("pubsub subscriptions update", [subject], { "expiration-period": "never", project })],
    }),
  ];
}

export function days(seconds: number): string {
  return `${Math.round((seconds / daySeconds) * 10) / 10} days`;
}
