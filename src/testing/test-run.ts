import { BatonError } from "../core/errors/errors.ts";
import type { BatchStatus, DisplayStatus, Reason, StoredError } from "../core/records.ts";
import type { JsonValue } from "../core/values/json.ts";
import type { BatchView, TaskView } from "../core/views/views.ts";
import type { ServiceCall } from "./fakes/fake-services.ts";
import type { SentCallback } from "./workflow-world.ts";

/** A task at the end of a run. */
export interface TestTask<Result = JsonValue> {
  readonly status: DisplayStatus;
  /** Why it was skipped, waits, or took a shortcut. */
  readonly reason: Reason | null;
  readonly attempts: number;
  /** Null unless it ended SUCCESS. */
  readonly result: Result | null;
  readonly error: StoredError | null;
  /** The events that it waits for. */
  readonly waitsFor: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** Errors that the task noted, and the one that it failed with. */
  readonly errors: readonly string[];
}

/** A batch as a test sees it. `Tasks` maps the ids of the tasks to their results. */
export interface TestRun<Tasks> {
  readonly batchId: string;
  readonly status: BatchStatus;
  readonly tasks: { readonly [Id in keyof Tasks]: TestTask<Tasks[Id]> };
  /** Milliseconds by the clock of the test. */
  readonly durationMs: number;
  /** Progress and final callbacks, in the order in which they were sent. */
  readonly callbacks: readonly SentCallback[];
  /** Calls of services, in their order. Those of this test's earlier runs are left out. */
  readonly calls: readonly ServiceCall[];
  /** The result of a task. Throws `TEST_RESULT_MISSING` unless it ended SUCCESS. */
  result<Id extends keyof Tasks & string>(taskId: Id): Tasks[Id];
  /** The error of a task that failed. Throws `TEST_RESULT_MISSING` if it did not. */
  error(taskId: keyof Tasks & string): StoredError;
}

/** What happened beside the batch while it ran. */
interface Surroundings {
  readonly callbacks: readonly SentCallback[];
  readonly calls: readonly ServiceCall[];
  readonly durationMs: number;
  /** Reads a result that is too large for its TaskLog. */
  readonly readLarge: (result: JsonValue) => JsonValue;
}

export function toTestRun<Tasks>(view: BatchView, surroundings: Surroundings): TestRun<Tasks>;
export function toTestRun(
  { batchId, status, tasks }: BatchView,
  { readLarge, ...surroundings }: Surroundings,
): TestRun<Readonly<Record<string, JsonValue>>> {
  const found = new Map(tasks.map((task) => [task.taskId, toTestTask(task, readLarge)]));
  const failures = [...found]
    .filter(([, { error }]) => error !== null)
    .map(([taskId, { error }]) => `${taskId} (${error?.code}: ${error?.message})`);
  /** A skipped task says too little: what a reader needs is the failure above it. */
  const endingOf = ({ status: ended, reason, error }: TestTask) => {
    if (error) return `${ended} (${error.code}: ${error.message})`;
    const because = reason === null ? ended : `${ended} (${reason})`;
    return ended === "SKIPPED" && failures.length > 0
      ? `${because}. Failed: ${failures.join("; ")}`
      : because;
  };
  const find = (taskId: string) => found.get(taskId) ?? unknownTask(taskId, [...found.keys()]);
  return {
    batchId,
    status,
    tasks: Object.fromEntries(found),
    ...surroundings,
    result: (taskId) => {
      const task = find(taskId);
      if (task.status === "SUCCESS") return task.result;
      throw new BatonError("TEST_RESULT_MISSING", `Task ${taskId} ended ${endingOf(task)}`);
    },
    error: (taskId) => {
      const task = find(taskId);
      if (task.error) return task.error;
      throw new BatonError("TEST_RESULT_MISSING", `Task ${taskId} has no error: it ended ${endingOf(task)}`);
    },
  };
}

function toTestTask(task: TaskView, readLarge: Surroundings["readLarge"]): TestTask {
  const { status, reason, attempts, error, waitsFor, report } = task;
  return {
    status,
    reason,
    attempts,
    result: status === "SUCCESS" ? readLarge(task.result) : null,
    error: error && withoutRemedy(error),
    waitsFor,
    counters: report.counters,
    warnings: report.warnings,
    errors: report.errors,
  };
}

function withoutRemedy({ remedy: _, ...error }: NonNullable<TaskView["error"]>): StoredError {
  return error;
}

/** Throws `TEST_TASK_UNKNOWN`. */
export function unknownTask(taskId: string, known: readonly string[]): never {
  throw new BatonError(
    "TEST_TASK_UNKNOWN",
    `The workflow has no task "${taskId}"; its tasks are: ${known.join(", ")}`,
  );
}
