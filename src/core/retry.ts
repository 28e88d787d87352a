import * as z from "zod";
import { limits } from "./limits.ts";
import type { StoredError } from "./records.ts";
import { truncate } from "./values/text.ts";

export const RetryPolicySchema = z.strictObject({
  /** Number of attempts, including the first one. */
  maxAttempts: z.int().min(1).max(limits.attempts),
  /** Wait before the second attempt, in seconds. */
  initialSeconds: z.number().min(0).max(limits.delaySeconds),
  /** Each further wait is this many times as long as the one before. */
  factor: z.number().min(1).max(limits.retryFactor),
  /** No wait is longer than this, in seconds. */
  maxSeconds: z.number().min(0).max(limits.delaySeconds),
  /** Largest share of the wait that is added at random, 0 to 1. */
  jitter: z.number().min(0).max(1),
});
export type RetryPolicy = z.infer<typeof RetryPolicySchema>;

/**
 * Milliseconds to wait after the `failures`-th failed attempt, or undefined when there is no attempt left.
 * `random` is in [0, 1) and scales the policy's jitter. `leastSeconds`: the wait that the remote service asks for.
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
 * Exponential back-off with a cap and jitter; `count` is 1 for the first wait. No wait is shorter than `leastSeconds`.
 * The jitter is added to that too, because many clients may be asked to wait for the same time.
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

const imfDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const rfc850Date = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const asctimeDate = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** The headers of a response that say when to retry. */
export interface RetryAfterHeaders {
  readonly retryAfter: string | null | undefined;
  /** `Date`: when the response was made, by the same clock as a date in `retryAfter`. */
  readonly date: string | null | undefined;
}

/**
 * Seconds to wait by a `Retry-After` header (RFC 9110), which holds seconds or a date. Undefined for anything else
 * and for a date in the past. `now`: milliseconds since 1970, used if the response has no `Date`.
 */
export function parseRetryAfterSeconds(
  { retryAfter, date }: RetryAfterHeaders,
  now: number,
): number | undefined {
  const text = (retryAfter ?? "").trim();
  if (/^\d{1,15}$/.test(text)) return Number(text) || undefined;
  const until = parseHttpDate(text);
  if (until === undefined) return undefined;
  const seconds = Math.ceil((until - (parseHttpDate((date ?? "").trim()) ?? now)) / 1_000);
  return seconds > 0 ? seconds : undefined;
}

/** Milliseconds since 1970 of a date in any of the three forms of RFC 9110. */
function parseHttpDate(text: string): number | undefined {
  const isKnown = imfDate.test(text) || rfc850Date.test(text);
  if (!isKnown && !asctimeDate.test(text)) return undefined;
  const at = Date.parse(isKnown ? text : `${text} GMT`);
  return Number.isNaN(at) ? undefined : at;
}

/** Seconds of a duration in Google's JSON, such as the `3.5s` of a `google.rpc.RetryInfo`. */
export function parseRetryDelaySeconds(retryDelay: string): number | undefined {
  const seconds = Number(/^(\d{1,15}(?:\.\d{1,9})?)s$/.exec(retryDelay)?.[1]);
  return seconds > 0 ? seconds : undefined;
}

/** The pause before the next attempt that an error asks for. */
export interface RequestedPause {
  /** The requested pause, at most `limits.retryAfterSeconds`. */
  readonly seconds: number;
  /** Explains the wait in the error message. */
  readonly note: string;
}

export function requestedPause(thrown: unknown): RequestedPause | undefined {
  const requested = readRetryAfter(thrown);
  if (typeof requested !== "number" || !(requested > 0)) return undefined;
  const seconds = Math.min(requested, limits.retryAfterSeconds);
  const note =
    seconds < requested
      ? `asked to wait ${requested} s, which is cut to ${seconds} s, the longest wait`
      : `asked to wait ${requested} s`;
  return { seconds, note };
}

/** A getter of a thrown object may throw. */
function readRetryAfter(thrown: unknown): unknown {
  try {
    return thrown instanceof Error && "retryAfterSeconds" in thrown ? thrown.retryAfterSeconds : undefined;
  } catch {
    return undefined;
  }
}

/** Adds the pause that a retryable error asks for, and notes it in the message. */
export function withPause(
  error: StoredError,
  thrown: unknown,
): { readonly error: StoredError; readonly retryAfterSeconds?: number } {
  const pause = error.retryable ? requestedPause(thrown) : undefined;
  if (!pause) return { error };
  const note = ` (${pause.note})`;
  const message = truncate(error.message, limits.errorMessageCharacters - note.length) + note;
  return { error: { ...error, message }, retryAfterSeconds: pause.seconds };
}
