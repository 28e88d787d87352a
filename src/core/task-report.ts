import { dayGiven } from "./idempotency.ts";
import type { TaskBatch, TaskLog } from "./records.ts";
import type { Reason, ShownTaskStatus } from "./status.ts";
import { dayOf } from "./time.ts";

/** How a task came out, in the one form that whoever schedules tasks reads. */
export interface TaskReport {
  readonly task: string;
  /** The day it is about, if the input of its batch has a `date`, else the day it began, in UTC: `YYYY-MM-DD`. */
  readonly date: string;
  readonly task_id: string;
  /** `skipped` also when the work had been done before: then the reason is `already_completed`. */
  readonly status: "pending" | "success" | "skipped" | "failed";
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  readonly reason: Reason | null;
  readonly counters: Readonly<Record<string, number>>;
}

export function taskReport(batch: TaskBatch, taskId: string, log: TaskLog | undefined): TaskReport {
  const notes = log?.notes;
  const failure = log?.error ? [`${log.error.code}: ${log.error.message}`] : [];
  return {
    task: taskId,
    date: dayGiven(batch.input) ?? dayOf(log?.startedAt ?? batch.createdAt),
    task_id: `${batch.batchId}/${taskId}`,
    status: statusOf(log?.status ?? "NEW", log?.reason ?? null),
    errors: [...(notes?.errors ?? []), ...failure],
    warnings: notes?.warnings ?? [],
    reason: log?.reason ?? null,
    counters: notes?.counters ?? {},
  };
}

function statusOf(status: ShownTaskStatus, reason: Reason | null): TaskReport["status"] {
  switch (status) {
    case "NEW":
    case "PROCESSING":
    case "WAITING":
      return "pending";
    case "SUCCESS":
      return reason === "already_completed" ? "skipped" : "success";
    case "SKIPPED":
    case "CANCELLED":
      return "skipped";
    case "ERROR":
      return "failed";
  }
}
