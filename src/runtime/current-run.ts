import { AsyncLocalStorage } from "node:async_hooks";
import type { ErrorCode } from "../core/errors/error-catalog.ts";
import { limits } from "../core/limits.ts";
import { type StoredError, toStoredError } from "../core/records.ts";
import type { Clock } from "../ports/machine.ts";
import {
  type Assignment,
  noTaskTime,
  type StepMemory,
  type TaskOutcome,
  type TaskTime,
  type Turn,
} from "../ports/task-runner.ts";
import type { LogFields } from "../ports/telemetry.ts";

/** The run of a task, as whatever its code calls or leaves behind can find it. */
export interface CurrentRun extends TaskTime {
  readonly labels: LogFields;
  /** An exception that its code does not catch: fails the attempt at once. False when that has ended. */
  onException(thrown: unknown): boolean;
  /**
   * A promise that nothing awaits, at least not yet: unless something does, it is a warning. False when the attempt
   * has ended.
   */
  onRejection(promise: Promise<unknown>, reason: unknown): boolean;
  /** Something awaits it after all. */
  onHandled(promise: Promise<unknown>): void;
}

/** Promises, timers and events carry it along from where they were made. */
const current = new AsyncLocalStorage<CurrentRun | undefined>();

export function withRun<T>(run: CurrentRun, work: () => T): T {
  return current.run(run, work);
}

/** What the engine does because the code of a task asks for it: whatever that leaves behind is not the task's. */
export function outsideRun({ memory, parentOutcome }: Pick<Assignment, "memory" | "parentOutcome">) {
  const outside = <T>(work: () => T): T => current.run(undefined, work);
  const ofEngine: StepMemory = {
    find: (name) => outside(() => memory.find(name)),
    store: (name, kind, value) => outside(() => memory.store(name, kind, value)),
    startWait: (name) => outside(() => memory.startWait(name)),
    event: (name) => outside(() => memory.event(name)),
  };
  return { memory: ofEngine, parentOutcome: (taskId: string) => outside(() => parentOutcome(taskId)) };
}

/** The run that the code which is running now belongs to, or that an error which nothing caught came from. */
export function currentRun(): CurrentRun | undefined {
  return current.getStore();
}

/** The time of whichever task asks. */
export const taskTime: TaskTime = {
  requestTurn: (): Turn => (current.getStore() ?? noTaskTime).requestTurn(),
};

/** Work in which the time of the task that asks for it stands still. */
export async function withoutTaskTime<T>(work: () => Promise<T>): Promise<T> {
  const turn = taskTime.requestTurn();
  try {
    return await work();
  } finally {
    turn.end();
  }
}

/**
 * How finely the time of a task is counted: while another task keeps the whole process busy, no more than one part
 * passes.
 */
const timerSlices = 20;

/**
 * Counts down the time that is a task's own. It stands still while the task waits for a turn and has none: what it
 * shares with others may take them longer than it may take itself.
 */
export class TaskTimer {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  readonly #onExpired: () => void;
  #leftMs: number;
  #waitingTurns = 0;
  #workingTurns = 0;
  #isOver = false;
  #pause: (() => void) | undefined;

  constructor(clock: Clock, ms: number, whenOver: () => void) {
    this.#clock = clock;
    this.#sliceMs = ms / timerSlices;
    this.#leftMs = ms;
    this.#onExpired = whenOver;
    this.#startSlice();
  }

  requestTurn(): Turn {
    let [waiting, working] = [1, 0];
    this.#updateTurns(waiting, working);
    const become = (nextWaiting: number, nextWorking: number) => {
      this.#updateTurns(nextWaiting - waiting, nextWorking - working);
      [waiting, working] = [nextWaiting, nextWorking];
    };
    return { begin: () => become(0, 1), end: () => become(0, 0) };
  }

  /** Stops all callbacks. */
  end(): void {
    this.#isOver = true;
    this.#pause?.();
  }

  #updateTurns(waiting: number, working: number): void {
    this.#waitingTurns += waiting;
    this.#workingTurns += working;
    if (this.#waitingTurns === 0 || this.#workingTurns > 0) this.#startSlice();
    else this.#pause?.();
  }

  #startSlice(): void {
    if (this.#isOver || this.#pause) return;
    if (this.#leftMs <= 0) {
      this.end();
      this.#onExpired();
      return;
    }
    const began = this.#clock.monotonicMs();
    const partMs = Math.min(this.#sliceMs, this.#leftMs);
    const cancel = this.#clock.after(partMs, () => this.#endSlice(partMs));
    this.#pause = () => {
      cancel();
      this.#pause = undefined;
      this.#leftMs -= Math.min(this.#clock.monotonicMs() - began, partMs);
    };
  }

  #endSlice(ms: number): void {
    this.#pause = undefined;
    this.#leftMs -= ms;
    this.#startSlice();
  }
}

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

/** What the code threw decides whether another attempt may succeed, as if it had been caught. */
function uncaughtError(cause: unknown): StoredError {
  const { message, retryable } = toStoredError(cause);
  const code: ErrorCode = "TASK_ERROR_UNCAUGHT";
  return { code, message: `${uncaughtText}: ${message}`.slice(0, limits.errorMessageCharacters), retryable };
}

const uncaughtText = "an exception that the task's code does not catch";
