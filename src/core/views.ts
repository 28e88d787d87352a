import type { Definition } from "./definition.ts";
import { remedyOf } from "./error-catalog.ts";
import type { JsonValue } from "./json.ts";
import type { TaskBatch, TaskLog } from "./records.ts";
import type { BatchStatus, Reason, ShownTaskStatus } from "./status.ts";
import type { StoredError } from "./stored.ts";
import { type TaskReport, taskReport } from "./task-report.ts";
import { isoTime } from "./time.ts";

interface TaskErrorView extends StoredError {
  /** What to do about it; null when the code is one of the task's own. */
  readonly remedy: string | null;
}

/** A task of a batch as `baton show --json` prints it. Times are ISO 8601, UTC. */
export interface TaskView {
  readonly taskId: string;
  readonly status: ShownTaskStatus;
  readonly reason: Reason | null;
  /** Names of the events that it waits for now. */
  readonly waitsFor: readonly string[];
  readonly attempts: number;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** The task's result; for one too large to be inline, `{ bucket, object, bytes }`. */
  readonly result: JsonValue;
  readonly error: TaskErrorView | null;
  /** Its idempotency key, once it is known. */
  readonly key: string | null;
  readonly report: TaskReport;
}

export interface BatchSummary {
  readonly batchId: string;
  readonly workflowId: string;
  readonly status: BatchStatus;
  readonly startedBy: string;
  readonly lineageId: string;
  readonly run: number;
  readonly createdAt: string;
  readonly endedAt: string | null;
}

/** A batch as `baton run --json` and `baton show --json` print it: every task of its definition. */
export interface BatchView extends BatchSummary {
  readonly input: JsonValue;
  readonly tasks: readonly TaskView[];
}

export function batchSummary(batch: TaskBatch): BatchSummary {
  return {
    batchId: batch.batchId,
    workflowId: batch.workflowId,
    status: batch.status,
    startedBy: batch.startedBy,
    lineageId: batch.lineageId,
    run: batch.run,
    createdAt: isoTime(batch.createdAt),
    endedAt: batch.endedAt === null ? null : isoTime(batch.endedAt),
  };
}

export function batchView(
  batch: TaskBatch,
  definition: Definition,
  logs: ReadonlyMap<string, { readonly log: TaskLog }>,
): BatchView {
  return {
    ...batchSummary(batch),
    input: batch.input,
    tasks: definition.tasks.map((task) => taskView(batch, task.id, logs.get(task.id)?.log)),
  };
}

function taskView(batch: TaskBatch, taskId: string, log: TaskLog | undefined): TaskView {
  const report = taskReport(batch, taskId, log);
  if (!log)
    return {
      taskId,
      status: "NEW",
      reason: null,
      waitsFor: [],
      attempts: 0,
      startedAt: null,
      endedAt: null,
      result: null,
      error: null,
      key: null,
      report,
    };
  return {
    taskId,
    status: log.status,
    reason: log.reason,
    waitsFor: log.status === "WAITING" ? log.events : [],
    attempts: log.attempt,
    startedAt: log.startedAt === null ? null : isoTime(log.startedAt),
    endedAt: log.endedAt === null ? null : isoTime(log.endedAt),
    result: log.result === null ? null : "value" in log.result ? log.result.value : { ...log.result },
    error: log.error && { ...log.error, remedy: remedyOf(log.error.code) ?? null },
    key: log.key,
    report,
  };
}
