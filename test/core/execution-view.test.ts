import { expect, test } from "vitest";
import {
  claimExecution,
  type Execution,
  releaseExecution,
  resetResult,
  settleExecution,
} from "../../src/core/idempotency-lock.ts";
import { executionView } from "../../src/core/views/execution.ts";
import { similarKeys } from "../../src/engine/queries/inspect.ts";

const holder = { batchId: "b", taskId: "t", attempt: 2, worker: "host:1" };
const stamp = { nonce: "n", now: 0 };
const idempotency = {
  key: { by: "arguments" },
  scope: "global",
  ttlSeconds: 100,
  lockSeconds: 10,
  onLocked: "wait",
  recurring: false,
} as const;
const taken = { token: 1, generation: undefined };
const claimed = claimExecution("w/t?a=1", undefined, taken, { holder, lockSeconds: 10, nonce: "g" });
const ended = { kind: "succeeded", result: { value: 7 }, callbackId: "evt" } as const;
const done = settleExecution(claimed, idempotency, ended, stamp);
const again = settleExecution(claimed, { ...idempotency, recurring: true }, ended, stamp);
const error = { code: "E", message: "no", retryable: false };
const failed = settleExecution(claimed, idempotency, { kind: "failed", error }, stamp);

const cases: readonly (readonly [string, Execution, number, RegExp, boolean, RegExp])[] = [
  ["locked", claimed, 1, /^attempt 2 of task t in batch b holds the lock until/, false, /waits for the lock/],
  [
    "locked, lease over",
    claimed,
    10,
    /has not renewed it: it expired/,
    true,
    /continues after the stored steps/,
  ],
  ["done", done, 99, /^done by attempt 2 .*; the result is cached until/, false, /stored result.*callback/],
  ["done, run out", done, 100, /the result expired at/, true, /from the beginning/],
  ["recurring", again, 0, /^last done by attempt 2 .*; no result is cached$/, true, /from the beginning/],
  [
    "failed",
    failed,
    5,
    /^not done: attempt 2 .* failed; its stored steps/,
    true,
    /continues after the stored steps/,
  ],
  [
    "unlocked",
    releaseExecution(claimed, "n"),
    5,
    /^not done: released or unlocked/,
    true,
    /continues after the stored steps/,
  ],
  [
    "cleared",
    resetResult(releaseExecution(claimed, "n"), "n"),
    0,
    /^earlier calls left no record/,
    true,
    /from the beginning/,
  ],
];

test.each(cases)("a key that is %s, in words", (_, execution, ageSeconds, why, runs, next) => {
  const view = executionView(execution, ageSeconds * 1_000, 1_000_000);
  expect(view.why).toMatch(why);
  expect(view.nextCall.why).toMatch(next);
  expect(view.nextCall.runs).toBe(runs);
  expect(view.result !== null).toBe(execution.state === "SUCCESS" && !runs);
  expect(view.lock !== null).toBe(execution.state === "PROCESSING");
});

test("keys of the same workflow are alike, those that begin alike the most", () => {
  const known = ["w/t?a=2", "w/t?b=1", "w/u?a=1", "v/t?a=1", "ww/t?a=1"];
  expect(similarKeys("w/t?a=1", known)).toEqual(["w/t?a=2", "w/t?b=1", "w/u?a=1"]);
  expect(similarKeys("w", known)).toHaveLength(3);
  expect(similarKeys("x/t?a=1", known)).toEqual([]);
});
