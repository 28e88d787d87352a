import { status } from "@grpc/grpc-js";
import { GrpcError } from "../kit/grpc-server.ts";
import { millisecondsOf, type WireQueue } from "./wire.ts";

export interface RateLimits {
  readonly maxDispatchesPerSecond: number;
  readonly maxBurstSize: number;
  readonly maxConcurrentDispatches: number;
}

export interface RetryConfig {
  /** The first one counts. -1: no limit. */
  readonly maxAttempts: number;
  /** 0: no limit. */
  readonly maxRetryDurationMs: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly maxDoublings: number;
}

export function rateLimitsOf({ rateLimits }: WireQueue): RateLimits {
  const maxDispatchesPerSecond = rateLimits?.maxDispatchesPerSecond || 500;
  const maxConcurrentDispatches = rateLimits?.maxConcurrentDispatches || 1_000;
  if (maxDispatchesPerSecond > 500 || maxConcurrentDispatches > 5_000) {
    throw new GrpcError(
      status.INVALID_ARGUMENT,
      "A queue dispatches at most 500 tasks a second, and 5000 at one time",
    );
  }
  return {
    maxDispatchesPerSecond,
    maxConcurrentDispatches,
    // Google chooses it by the rate, a fifth of a second's worth and ten at the least, and ignores what is asked for.
    maxBurstSize: Math.max(10, Math.ceil(maxDispatchesPerSecond / 5)),
  };
}

export function retryConfigOf({ retryConfig }: WireQueue): RetryConfig {
  const { maxAttempts, maxRetryDuration, minBackoff, maxBackoff, maxDoublings } = retryConfig ?? {};
  return {
    maxAttempts: maxAttempts || 100,
    maxRetryDurationMs: maxRetryDuration ? millisecondsOf(maxRetryDuration) : 0,
    minBackoffMs: minBackoff ? millisecondsOf(minBackoff) : 100,
    maxBackoffMs: maxBackoff ? millisecondsOf(maxBackoff) : 3_600_000,
    maxDoublings: maxDoublings || 16,
  };
}

/** The pause doubles some times, then grows by the same step, up to the most. */
export function backoffMs(config: RetryConfig, failures: number): number {
  const { minBackoffMs, maxBackoffMs, maxDoublings } = config;
  const doublings = Math.min(failures - 1, maxDoublings);
  const steps = Math.max(0, failures - 1 - maxDoublings);
  const doubledMs = minBackoffMs * 2 ** doublings;
  return Math.min(maxBackoffMs, doubledMs + steps * doubledMs);
}

/** Both limits, where there are two, have to be reached. */
export function isGivenUp(config: RetryConfig, failures: number, sinceFirstMs: number): boolean {
  const { maxAttempts, maxRetryDurationMs } = config;
  if (maxAttempts === -1) return maxRetryDurationMs > 0 && sinceFirstMs >= maxRetryDurationMs;
  return failures >= maxAttempts && sinceFirstMs >= maxRetryDurationMs;
}
