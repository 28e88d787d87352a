import * as z from "zod";
import { limits } from "./limits.ts";

export const RetryPolicySchema = z.strictObject({
  /** Attempts in all, the first included. */
  maxAttempts: z.int().min(1).max(limits.attempts),
  /** Wait before the second attempt, in seconds. */
  initialSeconds: z.number().min(0).max(limits.delaySeconds),
  /** Each further wait is this many times the one before. */
  factor: z.number().min(1).max(limits.retryFactor),
  /** No wait is longer than this, in seconds. */
  maxSeconds: z.number().min(0).max(limits.delaySeconds),
  /** Share of the wait that is added at random, 0 to 1. */
  jitter: z.number().min(0).max(1),
});
export type RetryPolicy = z.infer<typeof RetryPolicySchema>;

/**
 * Milliseconds to wait after the `failures`-th failed attempt, or undefined when the attempts are used up.
 * `random` is in [0, 1) and spreads the wait by the policy's jitter. `leastSeconds`: what the other side asks for.
 */
export function retryDelayMs(
  policy: RetryPolicy,
  failures: number,
  random: number,
  leastSeconds = 0,
): number | undefined {
  // mutation: attempts-are-limited
  if (failures >= policy.maxAttempts) return undefined;
  return backoffMs(policy, failures, random, leastSeconds);
}

/**
 * Exponential back-off with cap and jitter; `count` is 1 for the first wait. No wait is shorter than `leastSeconds`,
 * and the jitter comes on top of those too: all that were told the same must not come back at once.
 */
export function backoffMs(
  policy: Omit<RetryPolicy, "maxAttempts">,
  count: number,
  random: number,
  leastSeconds = 0,
): number {
  const seconds = Math.min(policy.initialSeconds * policy.factor ** (count - 1), policy.maxSeconds);
  const spreadSeconds = seconds * policy.jitter * random;
  return Math.round((Math.max(seconds, leastSeconds) + spreadSeconds) * 1_000);
}
