import type { TaskOutcome } from "../ports/task-runner.ts";

/** Why a task is told to stop while it runs. */
export type InterruptionKind = "timeout" | "lost_lease" | "shutdown";

/** The reason of a task's abort signal. */
export class TaskInterrupted extends Error {
  override readonly name = "TaskInterrupted";
  readonly kind: InterruptionKind;

  constructor(kind: InterruptionKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** What becomes of the attempt, whether or not its code heeds the signal. */
export function outcomeOf(interrupted: TaskInterrupted): TaskOutcome {
  switch (interrupted.kind) {
    case "timeout":
      return {
        kind: "failed",
        error: { code: "TASK_TIMEOUT", message: interrupted.message, retryable: true },
        notes: null,
      };
    case "lost_lease":
      return { kind: "abandoned" };
    case "shutdown":
      return { kind: "released" };
  }
}
