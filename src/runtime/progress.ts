import { setImmediate } from "node:timers/promises";
import { callbackPages } from "../core/callback-pages.ts";
import { errorMessage, TaskError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import type { Notes } from "../core/records.ts";
import type { JsonObject } from "../core/values/json.ts";
import { withoutSecrets } from "../core/values/secrets.ts";
import { truncate } from "../core/values/text.ts";
import { isoTime } from "../core/values/time.ts";
import type { CallbackSender } from "../ports/callbacks.ts";
import type { Clock, Ids } from "../ports/machine.ts";
import type { Assignment } from "../ports/task-runner.ts";
import type { Logger } from "../ports/telemetry.ts";

/** Reports of a task that still runs. */
export interface TaskCallback {
  /**
   * Tells the task's callback how far it is, such as `{ percent: 30 }`. Sent once and not stored: one that is not taken is
   * logged and forgotten. Does nothing when the task has no callback.
   */
  progress(data: JsonObject): Promise<void>;
}

interface ProgressDependencies {
  readonly callbacks: CallbackSender;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

type ProgressAddress = NonNullable<Assignment["callback"]>;

export function createTaskCallback(
  { callbacks, clock, ids, logger }: ProgressDependencies,
  callback: Assignment["callback"],
  signal: AbortSignal,
): TaskCallback {
  const send = async (data: JsonObject, { url, secrets, eventId }: ProgressAddress) => {
    const pages = callbackPages({
      eventId: `${eventId}_progress_${ids.unique()}`,
      type: "task.progress",
      occurredAt: isoTime(clock.now()),
      data: { ...data, of: eventId },
      pageBytes: limits.callbackPageBytes,
    });
    for (const page of pages)
      await callbacks.send({
        url,
        secrets,
        webhookId: page.webhookId,
        body: page.body,
        timeoutSeconds: limits.callbackTimeoutSeconds,
        signal,
      });
  };
  return {
    async progress(data) {
      if (!callback) return;
      signal.throwIfAborted();
      try {
        await send(data, callback);
      } catch (thrown) {
        logger.warn("the progress callback was not accepted", { error: errorMessage(thrown) });
      }
    },
  };
}

/** What a task notes about its work while it runs. */
export interface TaskNotes {
  /** Adds to a counter of the TaskLog. */
  count(name: string, by?: number): void;
  /** Notes something that is worth a look, and no error. */
  warn(message: string | Error): void;
  /** Notes an error that does not fail the task. */
  error(message: string | Error): void;
  /**
   * Does something with every item, one after another; an item that fails is noted, counted in `items_failed`, and
   * does not keep the others from being done. Counts `items_processed`. Throws `ALL_ITEMS_FAILED` when none succeeded.
   */
  eachItem<Item>(items: Iterable<Item> | AsyncIterable<Item>, work: ItemWork<Item>): Promise<void>;
}

type ItemWork<Item> = (item: Item, index: number) => Promise<unknown> | unknown;

/** Keeps the notes of one attempt, within limits. */
export class NoteTaker implements TaskNotes {
  readonly #signal: AbortSignal;
  readonly #counters = new Map<string, number>();
  readonly #warnings: string[] = [];
  readonly #errors: string[] = [];
  #dropped = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  count(name: string, by = 1): void {
    const kept = name.slice(0, limits.noteCharacters);
    const counted = this.#counters.get(kept);
    const sum = (counted ?? 0) + by;
    if (!Number.isFinite(sum)) throw new TypeError(`The counter ${kept} can't be raised by ${by}`);
    if (counted === undefined && this.#counters.size >= limits.notes) this.#dropped += 1;
    else this.#counters.set(kept, sum);
  }

  warn(message: string | Error): void {
    this.#note(this.#warnings, message);
  }

  error(message: string | Error): void {
    this.#note(this.#errors, message);
  }

  async eachItem<Item>(items: Iterable<Item> | AsyncIterable<Item>, work: ItemWork<Item>): Promise<void> {
    let done = 0;
    let failed = 0;
    for await (const item of items) {
      // Work that never waits must not keep heartbeats from being sent.
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

  /** Null when nothing was noted. */
  get notes(): Notes | null {
    if (this.#counters.size + this.#warnings.length + this.#errors.length === 0) return null;
    return {
      counters: Object.fromEntries(this.#counters),
      warnings: [...this.#warnings],
      errors: [...this.#errors],
      dropped: this.#dropped,
    };
  }

  #note(notes: string[], message: unknown): void {
    if (notes.length >= limits.notes) this.#dropped += 1;
    else notes.push(truncate(withoutSecrets(errorMessage(message)), limits.noteCharacters));
  }
}
