import { type Duration, parseDurationSeconds } from "../core/duration.ts";
import { BatonError, TaskError } from "../core/errors.ts";
import { encodeJson, type JsonText, type JsonValue } from "../core/json.ts";
import { limits } from "../core/limits.ts";
import type { ParkReason } from "../core/status.ts";
import type { StepMemory, TaskOutcome } from "../ports/task-runner.ts";

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

type Parked = Extract<TaskOutcome, { kind: "parked" }>;

/** The steps of one run of a task. `park` ends the run; the code that waits is left behind and never goes on. */
export function createSteps(memory: StepMemory, signal: AbortSignal, park: (outcome: Parked) => void): Steps {
  const run = new StepRun(memory, signal, park);
  const step = <Result>(name: string, work: () => Promise<Result> | Result) => run.value(name, work);
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
  readonly #signal: AbortSignal;
  readonly #park: (outcome: Parked) => void;
  readonly #names = new Set<string>();
  /** Steps whose work is under way: a task that parks waits until what they give is stored. */
  readonly #working = new Set<Promise<unknown>>();
  #parked = false;

  constructor(memory: StepMemory, signal: AbortSignal, park: (outcome: Parked) => void) {
    this.#memory = memory;
    this.#signal = signal;
    this.#park = park;
  }

  async value<Result>(name: string, work: () => Promise<Result> | Result): Promise<Result> {
    await this.#begin(name);
    const done = await this.#memory.find(name);
    // What the step stored is what the same step returns: nobody else knows its type.
    if (done) return done.value as Result;
    return this.#work(() => this.#store(name, work));
  }

  async sleep(name: string, duration: Duration): Promise<void> {
    await this.#begin(name);
    const { since, now } = await this.#memory.waiting(name);
    const seconds = parseDurationSeconds(duration, `step ${name}`);
    await this.#sleepFor(since + seconds * 1_000 - now);
  }

  async sleepUntil(name: string, when: Date): Promise<void> {
    await this.#begin(name);
    const { now } = await this.#memory.waiting(name);
    await this.#sleepFor(when.getTime() - now);
  }

  async poll<Result>(
    name: string,
    { every, timeout }: PollOptions,
    look: () => Promise<Result | undefined> | Result | undefined,
  ): Promise<Result> {
    await this.#begin(name);
    const done = await this.#memory.find(name);
    if (done?.kind === "timeout") throw timedOut("POLL_TIMEOUT", name, timeout);
    if (done) return done.value as Result;
    const found = await this.#work(async () => {
      const seen = await look();
      return seen === undefined ? undefined : { value: await this.#store(name, () => seen) };
    });
    if (found) return found.value;
    const leftMs = await this.#leftMs(name, timeout);
    if (leftMs <= 0) return this.#timeOut(name, "POLL_TIMEOUT", timeout);
    const everyMs = parseDurationSeconds(every, `step ${name}`) * 1_000;
    return this.#parkFor("poll", Math.min(everyMs, leftMs));
  }

  async waitForEvent(name: string, { timeout }: WaitOptions): Promise<JsonValue> {
    await this.#begin(name);
    const done = await this.#memory.find(name);
    if (done?.kind === "timeout") throw timedOut("EVENT_TIMEOUT", name, timeout);
    if (done) return done.value;
    const event = await this.#memory.event(name);
    if (event) return this.#store(name, () => event.payload);
    const leftMs = await this.#leftMs(name, timeout);
    if (leftMs <= 0) return this.#timeOut(name, "EVENT_TIMEOUT", timeout);
    return this.#parkFor("event", leftMs, name);
  }

  /** Throws `STEP_NAME_INVALID`, `STEP_REPEATED`, and what the task was interrupted by. */
  async #begin(name: string): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.#parked) await never();
    if (name === "" || name.length > limits.stepNameCharacters)
      throw new BatonError("STEP_NAME_INVALID", `"${name.slice(0, 40)}" can't be the name of a step`);
    if (this.#names.has(name)) throw new BatonError("STEP_REPEATED", `There are two steps "${name}"`);
    this.#names.add(name);
  }

  async #store<Result>(name: string, work: () => Promise<Result> | Result): Promise<Result> {
    const value = await work();
    this.#signal.throwIfAborted();
    const kept = await this.#memory.keep(name, "value", encodeStep(name, value));
    return kept.value as Result;
  }

  #work<Result>(work: () => Promise<Result>): Promise<Result> {
    const working = work();
    this.#working.add(working);
    return working.finally(() => this.#working.delete(working));
  }

  /** What is left of a wait that began when the step was first met. */
  async #leftMs(name: string, timeout: Duration): Promise<number> {
    const { since, now } = await this.#memory.waiting(name);
    return since + parseDurationSeconds(timeout, `step ${name}`) * 1_000 - now;
  }

  /** Stored, so that whatever comes later the task goes the same way again. */
  async #timeOut(name: string, code: "POLL_TIMEOUT" | "EVENT_TIMEOUT", timeout: Duration): Promise<never> {
    await this.#memory.keep(name, "timeout", encodeStep(name, null));
    throw timedOut(code, name, timeout);
  }

  async #sleepFor(leftMs: number): Promise<void> {
    if (leftMs > 0) await this.#parkFor("sleep", leftMs);
  }

  async #parkFor(reason: ParkReason, milliseconds: number, event?: string): Promise<never> {
    this.#parked = true;
    const seconds = Math.min(milliseconds / 1_000, limits.delaySeconds);
    await Promise.allSettled(this.#working);
    this.#park({ kind: "parked", reason, seconds, event });
    return never();
  }
}

/** The task is over for this run: the code that waits here is forgotten, and its `catch` and `finally` don't run. */
function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}

function encodeStep(name: string, value: unknown): JsonText {
  const encoded = encodeJson(value);
  if (!encoded.ok)
    throw new BatonError(
      "TASK_RESULT_NOT_JSON",
      `What the step "${name}" returned is not JSON: ${encoded.path}: ${encoded.problem}`,
    );
  return encoded;
}

function timedOut(code: "POLL_TIMEOUT" | "EVENT_TIMEOUT", name: string, timeout: Duration): TaskError {
  return new TaskError(`The step "${name}" waited for ${timeout} in vain`, { code, retryable: false });
}
