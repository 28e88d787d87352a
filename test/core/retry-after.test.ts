import { expect, test } from "vitest";
import { BatonError, TaskError } from "../../src/core/errors/errors.ts";
import { limits } from "../../src/core/limits.ts";
import {
  backoffMs,
  parseRetryAfterSeconds,
  parseRetryDelaySeconds,
  requestedPause,
  withPause,
} from "../../src/core/retry.ts";

const now = Date.UTC(2026, 10, 30, 12, 0, 0);
const soon = "Mon, 30 Nov 2026 12:30:00 GMT";

test.each([
  ["1800", undefined, 1_800],
  [" 7 ", undefined, 7],
  [soon, undefined, 1_800],
  ["Monday, 30-Nov-26 12:30:00 GMT", undefined, 1_800],
  ["Mon Nov 30 12:30:00 2026", undefined, 1_800],
  // Our clock is a day ahead: the answer's own counts.
  [soon, "Mon, 30 Nov 2026 12:29:00 GMT", 60],
  [soon, "yesterday", 1_800],
])("%j of an answer made at %j asks for %d s", (retryAfter, date, seconds) =>
  expect(parseRetryAfterSeconds({ retryAfter, date }, now)).toBe(seconds),
);

test.each([
  undefined,
  null,
  "",
  "0",
  "-5",
  "1.5",
  "1e3",
  "soon",
  "1800 s",
  "9".repeat(30),
  "Mon, 30 Nov 2026 11:00:00 GMT",
  "Mon, 30 Nov 2026 12:30:00",
  "2026-11-30T12:30:00Z",
  "Mon, 99 Nov 2026 12:30:00 GMT",
])("%j asks for nothing", (retryAfter) =>
  expect(parseRetryAfterSeconds({ retryAfter, date: undefined }, now)).toBeUndefined(),
);

test("Google's durations are read, and nothing else is", () => {
  expect(["3.5s", "60s", "0s", "-1s", "1m", ""].map(parseRetryDelaySeconds)).toEqual([
    3.5,
    60,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

const policy = { initialSeconds: 10, factor: 2, maxSeconds: 60, jitter: 0.5 };

test("the longer of both waits counts, plus the jitter", () => {
  expect(backoffMs(policy, 1, 0, 3)).toBe(10_000);
  expect(backoffMs(policy, 1, 0, 300)).toBe(300_000);
  expect(backoffMs(policy, 1, 0.8, 300)).toBe(304_000);
});

test("a pause is noted in the message, and cut to the longest one with a note", () => {
  const error = { code: "HTTP_STATUS", message: "GET http://a answered 429", retryable: true };
  const asking = (retryAfterSeconds: number) => new TaskError(error.message, { retryAfterSeconds });
  expect(withPause(error, asking(90))).toEqual({
    error: { ...error, message: "GET http://a answered 429 (asked to wait 90 s)" },
    retryAfterSeconds: 90,
  });
  const most = limits.retryAfterSeconds;
  expect(withPause(error, asking(most + 1))).toEqual({
    error: {
      ...error,
      message: `GET http://a answered 429 (asked to wait ${most + 1} s, which is cut to ${most} s, the longest wait)`,
    },
    retryAfterSeconds: most,
  });
  const long = { ...error, message: "x".repeat(limits.errorMessageCharacters) };
  const { message } = withPause(long, asking(90)).error;
  expect(message).toHaveLength(limits.errorMessageCharacters);
  expect(message).toMatch(/ \(asked to wait 90 s\)$/);
});

test("an error that is not retried asks for no pause, and an invalid pause is ignored", () => {
  const error = { code: "HTTP_STATUS", message: "no", retryable: false };
  expect(withPause(error, new TaskError("no", { retryable: false, retryAfterSeconds: 9 }))).toEqual({
    error,
  });
  for (const retryAfterSeconds of [0, -1, Number.NaN, undefined])
    expect(requestedPause(new TaskError("no", { retryAfterSeconds }))).toBeUndefined();
  expect(requestedPause(new BatonError("OBJECTS_UNAVAILABLE", "no", { retryAfterSeconds: 9 }))?.seconds).toBe(
    9,
  );
  expect(requestedPause("thrown text")).toBeUndefined();
});
