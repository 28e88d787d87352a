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

/** A step within the work of a step would wait for what can't end before it, or be stored with what it is part of. */
const insideStep = new AsyncLocalStorage<true>();

export interface WaitOptions {
  /** How long it waits at most. */
  readonly timeout: Duration;
}

export interface PollOptions extends WaitOptions {
  /** Time between two looks. */
  readonly every: Duration;
}

/**
 * Pieces of work inside a task that are done once. A step has a name of its own within the task; what it gave is stored
 * before the task goes on, and a later attempt gets it from there.
 *
 * A task that waits leaves the machine. When the wait is over it is run from its beginning, and passes over what is
 * stored: nothing but steps may have effects before a wait.
 */
export interface Steps {
  /** What `work` returned, now or in an earlier attempt. It must be JSON. */
  <Result>(name: string, work: () => Promise<Result> | Result): Promise<Result>;
  sleep(name: string, duration: Duration): Promise<void>;
  /** Throws `DATE_INVALID` when `when` is no date that JavaScript can read. A moment that is past is not waited for. */
  sleepUntil(name: string, when: Date): Promise<void>;
  /** Looks again and again until `look` returns something. Throws a TaskError `POLL_TIMEOUT`, not retryable. */
  poll<Result>(
    name: string,
    options: PollOptions,
    look: () => Promise<Result | undefined> | Result | undefined,
  ): Promise<Result>;
  /** The payload of an event that is sent to the batch, before or after. Throws a TaskError `EVENT_TIMEOUT`, not retryable. */
  waitForEvent(name: string, options: WaitOptions): Promise<JsonValue>;
}

type ParkedOutcome = Extract<TaskOutcome, { kind: "parked" }>;

/** The steps of one run of a task. `park` ends the run; the code that waits is left behind and never goes on. */
export function createSteps(
  memory: StepMemory,
  clock: Clock,
  signal: AbortSignal,
  park: (outcome: ParkedOutcome) => void,
): Steps {
  const run = new StepRun(memory, clock, signal, park);
  const step = <Result>(name: string, work: () => Promise<Result> | Result) => run.run(name, work);
  return Object.assign(step, {
    sleep: (name: string, duration: Duration) => run.sleep(name, duration),
    sleepUntil: (name: string, when: Date) => run.sleepUntil(name, when),
    poll: <Result>(
      name: string,
      options: PollOptions,
      look: () => Promise<Result | undefined> | Result | undefined,
    ) => run.poll(name, options, look),
    waitForEvent: (name: string, options: WaitOptions) => run.waitForEvent(name, options),
  });
}

class StepRun {
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
      // What the step stored is what the same step returns: nobody else knows its type.
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
      const inVain = timeoutError("POLL_TIMEOUT", name, timeout);
      const done = await this.#memory.find(name);
      if (done) return valueOrTimeout<Result>(done, inVain);
      const seen = await insideStep.run(true, async () => look());
      if (seen !== undefined)
        return valueOrTimeout<Result>(await this.#runAndStore(name, () => seen), inVain);
      const leftMs = await this.#remainingMs(name, timeout);
      if (leftMs <= 0) return valueOrTimeout<Result>(await this.#storeTimeout(name), inVain);
      const everyMs = parseDurationSeconds(every, `step ${name}`) * 1_000;
      return this.#wait(new PendingWait("poll", Math.min(everyMs, leftMs)));
    });
  }

  waitForEvent(name: string, { timeout }: WaitOptions): Promise<JsonValue> {
    return this.#step(name, async () => {
      const inVain = timeoutError("EVENT_TIMEOUT", name, timeout);
      const done = await this.#memory.find(name);
      if (done) return valueOrTimeout<JsonValue>(done, inVain);
      const event = await this.#memory.event(name);
      if (event) return valueOrTimeout<JsonValue>(await this.#runAndStore(name, () => event.payload), inVain);
      const leftMs = await this.#remainingMs(name, timeout);
      if (leftMs <= 0) return valueOrTimeout<JsonValue>(await this.#storeTimeout(name), inVain);
      return this.#wait(new PendingWait("event", leftMs, name));
    });
  }

  /** Throws `STEP_NAME_INVALID`, `STEP_REPEATED`, and what the task was interrupted by. */
  async #step<Result>(name: string, take: () => Promise<Result | PendingWait>): Promise<Result> {
    this.#signal.throwIfAborted();
    if (this.#isParked) return suspendForever();
    if (insideStep.getStore())
      throw new BatonError("STEP_NESTED", `"${String(name)}" is called inside another step`);
    if (!isStorableName(name))
      throw new BatonError("STEP_NAME_INVALID", `"${String(name).slice(0, 40)}" can't be the name of a step`);
    if (this.#names.has(name)) throw new BatonError("STEP_REPEATED", `There are two steps "${name}"`);
    this.#names.add(name);
    const taking = take();
    this.#inProgress.add(taking);
    const taken = await taking.finally(() => this.#inProgress.delete(taking));
    return taken instanceof PendingWait ? suspendForever() : taken;
  }

  /** Gives what stands afterwards. */
  async #runAndStore(name: string, work: () => unknown): Promise<StepResult> {
    const value = await insideStep.run(true, async () => work());
    this.#signal.throwIfAborted();
    // mutation: step-is-stored-before-it-is-used
    return this.#memory.store(name, "value", encodeStep(name, value));
  }

  /** Stored, so that whatever comes later the task goes the same way again. */
  #storeTimeout(name: string): Promise<StepResult> {
    return this.#memory.store(name, "timeout", encodeStep(name, null));
  }

  /** What is left of a wait that began when the step was first met. */
  async #remainingMs(name: string, timeout: Duration): Promise<number> {
    const { since, now } = await this.#memory.startWait(name);
    return since + parseDurationSeconds(timeout, `step ${name}`) * 1_000 - now;
  }

  #sleepFor(leftMs: number): PendingWait | undefined {
    // mutation: sleep-waits
    return leftMs > 0 ? this.#wait(new PendingWait("sleep", leftMs)) : undefined;
  }

  #wait(wait: PendingWait): PendingWait {
    this.#waits.push(wait);
    if (this.#waits.length === 1) void this.#parkWhenIdle();
    return wait;
  }

  /** Ends the run once nothing is left to do but to wait: steps beside the one that waits go on until they wait too. */
  async #parkWhenIdle(): Promise<void> {
    do {
      await Promise.allSettled(this.#inProgress);
      // What a step gave, or threw, is told to the task's code: it may begin the next one, or fail.
      await new Promise<void>((resolve) => void this.#clock.after(0, resolve));
    } while (this.#inProgress.size > 0);
    this.#isParked = true;
    this.#park(toParkedOutcome(this.#waits));
  }
}

/** A step that can't go on now. */
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

/** The task is looked at again when the first of its waits is over, and at any event if it waits for one. */
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

/** What a step is stored with. Another worker may have stored that its wait came to nothing. */
function valueOrTimeout<Result>({ kind, value }: StepResult, inVain: TaskError): Result {
  if (kind === "timeout") throw inVain;
  return value as Result;
}

/** The task is over for this run: the code that waits here is forgotten, and its `catch` and `finally` don't run. */
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

/** `new Date("31/12/2099")` is a Date that holds no time, and JavaScript may pass anything. */
function parseTime(name: string, when: unknown): number {
  const time = types.isDate(when) ? when.getTime() : Number.NaN;
  if (Number.isFinite(time)) return time;
  const given = types.isDate(when)
    ? "a Date without a time"
    : `${inspect(when, { depth: 0 })}, which is no Date`;
  throw new BatonError("DATE_INVALID", `The step "${name}" can't sleep until ${given.slice(0, 100)}`);
}

function timeoutError(code: "POLL_TIMEOUT" | "EVENT_TIMEOUT", name: string, timeout: Duration): TaskError {
  return new TaskError(`The step "${name}" timed out after ${timeout}`, { code, retryable: false });
}
