import { limits } from "../core/limits.ts";
import { daySeconds } from "../core/time.ts";

/**
 * How Pub/Sub and Cloud Tasks deliver messages. Terraform reads these numbers from `infra/generated.tf.json`, which is made
 * of this table; the doctor compares with them and puts them into its commands.
 */
export const deliverySettings = {
  /** Push subscriptions: as often as Pub/Sub allows, so that no outage turns sound messages into dead letters. */
  push: {
    ackDeadlineSeconds: limits.deliveryDeadlineSeconds,
    minBackoffSeconds: 10,
    maxBackoffSeconds: 600,
    maxAttempts: limits.subscriptionDeliveryAttempts,
    retentionSeconds: 7 * daySeconds,
  },
  deadLetters: { retentionSeconds: 31 * daySeconds },
  /** Later messages: for about eight hours. The sweep finds what was given up before that. */
  timers: {
    maxAttempts: 100,
    minBackoffSeconds: 1,
    maxBackoffSeconds: 300,
    maxDoublings: 9,
    maxDispatchesPerSecond: limits.dispatchesPerSecond,
    maxConcurrentDispatches: 1_000,
  },
  /** Queues of BATON_QUEUES: without end (-1), and no faster than the push subscriptions. */
  limitedQueues: { maxAttempts: -1, minBackoffSeconds: 10, maxBackoffSeconds: 600 },
} as const;
