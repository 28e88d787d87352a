import { AsyncLocalStorage } from "node:async_hooks";
import { inspect, types } from "node:util";
import { BatonError, TaskError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import type { ParkReason } from "../core/records.ts";
import { isStorableName } from "../core/steps.ts";
import { type Duration, parseDurationSeconds } from "../core/values/duration.ts";
import { encodeJson, type JsonText, type JsonValue } from "../core/values/json.ts";
import type { Clock } from "../ports/machine.ts";
import type { StepMemory, StepResult, TaskOutcome } from "../ports/task-runner.ts";

/** Set inside the work of a step, where no other step may start: it could wait for its own outer step. */
const insideStep = new AsyncLocalStorage<true>();

export interface WaitOptions {
  /** Longest wait. */
  readonly timeout: Duration;
}

export interface PollOptions extends WaitOptions {
  /** Time between two calls of `look`. */
  readonly every: Duration;
}

/**
 * Pieces of work inside a task that are done only once. A step has a name that is unique in its task. Its result is
 * stored before the task continues, and a later attempt uses the stored result.
 *
 * A task that waits is parked and holds no worker. After the wait its code runs again from the start and gets the
 * stored results: before a wait, only steps may have side effects.
 */
export interface Steps {
  /** Returns the result of `work`, from this or an earlier attempt. It must be JSON. */
  <Result>(name: string, work: () => Promise<Result> | Result): Promise<Result>;
  sleep(name: string, duration: Duration): Promise<void>;
  /** Throws `DATE_INVALID` if `when` is not a valid Date. Does not wait for a time in the past. */
  sleepUntil(name: string, when: Date): Promise<void>;
  /** Calls `look` until it returns a value other than undefined. Throws a TaskError `POLL_TIMEOUT`, not retryable. */
  poll<Result>(
    name: string,
    options: PollOptions,
    look: () => Promise<Result | undefined> | Result | undefined,
  ): Promise<Result>;
  /**
   * Returns the payload of an event that is sent to the batch, before or during the wait. Throws a TaskError
   * `EVENT_TIMEOUT`, not retryable.
   */
  waitForEvent(name: string, options: WaitOptions): Promise<JsonValue>;
}

export type ParkedOutcome = Extract<TaskOutcome, { kind: "parked" }>;

/** The steps of one run of a task. `park` ends the run; the code that waits never continues. */
export class StepRun {
  readonly #memory: StepMemory;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #park: (outcome: ParkedOutcome) => void;
  readonly #names = new Set<string>();
  readonly #inProgress = new Set<Promise<unknown>>();
  readonly #waits: PendingWait[] = [];
  #isParked = false;

  constructor(memory: StepMemory, clock: Clock, signal: AbortSignal, park: (outcome: ParkedOutcome) => void) {
    this.#memory = memory;
    this.#clock = clock;
    this.#signal = signal;
    this.#park = park;
  }

  run<Result>(name: string, work: () => Promise<Result> | Result): Promise<Result> {
    return this.#step(name, async () => {
      // mutation: stored-step-is-looked-up
      const done = await this.#memory.find(name);
      // The stored value was returned by the same step, so it has the type of that step's result.
      return (done ?? (await this.#runAndStore(name, work))).value as Result;
    });
  }

  sleep(name: string, duration: Duration): Promise<void> {
    return this.#step(name, async () => {
      const seconds = parseDurationSeconds(duration, `step ${name}`);
      const { since, now } = await this.#memory.startWait(name);
      return this.#sleepFor(since + seconds * 1_000 - now);
    });
  }

  sleepUntil(name: string, when: Date): Promise<void> {
    return this.#step(name, async () => {
      const until = parseTime(name, when);
      const { now } = await this.#memory.startWait(name);
      return this.#sleepFor(until - now);
    });
  }

  poll<Result>(
    name: string,
    { every, timeout }: PollOptions,
    look: () => Promise<Result | undefined> | Result | undefined,
  ): Promise<Result> {
    return this.#step(name, async () => {
      const timedOut = timeoutError("POLL_TIMEOUT", name, timeout);
      const done = await this.#memory.find(name);
      if (done) return valueOrTimeout<Result>(done, timedOut);
      const result = await insideStep.run(true, async () => look());
      if (result !== undefined)
        return valueOrTimeout<Result>(await this.#runAndStore(name, () => result), timedOut);
      const remainingMs = await this.#remainingMs(name, timeout);
      if (remainingMs <= 0) return valueOrTimeout<Result>(await this.#storeTimeout(name), timedOut);
      const everyMs = parseDurationSeconds(every, `step ${name}`) * 1_000;
      return this.#wait(new PendingWait("poll", Math.min(everyMs, remainingMs)));
    });
  }

  waitForEvent(name: string, { timeout }: WaitOptions): Promise<JsonValue> {
    return this.#step(name, async () => {
      const timedOut = timeoutError("EVENT_TIMEOUT", name, timeout);
      const done = await this.#memory.find(name);
      if (done) return valueOrTimeout<JsonValue>(done, timedOut);
      const event = await this.#memory.event(name);
      if (event)
        return valueOrTimeout<JsonValue>(await this.#runAndStore(name, () => event.payload), timedOut);
      const remainingMs = await this.#remainingMs(name, timeout);
      if (remainingMs <= 0) return valueOrTimeout<JsonValue>(await this.#storeTimeout(name), timedOut);
      return this.#wait(new PendingWait("event", remainingMs, name));
    });
  }

  /** Throws `STEP_NESTED`, `STEP_NAME_INVALID`, `STEP_REPEATED`, and the reason of an interruption. */
  async #step<Result>(name: string, start: () => Promise<Result | PendingWait>): Promise<Result> {
    this.#signal.throwIfAborted();
    if (this.#isParked) return suspendForever();
    if (insideStep.getStore())
      throw new BatonError("STEP_NESTED", `"${String(name)}" is called inside another step`);
    if (!isStorableName(name))
      throw new BatonError("STEP_NAME_INVALID", `"${String(name).slice(0, 40)}" can't be the name of a step`);
    if (this.#names.has(name)) throw new BatonError("STEP_REPEATED", `There are two steps "${name}"`);
    this.#names.add(name);
    const running = start();
    this.#inProgress.add(running);
    const ended = await running.finally(() => this.#inProgress.delete(running));
    return ended instanceof PendingWait ? suspendForever() : ended;
  }

  /** Returns the stored result, which may be that of another worker. */
  async #runAndStore(name: string, work: () => unknown): Promise<StepResult> {
    const value = await insideStep.run(true, async () => work());
    this.#signal.throwIfAborted();
    // mutation: step-is-stored-before-it-is-used
    return this.#memory.store(name, "value", encodeStep(name, value));
  }

  /** A timeout is stored too, so that later attempts take the same path. */
  #storeTimeout(name: string): Promise<StepResult> {
    return this.#memory.store(name, "timeout", encodeStep(name, null));
  }

  /** The rest of a wait that started when the step was first reached. */
  async #remainingMs(name: string, timeout: Duration): Promise<number> {
    const { since, now } = await this.#memory.startWait(name);
    return since + parseDurationSeconds(timeout, `step ${name}`) * 1_000 - now;
  }

  #sleepFor(remainingMs: number): PendingWait | undefined {
    // mutation: sleep-waits
    return remainingMs > 0 ? this.#wait(new PendingWait("sleep", remainingMs)) : undefined;
  }

  #wait(wait: PendingWait): PendingWait {
    this.#waits.push(wait);
    if (this.#waits.length === 1) void this.#parkWhenIdle();
    return wait;
  }

  /** Ends the run when all of its steps wait. Steps that run beside a waiting one are completed first. */
  async #parkWhenIdle(): Promise<void> {
    do {
      await Promise.allSettled(this.#inProgress);
      // The task's code continues after a step has ended: it may start the next step, or fail.
      await new Promise<void>((resolve) => void this.#clock.after(0, resolve));
    } while (this.#inProgress.size > 0);
    this.#isParked = true;
    this.#park(toParkedOutcome(this.#waits));
  }
}

/** Returned by a step that has to wait. */
class PendingWait {
  readonly reason: ParkReason;
  readonly milliseconds: number;
  readonly event: string | undefined;

  constructor(reason: ParkReason, milliseconds: number, event?: string) {
    this.reason = reason;
    this.milliseconds = milliseconds;
    this.event = event;
  }
}

/** The task is resumed when its first wait is over, or at the first event that it waits for. */
function toParkedOutcome(waits: readonly PendingWait[]): ParkedOutcome {
  const [first] = waits.toSorted((one, other) => one.milliseconds - other.milliseconds);
  const events = waits.flatMap(({ event }) => event ?? []);
  const reason = events.length > 0 ? "event" : (first?.reason ?? "sleep");
  return {
    kind: "parked",
    reason,
    seconds: Math.min((first?.milliseconds ?? 0) / 1_000, limits.delaySeconds),
    events,
  };
}

/** Returns the stored value, or throws if a worker has stored a timeout. */
function valueOrTimeout<Result>({ kind, value }: StepResult, timedOut: TaskError): Result {
  if (kind === "timeout") throw timedOut;
  return value as Result;
}

/** Never settles: the run is over, and the `catch` and `finally` of the waiting code must not run. */
function suspendForever(): Promise<never> {
  return new Promise<never>(() => undefined);
}

function encodeStep(name: string, value: unknown): JsonText {
  const encoded = encodeJson(value);
  if (!encoded.ok)
    throw new BatonError(
      "TASK_RESULT_NOT_JSON",
      `The result of the step "${name}" is not JSON: ${encoded.path}: ${encoded.problem}`,
    );
  return encoded;
}

/** `new Date("31/12/2099")` is an invalid Date, and JavaScript code may pass any value. */
function parseTime(name: string, when: unknown): number {
  const time = types.isDate(when) ? when.getTime() : Number.NaN;
  if (Number.isFinite(time)) return time;
  const given = types.isDate(when)
    ? "an invalid Date"
    : `${inspect(when, { depth: 0 })}, which is not a Date`;
  throw new BatonError("DATE_INVALID", `The step "${name}" can't sleep until ${given.slice(0, 100)}`);
}

function timeoutError(code: "POLL_TIMEOUT" | "EVENT_TIMEOUT", name: string, timeout: Duration): TaskError {
  return new TaskError(`The step "${name}" timed out after ${timeout}`, { code, retryable: false });
}
