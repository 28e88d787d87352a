import { AsyncLocalStorage } from "node:async_hooks";
import type { ErrorCode } from "../core/errors/error-catalog.ts";
import { limits } from "../core/limits.ts";
import { type StoredError, toStoredError } from "../core/records.ts";
import type { JsonText } from "../core/values/json.ts";
import {
  noTaskTime,
  type StepMemory,
  type StepResult,
  type StepWait,
  type TaskOutcome,
  type TaskTime,
  type Turn,
} from "../ports/task-runner.ts";
import type { LogFields } from "../ports/telemetry.ts";
import { errorPlace } from "./error-place.ts";

/** The run of a task, as found by code that the task calls and by errors that it does not catch. */
export interface CurrentRun extends TaskTime {
  readonly labels: LogFields;
  /** An exception that the task's code does not catch fails the attempt. Returns false if the attempt has ended. */
  onException(thrown: unknown): boolean;
  /**
   * A rejected promise is noted as a warning unless the code awaits it later. Returns false if the attempt has ended.
   */
  onRejection(promise: Promise<unknown>, reason: unknown): boolean;
  /** The code has awaited a rejected promise after all. */
  onHandled(promise: Promise<unknown>): void;
}

/** Promises, timers and events inherit the run in which they were created. */
const current = new AsyncLocalStorage<CurrentRun | undefined>();

export function withRun<T>(run: CurrentRun, work: () => T): T {
  return current.run(run, work);
}

/** Runs the engine's part of a call outside of the run, so that its stray errors are not blamed on the task. */
export function outsideRun<T>(work: () => T): T {
  return current.run(undefined, work);
}

/** The stored steps, for a run. */
export class MemoryOutsideRun implements StepMemory {
  readonly #memory: StepMemory;

  constructor(memory: StepMemory) {
    this.#memory = memory;
  }

  find(name: string): Promise<StepResult | undefined> {
    return outsideRun(() => this.#memory.find(name));
  }

  store(name: string, kind: StepResult["kind"], value: JsonText): Promise<StepResult> {
    return outsideRun(() => this.#memory.store(name, kind, value));
  }

  startWait(name: string): Promise<StepWait> {
    return outsideRun(() => this.#memory.startWait(name));
  }

  event(name: string): ReturnType<StepMemory["event"]> {
    return outsideRun(() => this.#memory.event(name));
  }
}

/** The run that the current code, or the current uncaught error, belongs to. */
export function currentRun(): CurrentRun | undefined {
  return current.getStore();
}

/** The time of the task whose code is running. */
export const taskTime: TaskTime = {
  requestTurn: (): Turn => (current.getStore() ?? noTaskTime).requestTurn(),
};

/** Pauses the timeout of the running task during the work. */
export async function withoutTaskTime<T>(work: () => Promise<T>): Promise<T> {
  const turn = taskTime.requestTurn();
  try {
    return await work();
  } finally {
    turn.end();
  }
}

/** Why a run is interrupted. */
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

/** The outcome of an interrupted attempt, whether or not its code reacts to the signal. */
export function toOutcome(interrupted: TaskInterrupted): TaskOutcome {
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

/** The thrown error decides whether the attempt is retried, as for an error that the code lets through. */
function uncaughtError(cause: unknown): StoredError {
  const { message, retryable } = toStoredError(cause);
  const code: ErrorCode = "TASK_ERROR_UNCAUGHT";
  const place = errorPlace(cause);
  return {
    code,
    message: `${uncaughtText}: ${message}`.slice(0, limits.errorMessageCharacters),
    retryable,
    ...(place !== undefined && { place }),
  };
}

const uncaughtText = "an exception that the task's code does not catch";
