import type { Callback } from "../callback.ts";
import { remedyFor } from "../errors/error-catalog.ts";
import { readyTime, type ShownAttempt, shownAttempts } from "../history/attempts.ts";
import { parseDay } from "../idempotency-key.ts";
import type { Execution, Holder } from "../idempotency-lock.ts";
import type {
  BatchStatus,
  DisplayStatus,
  FirstFailure,
  Reason,
  StoredError,
  TaskBatch,
  TaskCounts,
  TaskLog,
  TaskStatus,
} from "../records.ts";
import type { JsonValue } from "../values/json.ts";
import { isoTime, utcDay } from "../values/time.ts";
import type { Definition } from "../workflow/definition.ts";

/** The outcome of a task in the form that external schedulers read. Its field names are an agreed format. */
interface TaskReport {
  readonly task: string;
  /** `YYYY-MM-DD`: the `date` in the input of its batch, or else the UTC day on which it started. */
  readonly date: string;
  readonly task_id: string;
  /** Also `skipped` if an earlier call did the work: then the reason is `already_completed`. */
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
    date: parseDay(batch.input) ?? utcDay(log?.startedAt ?? batch.createdAt),
    task_id: `${batch.batchId}/${taskId}`,
    status: reportStatus(log?.status ?? "NEW", log?.reason ?? null),
    errors: [...(notes?.errors ?? []), ...failure],
    warnings: notes?.warnings ?? [],
    reason: log?.reason ?? null,
    counters: notes?.counters ?? {},
  };
}

function reportStatus(status: DisplayStatus, reason: Reason | null): TaskReport["status"] {
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

interface TaskErrorView extends StoredError {
  /** The remedy of the code. Null if the code is the task's own. */
  readonly remedy: string | null;
}

/** An attempt of a task as `baton show --json` prints it. Times are ISO 8601, UTC. */
export interface AttemptView extends Omit<ShownAttempt, "startedAt" | "endedAt"> {
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

/** A task of a batch as `baton show --json` prints it. Times are ISO 8601, UTC. */
export interface TaskView {
  readonly taskId: string;
  readonly status: DisplayStatus;
  readonly reason: Reason | null;
  /** Why it was skipped: the condition that was not met, or the text of its `Skip`. */
  readonly skipCause: string | null;
  /** Names of the events for which it waits now. */
  readonly waitsFor: readonly string[];
  readonly attempts: number;
  /** The attempts, oldest first: the last `limits.shownAttempts` before the current or last one, and that one. */
  readonly history: readonly AttemptView[];
  /** When its parents' ends allowed it to run. Null: they have not, or did not. */
  readonly readyAt: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** The task's result. One that is too large to be inline is `{ bucket, object, bytes }`. */
  readonly result: JsonValue;
  readonly error: TaskErrorView | null;
  /** Its idempotency key, once it was computed. */
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
  /** How many tasks have each final status. Null: it has not ended, or began under a version that did not count. */
  readonly counts: TaskCounts | null;
  /** The task that failed first, with its last error. Null if none failed or the batch has not ended. */
  readonly firstFailure: FirstFailureView | null;
}

interface FirstFailureView extends Omit<FirstFailure, "endedAt"> {
  readonly endedAt: string;
}

/** A batch as `baton run --json` and `baton show --json` print it: every task of its definition. */
export interface BatchView extends BatchSummary {
  readonly input: JsonValue;
  readonly tasks: readonly TaskView[];
}

export function batchSummary(batch: TaskBatch): BatchSummary {
  const { firstFailure } = batch;
  return {
    batchId: batch.batchId,
    workflowId: batch.workflowId,
    status: batch.status,
    startedBy: batch.startedBy,
    lineageId: batch.lineageId,
    run: batch.run,
    createdAt: isoTime(batch.createdAt),
    endedAt: timeOrNull(batch.endedAt),
    counts: batch.counts ?? null,
    firstFailure: firstFailure ? { ...firstFailure, endedAt: isoTime(firstFailure.endedAt) } : null,
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
    tasks: definition.tasks.map((task) => {
      const readyAt = readyTime(task, batch.createdAt, (taskId) => logs.get(taskId)?.log);
      return taskView(batch, task.id, readyAt, logs.get(task.id)?.log);
    }),
  };
}

function taskView(
  batch: TaskBatch,
  taskId: string,
  readyAt: number | null,
  log: TaskLog | undefined,
): TaskView {
  const report = taskReport(batch, taskId, log);
  if (!log)
    return {
      taskId,
      status: "NEW",
      reason: null,
      skipCause: null,
      waitsFor: [],
      attempts: 0,
      history: [],
      readyAt: timeOrNull(readyAt),
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
    skipCause: log.skipCause,
    waitsFor: log.status === "WAITING" ? log.events : [],
    attempts: log.attempt,
    history: shownAttempts(log, readyAt).map(attemptView),
    readyAt: timeOrNull(readyAt),
    startedAt: timeOrNull(log.startedAt),
    endedAt: timeOrNull(log.endedAt),
    result: log.result === null ? null : "value" in log.result ? log.result.value : { ...log.result },
    error: log.error && { ...log.error, remedy: remedyFor(log.error.code) ?? null },
    key: log.key,
    report,
  };
}

function attemptView(shown: ShownAttempt): AttemptView {
  return { ...shown, startedAt: timeOrNull(shown.startedAt), endedAt: timeOrNull(shown.endedAt) };
}

function timeOrNull(milliseconds: number | null): string | null {
  return milliseconds === null ? null : isoTime(milliseconds);
}

/** A task of a running batch that runs or waits, as `baton inspect` prints it. Times are ISO 8601, UTC. */
export interface ActiveTask {
  readonly batchId: string;
  readonly taskId: string;
  readonly status: TaskStatus;
  readonly reason: Reason | null;
  readonly attempt: number;
  readonly worker: string | null;
  /** The start of the attempt, or of the wait. */
  readonly since: string;
  /** The end of its lease, unless a heartbeat extends it, or of its wait. */
  readonly due: string | null;
  readonly key: string | null;
}

export interface Lock extends Holder {
  readonly key: string;
  readonly until: string;
  /** The lease has expired: the next call takes the lock. */
  readonly isOver: boolean;
}

export interface CachedResult {
  readonly key: string;
  readonly producedBy: (Holder & { readonly endedAt: string }) | null;
  readonly until: string;
  /** The start of the result's JSON. */
  readonly result: string;
}

export interface Stats {
  readonly batches: Readonly<Record<BatchStatus, number>>;
  /** SUCCESS: also records whose result has expired, until a sweep deletes them. */
  readonly executions: Readonly<Record<Execution["state"], number>>;
  readonly callbacks: Readonly<Record<"PENDING" | "DELIVERED" | "GIVEN_UP", number>>;
  readonly deadLetters: { readonly total: number; readonly notReplayed: number };
  /** Documents that this version can't parse. They are in none of the numbers. */
  readonly unreadable: number;
}

/** A final callback as `baton explain --json` prints it. Times are ISO 8601, UTC. */
export interface CallbackView
  extends Pick<
    Callback,
    "eventId" | "type" | "state" | "batchId" | "taskId" | "key" | "archived" | "resends"
  > {
  readonly url: string;
  readonly occurredAt: string;
  readonly deliveredAt: string | null;
  /** Failed sends in a row. */
  readonly failures: number;
  /** The last sends, newest last. `error` is null if the receiver accepted the page. */
  readonly sends: readonly { readonly at: string; readonly page: number; readonly error: string | null }[];
}

export function callbackView(callback: Callback): CallbackView {
  const { eventId, type, state, batchId, taskId, key, archived, resends, failures, target } = callback;
  return {
    eventId,
    type,
    state,
    batchId,
    taskId,
    key,
    archived,
    resends,
    failures,
    url: target.url,
    occurredAt: isoTime(callback.occurredAt),
    deliveredAt: callback.deliveredAt === null ? null : isoTime(callback.deliveredAt),
    sends: callback.sends.map((send) => ({ ...send, at: isoTime(send.at) })),
  };
}
