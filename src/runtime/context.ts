import { setImmediate } from "node:timers/promises";
import { callbackRequests } from "../core/callback-pages.ts";
import { BatonError, errorMessage, TaskError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import type { Notes } from "../core/records.ts";
import { type Duration, parseDurationSeconds } from "../core/values/duration.ts";
import type { JsonObject } from "../core/values/json.ts";
import { withoutSecrets } from "../core/values/secrets.ts";
import { truncate } from "../core/values/text.ts";
import { daySeconds } from "../core/values/time.ts";
import type { CallbackSender } from "../ports/callbacks.ts";
import type { Clock, Ids } from "../ports/machine.ts";
import type { Assignment, StepMemory } from "../ports/task-runner.ts";
import type { LogFields, Logger } from "../ports/telemetry.ts";
import { MemoryOutsideRun, outsideRun } from "./current-run.ts";
import { type ParkedOutcome, type PollOptions, StepRun, type Steps, type WaitOptions } from "./step-api.ts";
import {
  type ItemWork,
  type Services,
  type TaskCallback,
  type TaskContext,
  type TaskNotes,
  WaitForCompletion,
} from "./task-type.ts";

/** The parts of a context that are created for each run. */
export interface RunContext {
  readonly signal: AbortSignal;
  readonly notes: TaskNotes;
  readonly step: Steps;
  readonly callback: TaskCallback;
}

/** Creates what the task's code is called with. */
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
    return outsideRun(() => assignment.parentOutcome(taskId));
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
    waitForCompletion(timeout: Duration) {
      const where = `task ${task.id}`;
      const seconds = parseDurationSeconds(timeout, where);
      if (seconds <= limits.delaySeconds) return new WaitForCompletion(seconds);
      const maxDays = limits.delaySeconds / daySeconds;
      throw new BatonError(
        "DURATION_TOO_LONG",
        `A task can wait at most ${maxDays} days for its completion, not "${timeout}"`,
        { where, remedy: "Wait for an event instead: step.waitForEvent has no such limit." },
      );
    },
  };
}

/** Creates `context.step`. Most tasks have no steps, so their parts are created by the first one; see `StepRun`. */
export function createSteps(
  memory: () => StepMemory,
  clock: Clock,
  signal: AbortSignal,
  park: (outcome: ParkedOutcome) => void,
): Steps {
  let first: StepRun | undefined;
  const run = (): StepRun => {
    first ??= new StepRun(new MemoryOutsideRun(memory()), clock, signal, park);
    return first;
  };
  const step = <Result>(name: string, work: () => Promise<Result> | Result) => run().run(name, work);
  return Object.assign(step, {
    sleep: (name: string, duration: Duration) => run().sleep(name, duration),
    sleepUntil: (name: string, when: Date) => run().sleepUntil(name, when),
    poll: <Result>(
      name: string,
      options: PollOptions,
      look: () => Promise<Result | undefined> | Result | undefined,
    ) => run().poll(name, options, look),
    waitForEvent: (name: string, options: WaitOptions) => run().waitForEvent(name, options),
  });
}

/** Adds the labels to every line. */
export function withLabels(logger: Logger, labels: LogFields): Logger {
  return {
    debug: (message, fields) => logger.debug(message, { ...labels, ...fields }),
    info: (message, fields) => logger.info(message, { ...labels, ...fields }),
    warn: (message, fields) => logger.warn(message, { ...labels, ...fields }),
    error: (message, fields) => logger.error(message, { ...labels, ...fields }),
  };
}

interface ProgressDependencies {
  readonly callbacks: CallbackSender;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

type ProgressAddress = NonNullable<Assignment["callback"]>;

const noCallback: TaskCallback = { async progress() {} };

export function createTaskCallback(
  { callbacks, clock, ids, logger }: ProgressDependencies,
  callback: Assignment["callback"],
  signal: AbortSignal,
): TaskCallback {
  if (!callback) return noCallback;
  const send = async (data: JsonObject, address: ProgressAddress) => {
    const event = {
      eventId: `${address.eventId}_progress_${ids.unique()}`,
      type: "task.progress",
      occurredAt: clock.now(),
      data: { ...data, of: address.eventId },
    } as const;
    for (const request of callbackRequests(event, address, signal)) await callbacks.send(request);
  };
  return {
    async progress(data) {
      signal.throwIfAborted();
      try {
        await send(data, callback);
      } catch (thrown) {
        logger.warn("the progress callback was not accepted", { error: errorMessage(thrown) });
      }
    },
  };
}

/** Collects the notes of one attempt, within limits. */
export class NoteTaker implements TaskNotes {
  readonly #signal: AbortSignal;
  /** Undefined until the task notes something, as most tasks note nothing. */
  #noted:
    | { readonly counters: Map<string, number>; readonly warnings: string[]; readonly errors: string[] }
    | undefined;
  #dropped = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  count(name: string, by = 1): void {
    const kept = name.slice(0, limits.noteCharacters);
    const counted = this.#noted?.counters.get(kept);
    const sum = (counted ?? 0) + by;
    if (!Number.isFinite(sum)) throw new TypeError(`The counter ${kept} can't be raised by ${by}`);
    const { counters } = this.#all();
    if (counted === undefined && counters.size >= limits.notes) this.#dropped += 1;
    else counters.set(kept, sum);
  }

  warn(message: string | Error): void {
    this.#note(this.#all().warnings, message);
  }

  error(message: string | Error): void {
    this.#note(this.#all().errors, message);
  }

  async eachItem<Item>(items: Iterable<Item> | AsyncIterable<Item>, work: ItemWork<Item>): Promise<void> {
    let done = 0;
    let failed = 0;
    for await (const item of items) {
      // Lets heartbeats be sent, even if the work never waits.
      await setImmediate();
      this.#signal.throwIfAborted();
      try {
        await work(item, done + failed);
        done += 1;
        this.count("items_processed");
      } catch (thrown) {
        this.#signal.throwIfAborted();
        failed += 1;
        this.count("items_failed");
        this.error(`item ${done + failed}: ${errorMessage(thrown)}`);
      }
    }
    if (failed > 0 && done === 0)
      throw new TaskError(`All ${failed} items failed`, { code: "ALL_ITEMS_FAILED" });
  }

  /** Null if the task has noted nothing. */
  get notes(): Notes | null {
    if (!this.#noted) return null;
    const { counters, warnings, errors } = this.#noted;
    return {
      counters: Object.fromEntries(counters),
      warnings: [...warnings],
      errors: [...errors],
      dropped: this.#dropped,
    };
  }

  #all() {
    this.#noted ??= { counters: new Map(), warnings: [], errors: [] };
    return this.#noted;
  }

  #note(notes: string[], message: unknown): void {
    if (notes.length >= limits.notes) this.#dropped += 1;
    else notes.push(truncate(withoutSecrets(errorMessage(message)), limits.noteCharacters));
  }
}
