import type { RetryPolicy } from "./definition.ts";

/**
 * Milliseconds to wait after the `failures`-th failed attempt, or undefined when the attempts are used up.
 * `random` is in [0, 1) and spreads the wait by the policy's jitter.
 */
export function retryDelayMs(policy: RetryPolicy, failures: number, random: number): number | undefined {
  if (failures >= policy.maxAttempts) return undefined;
  return backoffMs(policy, failures, random);
}

/** Exponential back-off with cap and jitter; `count` is 1 for the first wait. */
export function backoffMs(policy: Omit<RetryPolicy, "maxAttempts">, count: number, random: number): number {
  const seconds = Math.min(policy.initialSeconds * policy.factor ** (count - 1), policy.maxSeconds);
  return Math.round(seconds * (1 + policy.jitter * random) * 1_000);
}
