import { expect, test } from "vitest";
import type { TaskBatch, TaskLog } from "../../src/core/records.ts";
import { taskReport } from "../../src/core/views/views.ts";

const batch: TaskBatch = {
  batchId: "flow-1",
  workflowId: "flow",
  definitionHash: "h",
  input: null,
  status: "RUNNING",
  cancelRequested: false,
  startedBy: "manual",
  lineageId: "flow-1",
  run: 1,
  createdAt: Date.UTC(2026, 10, 20, 23, 59, 59),
  day: "2026-11-20",
  endedAt: null,
  nonce: "n",
};

const log: TaskLog = {
  batchId: "flow-1",
  taskId: "work",
  status: "SUCCESS",
  reason: null,
  attempt: 1,
  resumes: 0,
  failures: 0,
  lostLeases: 0,
  nonce: "n",
  worker: null,
  dueSeconds: null,
  events: [],
  startedAt: Date.UTC(2026, 10, 21, 0, 0, 1),
  endedAt: Date.UTC(2026, 10, 22),
  result: null,
  error: null,
  notes: null,
  history: [],
  skipCause: null,
  key: null,
  arrivals: [],
};

test.each([
  ["NEW", undefined, "pending"],
  ["PROCESSING", { status: "PROCESSING", reason: null }, "pending"],
  ["WAITING retry", { status: "WAITING", reason: "retry" }, "pending"],
  ["WAITING lock_held", { status: "WAITING", reason: "lock_held" }, "pending"],
  ["SUCCESS", { status: "SUCCESS", reason: null }, "success"],
  ["SUCCESS inherited", { status: "SUCCESS", reason: "inherited" }, "success"],
  ["SUCCESS already_completed", { status: "SUCCESS", reason: "already_completed" }, "skipped"],
  ["SKIPPED lock_held", { status: "SKIPPED", reason: "lock_held" }, "skipped"],
  ["SKIPPED upstream_failed", { status: "SKIPPED", reason: "upstream_failed" }, "skipped"],
  ["CANCELLED", { status: "CANCELLED", reason: "cancelled" }, "skipped"],
  ["ERROR", { status: "ERROR", reason: null }, "failed"],
] as const)("a task that is %s", (_name, state, status) => {
  const report = taskReport(batch, "work", state && { ...log, ...state });
  expect(report).toMatchObject({ status, reason: state?.reason ?? null });
});

test("a failed task keeps its notes beside its error", () => {
  const notes = { counters: { items: 3 }, warnings: ["slow"], errors: ["item 2: bad"], dropped: 0 };
  const error = { code: "HTTP_FAILED", message: "no answer", retryable: true };
  expect(taskReport(batch, "work", { ...log, status: "ERROR", notes, error })).toEqual({
    task: "work",
    date: "2026-11-21",
    task_id: "flow-1/work",
    status: "failed",
    errors: ["item 2: bad", "HTTP_FAILED: no answer"],
    warnings: ["slow"],
    reason: null,
    counters: { items: 3 },
  });
});

test.each([
  [{ date: "2026-01-05" }, "2026-01-05"],
  [{ date: "20260105" }, "2026-01-05"],
  [{ date: "tomorrow" }, "2026-11-21"],
  [{ date: "2026-02-30" }, "2026-11-21"],
])("a report is of the day that the input names, if it names one: %j", (input, date) => {
  expect(taskReport({ ...batch, input }, "work", log).date).toBe(date);
});

test("a task that has not started has the day of its batch, and no notes", () => {
  expect(taskReport(batch, "work", undefined)).toEqual({
    task: "work",
    date: "2026-11-20",
    task_id: "flow-1/work",
    status: "pending",
    errors: [],
    warnings: [],
    reason: null,
    counters: {},
  });
  expect(taskReport(batch, "work", { ...log, startedAt: null }).date).toBe("2026-11-20");
});
