import { BatonError, TaskError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { parseDurationSeconds } from "../core/values/duration.ts";
import { daySeconds } from "../core/values/time.ts";
import type { Assignment } from "../ports/task-runner.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { TaskCallback, TaskNotes } from "./progress.ts";
import type { Steps } from "./step-api.ts";
import { type Services, type TaskContext, WaitForCompletion } from "./task-type.ts";

/** What a run has beside its assignment. */
export interface RunContext {
  readonly signal: AbortSignal;
  readonly notes: TaskNotes;
  readonly step: Steps;
  readonly callback: TaskCallback;
}

/** The context of one attempt. */
export function createContext(
  assignment: Assignment,
  services: Services,
  log: Logger,
  { signal, notes, step, callback }: RunContext,
): TaskContext {
  const { task, batchId } = assignment;
  const outcomeOfParent = (taskId: string) => {
    if (!task.after.includes(taskId))
      throw new BatonError("NOT_A_PARENT", `Task ${task.id} does not name ${taskId} in \`after\``);
    return assignment.parentOutcome(taskId);
  };
  return {
    input: assignment.input,
    batchId,
    workflowId: assignment.workflowId,
    taskId: task.id,
    attempt: assignment.attempt,
    idempotencyKey: assignment.idempotencyKey,
    signal,
    log,
    services,
    step,
    callback,
    count: (name, by) => notes.count(name, by),
    warn: (message) => notes.warn(message),
    error: (message) => notes.error(message),
    eachItem: (items, work) => notes.eachItem(items, work),
    async parent(taskId: string) {
      const { status, result } = await outcomeOfParent(taskId);
      if (status !== "SUCCESS")
        throw new TaskError(`Parent ${taskId} ended ${status}: it has no result`, { retryable: false });
      return result;
    },
    async parentStatus(taskId: string) {
      const { status, error } = await outcomeOfParent(taskId);
      return { status, error };
    },
    waitForCompletion(timeout: string) {
      const where = `task ${task.id}`;
      const seconds = parseDurationSeconds(timeout, where);
      if (seconds <= limits.delaySeconds) return new WaitForCompletion(seconds);
      const most = limits.delaySeconds / daySeconds;
      throw new BatonError(
        "DURATION_TOO_LONG",
        `A task waits for its completion for ${most} days at most, not for "${timeout}"`,
        { where, remedy: "Wait for an event instead: step.waitForEvent has no such limit." },
      );
    },
  };
}
