import type { ErrorCode } from "../core/error-catalog.ts";
import { failureOf } from "../core/failure.ts";
import { limits } from "../core/limits.ts";
import type { StoredError } from "../core/stored.ts";
import type { TaskOutcome } from "../ports/task-runner.ts";

/** Why a task is told to stop while it runs. */
export type InterruptionKind = "timeout" | "uncaught_error" | "lost_lease" | "shutdown";

/** The reason of a task's abort signal. */
export class TaskInterrupted extends Error {
  override readonly name = "TaskInterrupted";
  readonly kind: InterruptionKind;

  constructor(kind: InterruptionKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

/** What becomes of the attempt, whether or not its code heeds the signal. */
export function outcomeOf(interrupted: TaskInterrupted): TaskOutcome {
  switch (interrupted.kind) {
    case "timeout":
      return {
        kind: "failed",
        // mutation: timeout-is-retried
        error: { code: "TASK_TIMEOUT", message: interrupted.message, retryable: true },
        notes: null,
      };
    case "uncaught_error":
      return { kind: "failed", error: uncaughtError(interrupted.cause), notes: null };
    case "lost_lease":
      return { kind: "abandoned" };
    case "shutdown":
      return { kind: "released" };
  }
}

/** What the code threw decides whether another attempt may succeed, as if it had been caught. */
function uncaughtError(cause: unknown): StoredError {
  const { message, retryable } = failureOf(cause);
  const code: ErrorCode = "TASK_ERROR_UNCAUGHT";
  return { code, message: `${uncaughtText}: ${message}`.slice(0, limits.errorMessageCharacters), retryable };
}

const uncaughtText = "an exception that the task's code does not catch";
