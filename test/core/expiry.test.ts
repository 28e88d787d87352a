import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { expiresAfterSeconds, isPastRetention } from "../../src/core/storage/expiry.ts";

const retention = 200 * 24 * 3_600;
const margin = limits.expiryMarginSeconds;

test.each([
  ["definitions", {}, undefined],
  ["schedules", {}, undefined],
  ["taskLogs", { status: "SUCCESS" }, retention],
  ["batches", {}, retention],
  // The holder of a lock may still be running, so its token must not be used twice.
  ["executions", { state: "PROCESSING", dueSeconds: 60 }, retention],
  ["executions", { state: "SUCCESS", dueSeconds: 3_600 }, 3_600 + margin],
  ["executions", { state: "FREE", dueSeconds: 0 }, margin],
  ["executions", { nonsense: true }, retention],
] as const)("%s %j is kept for %s seconds", (collection, data, seconds) => {
  expect(expiresAfterSeconds(collection, data, retention)).toBe(seconds);
});

test("a batch is past its retention before any document of it may be gone", () => {
  expect(isPastRetention(retention - margin, retention)).toBe(false);
  expect(isPastRetention(retention - margin + 1, retention)).toBe(true);
});
