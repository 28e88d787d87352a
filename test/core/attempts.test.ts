import { describe, expect, test } from "vitest";
import {
  historyAfter,
  historyOnClaim,
  historyOnSettle,
  readyTime,
  shownAttempts,
} from "../../src/core/history/attempts.ts";
import { limits } from "../../src/core/limits.ts";
import type { TaskLog } from "../../src/core/records.ts";
import { logOf } from "../support/logs.ts";

const error = { code: "TASK_FAILED", message: "no", retryable: true, place: "w.ts:1:1" };

describe("the history of a TaskLog", () => {
  test("an attempt has its times, its worker and its error", () => {
    const log = logOf({ attempt: 1, startedAt: 10, worker: "w" });
    expect(historyAfter(log, { outcome: "failed", endedAt: 25, error })).toEqual([
      {
        attempt: 1,
        outcome: "failed",
        startedAt: 10,
        endedAt: 25,
        worker: "w",
        error: { code: "TASK_FAILED", message: "no", place: "w.ts:1:1" },
      },
    ]);
  });

  test("unknown values are not stored", () => {
    const [lost] = historyAfter(logOf({ startedAt: 10 }), { outcome: "lost", endedAt: 25, error: null });
    expect(lost).toEqual({ attempt: 1, outcome: "lost", startedAt: 10, endedAt: 25 });
  });

  test.each([
    ["retry", "failed"],
    ["released", "released"],
    ["sleep", undefined],
    [null, undefined],
  ] as const)("after a settle for the reason %s its attempt is added as %s", (reason, outcome) => {
    const added = historyOnSettle(logOf({ startedAt: 10 }), { reason, error: null }, 25);
    expect(added).toMatchObject(outcome ? [{ attempt: 1, outcome, startedAt: 10, endedAt: 25 }] : []);
  });

  test("a claim adds the attempt whose lease expired, at the end of the lease, and no wait", () => {
    const expired = logOf({ status: "PROCESSING", startedAt: 10, dueSeconds: 60 });
    expect(historyOnClaim(expired, 5_000)).toMatchObject([{ attempt: 1, outcome: "lost", endedAt: 65_000 }]);
    expect(historyOnClaim(logOf({ status: "WAITING", dueSeconds: 60 }), 5_000)).toEqual([]);
  });

  test("only the last attempts are kept", () => {
    let history: TaskLog["history"] = [];
    for (let attempt = 1; attempt <= limits.shownAttempts + 5; attempt += 1)
      history = historyAfter(logOf({ attempt, history }), { outcome: "released", endedAt: attempt });
    expect(history).toHaveLength(limits.shownAttempts);
    expect([history[0]?.attempt, history.at(-1)?.attempt]).toEqual([6, limits.shownAttempts + 5]);
  });

  test("a long message is cut, so that twenty of them fit into the document", () => {
    const long = { ...error, message: "x".repeat(limits.errorMessageCharacters) };
    const [failed] = historyAfter(logOf({}), { outcome: "failed", endedAt: 1, error: long });
    expect(failed?.error?.message.length).toBeLessThanOrEqual(limits.shortErrorCharacters);
  });
});

describe("the attempts that are shown", () => {
  const history: TaskLog["history"] = [{ attempt: 1, outcome: "failed", startedAt: 10, endedAt: 20, error }];

  test("each has the wait before it", () => {
    const log = logOf({ status: "SUCCESS", attempt: 2, startedAt: 80, endedAt: 90, history, worker: "w" });
    expect(shownAttempts(log, 4)).toMatchObject([
      { attempt: 1, outcome: "failed", waitedMs: 6, worker: null, error: { code: "TASK_FAILED" } },
      { attempt: 2, outcome: "succeeded", waitedMs: 60, worker: "w", error: null },
    ]);
  });

  test("an attempt that waits for its retry is shown once", () => {
    const waits = logOf({ status: "WAITING", reason: "retry", attempt: 1, startedAt: 10, history, error });
    expect(shownAttempts(waits, null).map(({ outcome }) => outcome)).toEqual(["failed"]);
  });

  test("one that runs, or is parked, is running", () => {
    const parked = logOf({ status: "WAITING", reason: "sleep", attempt: 1, startedAt: 10 });
    expect(shownAttempts(parked, null)).toMatchObject([{ outcome: "running", waitedMs: null }]);
  });

  test("a task that never ran has none", () => {
    expect(shownAttempts(logOf({ status: "SKIPPED", attempt: 0, startedAt: null }), 1)).toEqual([]);
  });

  test("without the attempt before, the wait is not known; with clocks that differ it is 0", () => {
    const cut = logOf({ attempt: 2, startedAt: 5 });
    expect(shownAttempts(cut, 1)).toMatchObject([{ attempt: 2, waitedMs: null }]);
    expect(shownAttempts(logOf({ startedAt: 5 }), 9)).toMatchObject([{ waitedMs: 0 }]);
  });
});

describe("a task becomes ready", () => {
  const logs: Readonly<Record<string, TaskLog>> = {
    good: logOf({ status: "SUCCESS", endedAt: 30 }),
    later: logOf({ status: "SUCCESS", endedAt: 50 }),
    bad: logOf({ status: "ERROR", endedAt: 40 }),
    worse: logOf({ status: "ERROR", endedAt: 60 }),
    runs: logOf({ status: "PROCESSING" }),
  };
  const timeOf = (rule: Parameters<typeof readyTime>[0]["rule"], after: string[]) =>
    readyTime({ rule, after }, 20, (taskId) => logs[taskId]);

  test.each([
    ["all_succeeded", [], 20],
    ["all_succeeded", ["good", "later"], 50],
    ["all_succeeded", ["good", "bad"], null],
    ["all_succeeded", ["good", "unstarted"], null],
    ["all_ended", ["later", "bad"], 50],
    ["all_ended", ["bad", "runs"], null],
    ["none_failed", ["later", "good"], 50],
    ["none_failed", ["good", "bad"], null],
    ["any_succeeded", ["later", "good", "runs"], 30],
    ["any_succeeded", ["bad"], null],
    ["any_failed", ["worse", "bad", "runs"], 40],
    ["any_failed", ["good"], null],
  ] as const)("%s of %j: %s", (rule, after, at) => {
    expect(timeOf(rule, [...after])).toBe(at);
  });
});
