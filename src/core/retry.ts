import * as z from "zod";
import { limits } from "./limits.ts";
import type { StoredError } from "./records.ts";
import { truncate } from "./values/text.ts";

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

const imfDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const rfc850Date = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const asctimeDate = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** The headers of an answer that say when to come again. */
export interface RetryAfterHeaders {
  readonly retryAfter: string | null | undefined;
  /** When the answer was made, by the clock that a date in `retryAfter` goes by. */
  readonly date: string | null | undefined;
}

/**
 * Seconds that an answer asks to be left in peace, by its `Retry-After` (RFC 9110): a number of seconds, or a date.
 * Undefined for what is neither, and for a date that has passed. `now`: milliseconds since 1970, for answers that
 * bear no date.
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

/** All three forms of RFC 9110. */
function parseHttpDate(text: string): number | undefined {
  const isKnown = imfDate.test(text) || rfc850Date.test(text);
  if (!isKnown && !asctimeDate.test(text)) return undefined;
  const at = Date.parse(isKnown ? text : `${text} GMT`);
  return Number.isNaN(at) ? undefined : at;
}

/** Seconds of a duration as Google's JSON has it, such as `3.5s`, in `google.rpc.RetryInfo`. */
export function parseRetryDelaySeconds(retryDelay: string): number | undefined {
  const seconds = Number(/^(\d{1,15}(?:\.\d{1,9})?)s$/.exec(retryDelay)?.[1]);
  return seconds > 0 ? seconds : undefined;
}

/** What was thrown asks for a pause before the same is tried again. */
export interface RequestedPause {
  /** How long is waited: what was asked for, or the longest that is granted. */
  readonly seconds: number;
  /** For the error message: why the wait is so long. */
  readonly note: string;
}

/** The pause that an error asks for, no longer than `limits.retryAfterSeconds`; undefined: none. */
export function requestedPause(thrown: unknown): RequestedPause | undefined {
  const asked = readRetryAfter(thrown);
  if (typeof asked !== "number" || !(asked > 0)) return undefined;
  const seconds = Math.min(asked, limits.retryAfterSeconds);
  const note =
    seconds < asked
      ? `asked to wait ${asked} s, which is cut to ${seconds} s, the longest wait`
      : `asked to wait ${asked} s`;
  return { seconds, note };
}

/** What was thrown may refuse to be looked at. */
function readRetryAfter(thrown: unknown): unknown {
  try {
    return thrown instanceof Error && "retryAfterSeconds" in thrown ? thrown.retryAfterSeconds : undefined;
  } catch {
    return undefined;
  }
}

/** A failure, and the pause before the next attempt that it asks for. Its message says so. */
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
