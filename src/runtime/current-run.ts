import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
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
export function outsideRun({ memory, parentOutcome }: Pick<Assignment, "memory" | "parentOutcome">) {
  const outside = <T>(work: () => T): T => current.run(undefined, work);
  const wrapped: StepMemory = {
    find: (name) => outside(() => memory.find(name)),
    store: (name, kind, value) => outside(() => memory.store(name, kind, value)),
    startWait: (name) => outside(() => memory.startWait(name)),
    event: (name) => outside(() => memory.event(name)),
  };
  return { memory: wrapped, parentOutcome: (taskId: string) => outside(() => parentOutcome(taskId)) };
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

/** Rings in the async context in which it was set, so that its errors and log lines belong to the same run. */
class Alarm extends AsyncResource {
  readonly at: number;
  readonly #callback: () => void;

  constructor(at: number, callback: () => void) {
    super("Alarm");
    this.at = at;
    this.#callback = callback;
  }

  ring(): void {
    this.runInAsyncScope(this.#callback);
  }
}

/**
 * Many alarms on one timer of the clock. Each run sets several, and nearly all of them are cancelled long before they
 * ring: a timer of Node for each would cost more time and memory than the rest of the run.
 */
export class SharedTimer implements Pick<Clock, "monotonicMs" | "after"> {
  readonly #clock: Pick<Clock, "monotonicMs" | "after">;
  readonly #alarms = new Set<Alarm>();
  /** When the timer of the clock fires. Later than every alarm if it is not set. */
  #firesAt = Number.POSITIVE_INFINITY;
  #cancelTimer = () => {};

  constructor(clock: Pick<Clock, "monotonicMs" | "after">) {
    this.#clock = clock;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(delayMs: number, callback: () => void): () => void {
    const alarm = new Alarm(this.#clock.monotonicMs() + delayMs, callback);
    this.#alarms.add(alarm);
    if (alarm.at < this.#firesAt) this.#setTimer(alarm.at);
    return () => this.#cancel(alarm);
  }

  /** Without alarms there is no timer either: it would keep the process alive. */
  #cancel(alarm: Alarm): void {
    this.#alarms.delete(alarm);
    if (this.#alarms.size > 0) return;
    this.#cancelTimer();
    this.#firesAt = Number.POSITIVE_INFINITY;
  }

  #setTimer(at: number): void {
    this.#cancelTimer();
    this.#firesAt = at;
    const delayMs = at - this.#clock.monotonicMs();
    this.#cancelTimer = current.run(undefined, () => this.#clock.after(delayMs, () => this.#fire()));
  }

  #fire(): void {
    this.#firesAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.monotonicMs();
    const due = [...this.#alarms].filter(({ at }) => at <= now).sort((one, other) => one.at - other.at);
    try {
      // An alarm that rings may cancel another one.
      for (const alarm of due) if (this.#alarms.delete(alarm)) alarm.ring();
    } finally {
      let next = Number.POSITIVE_INFINITY;
      for (const { at } of this.#alarms) next = Math.min(next, at);
      if (next < this.#firesAt) this.#setTimer(next);
    }
  }
}

/** The timer counts in slices. While another task blocks the process, at most one slice is counted. */
const timerSlices = 20;

/**
 * The timeout of a task. It pauses while the task only waits for its turn at a shared resource, because other tasks may
 * hold that resource for longer than this task's timeout.
 */
export class TaskTimer {
  readonly #clock: Pick<Clock, "monotonicMs" | "after">;
  readonly #sliceMs: number;
  readonly #onExpired: () => void;
  #leftMs: number;
  #waitingTurns = 0;
  #activeTurns = 0;
  #isOver = false;
  #pause: (() => void) | undefined;

  constructor(clock: Pick<Clock, "monotonicMs" | "after">, ms: number, onExpired: () => void) {
    this.#clock = clock;
    this.#sliceMs = ms / timerSlices;
    this.#leftMs = ms;
    this.#onExpired = onExpired;
    this.#startSlice();
  }

  requestTurn(): Turn {
    let [waiting, active] = [1, 0];
    this.#updateTurns(waiting, active);
    const setTurns = (nextWaiting: number, nextActive: number) => {
      this.#updateTurns(nextWaiting - waiting, nextActive - active);
      [waiting, active] = [nextWaiting, nextActive];
    };
    return { begin: () => setTurns(0, 1), end: () => setTurns(0, 0) };
  }

  /** Stops the timer for good. */
  end(): void {
    this.#isOver = true;
    this.#pause?.();
  }

  #updateTurns(waiting: number, active: number): void {
    this.#waitingTurns += waiting;
    this.#activeTurns += active;
    if (this.#waitingTurns === 0 || this.#activeTurns > 0) this.#startSlice();
    else this.#pause?.();
  }

  #startSlice(): void {
    if (this.#isOver || this.#pause) return;
    if (this.#leftMs <= 0) {
      this.end();
      this.#onExpired();
      return;
    }
    const startedAt = this.#clock.monotonicMs();
    const sliceMs = Math.min(this.#sliceMs, this.#leftMs);
    const cancel = this.#clock.after(sliceMs, () => this.#endSlice(sliceMs));
    this.#pause = () => {
      cancel();
      this.#pause = undefined;
      this.#leftMs -= Math.min(this.#clock.monotonicMs() - startedAt, sliceMs);
    };
  }

  #endSlice(ms: number): void {
    this.#pause = undefined;
    this.#leftMs -= ms;
    this.#startSlice();
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
  return { code, message: `${uncaughtText}: ${message}`.slice(0, limits.errorMessageCharacters), retryable };
}

const uncaughtText = "an exception that the task's code does not catch";
