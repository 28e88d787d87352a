import { expect, test } from "vitest";
import { type TaskLog, TaskLogSchema } from "../../src/core/records.ts";
import { withoutDefaults } from "../../src/engine/records/task-logs.ts";

const started = { batchId: "b", taskId: "t", status: "WAITING", nonce: "n" } as const;

const full: TaskLog = {
  ...started,
  reason: "event",
  attempt: 1,
  resumes: 2,
  failures: 3,
  lostLeases: 4,
  worker: "w",
  dueSeconds: 0,
  events: ["go"],
  startedAt: 0,
  endedAt: 0,
  result: { value: null },
  error: { code: "TASK_FAILED", message: "", retryable: false },
  notes: { counters: {}, warnings: [], errors: [], dropped: 0 },
  skipCause: "input.count > 0",
  history: [{ attempt: 1, outcome: "lost", startedAt: 0, endedAt: 1, worker: "w" }],
  key: "",
  arrivals: ["b/event/go"],
};

test("a TaskLog with everything is stored with everything", () => {
  expect(Object.keys(withoutDefaults(full)).sort()).toEqual(Object.keys(TaskLogSchema.shape).sort());
  expect(TaskLogSchema.parse(withoutDefaults(full))).toEqual(full);
});

test("absent fields of a TaskLog are not stored, and are restored when it is read", () => {
  const empty = TaskLogSchema.parse(started);
  expect(Object.keys(empty).sort()).toEqual(Object.keys(TaskLogSchema.shape).sort());
  expect(withoutDefaults(empty)).toEqual(started);
  expect(TaskLogSchema.parse(started).events).not.toBe(empty.events);
});
