import { join } from "node:path";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import type { ObjectMessage } from "../../core/messages.ts";
import type { DropMemory, ObjectStore } from "../../ports/objects.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { isDeleted, statFile } from "./inbox-files.ts";
import { DroppedFile, isSameStat, type QuietTimes, toFileStat } from "./seen-file.ts";
import { isOpenForWriting } from "./writers.ts";

export interface AnnouncerOptions {
  readonly bucket: string;
  readonly objects: ObjectStore;
  readonly memory: DropMemory;
  readonly onObject: (message: ObjectMessage) => Promise<void>;
  readonly logger: Logger;
  readonly times: QuietTimes;
}

/** Files that are hashed and handed over at the same time; as many again that are large. */
const concurrency = 2;
/** Those take so long that others need not wait for them. */
const largeBytes = 64 * 1024 * 1024;
const namesPerPage = 1_000;

/** Announces each drop of each file once, when the file has stopped changing. */
export class DropAnnouncer {
  readonly #options: AnnouncerOptions;
  readonly #files = new Map<string, DroppedFile>();
  /** Files that have yet to be announced. */
  readonly #pending = new Set<string>();
  readonly #small = new NewestFirstQueue(concurrency);
  readonly #large = new NewestFirstQueue(concurrency);
  readonly #writerChecks = new Set<Promise<void>>();
  #isInitialScan = true;
  #stopped = false;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** Looks at a file; `quietForMs`: it is known not to have changed for so long. */
  async inspect(folder: string, object: string, quietForMs = 0): Promise<void> {
    const stats = await statFile(folder, object);
    if (!stats || this.#stopped) {
      this.#pending.delete(object);
      return;
    }
    const { memory, times } = this.#options;
    let seen = this.#files.get(object);
    if (!seen) {
      seen = new DroppedFile(stats, memory.get(object), this.#isInitialScan, times);
      this.#files.set(object, seen);
    }
    seen.update(stats, quietForMs);
    if (seen.isAnnounced) this.#pending.delete(object);
    else {
      this.#pending.add(object);
      if (!seen.isBusy && !seen.isBackingOff && seen.isQuiet(false))
        this.#announceWhenClosed(folder, object, seen);
    }
  }

  /** Looks again at the files that have yet to be announced, and at no others. */
  async inspectPending(folder: string): Promise<void> {
    for (const object of [...this.#pending]) await this.inspect(folder, object);
    if (this.#isInitialScan || this.#pending.size > 0) return;
    if (this.#options.memory.hasOlderBatches) this.#options.memory.endInitialScan();
  }

  /** All that was there at first has been looked at. `present` is what there is: the rest need not be remembered. */
  async endInitialScan(folder: string, present: ReadonlySet<string>): Promise<void> {
    if (!this.#isInitialScan) return;
    this.#isInitialScan = false;
    const { memory } = this.#options;
    if (!memory.hasOlderBatches) memory.endInitialScan();
    let names = memory.names("", namesPerPage);
    while (names.length > 0) {
      for (const object of names)
        if (!present.has(object) && (await isDeleted(folder, object))) memory.delete(object);
      names = memory.names(names.at(-1) ?? "", namesPerPage);
    }
  }

  /** Forgets files that are gone. `present` are known to be there. */
  async forgetDeleted(folder: string, present: ReadonlySet<string>): Promise<void> {
    for (const object of this.#files.keys())
      if (!present.has(object)) await this.forgetIfDeleted(folder, object);
  }

  /** Forgets a file, if it is gone: should it come back, it is another drop. */
  async forgetIfDeleted(folder: string, object: string): Promise<void> {
    if (!(await isDeleted(folder, object)) || this.#files.get(object)?.isBusy) return;
    this.#files.delete(object);
    this.#pending.delete(object);
    this.#options.memory.delete(object);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#small.stop(), this.#large.stop(), ...this.#writerChecks]);
  }

  /** A writer may pause for longer than any quiet time. */
  #announceWhenClosed(folder: string, object: string, seen: DroppedFile): void {
    seen.isBusy = true;
    const { stat } = seen;
    const asking = isOpenForWriting(join(folder, object)).then((isOpen) => {
      this.#writerChecks.delete(asking);
      seen.isBusy = false;
      if (this.#stopped || !isSameStat(stat, seen.stat) || !seen.isQuiet(isOpen)) return;
      seen.isBusy = true;
      const queue = BigInt(stat.bytes) > largeBytes ? this.#large : this.#small;
      queue.add(seen.changedNs, () => this.#announce(folder, object, seen));
    });
    this.#writerChecks.add(asking);
  }

  async #announce(folder: string, object: string, seen: DroppedFile): Promise<void> {
    const { bucket, objects, logger, onObject } = this.#options;
    try {
      const { stat } = seen;
      const { generation: content, bytes } = await objects.stat({ bucket, object });
      const after = await statFile(folder, object);
      if (!after || !isSameStat(toFileStat(after), stat)) return;
      this.#warnIfGrown(object, seen);
      const { generation, isNew } = seen.dropFor(content, this.#options.memory.hasOlderBatches);
      if (isNew) {
        this.#remember(object, seen, { stat: stat, generation, isAnnounced: false });
        await onObject({ kind: "object", bucket, object, generation, size: bytes });
      }
      this.#remember(object, seen, { stat: stat, generation, isAnnounced: true });
      this.#pending.delete(object);
    } catch (error) {
      if (changedDuringRead(error)) return;
      seen.fail();
      logger.warn("A file of the inbox could not be handed over; it is tried again", {
        object,
        error: errorMessage(error),
      });
    } finally {
      seen.isBusy = false;
    }
  }

  /** What its batch has read of it will be read again by the next. */
  #warnIfGrown(object: string, seen: DroppedFile): void {
    if (!seen.hasGrownSinceDrop) return;
    this.#options.logger.warn(
      "A file of the inbox has grown since it was taken; it is taken again as a whole",
      {
        object,
        remedy:
          "Write it under a name that ends in .part, and rename it when it is whole; or raise BATON_INBOX_QUIET.",
      },
    );
  }

  #remember(object: string, seen: DroppedFile, drop: Parameters<DropMemory["put"]>[1]): void {
    seen.remember(drop);
    this.#options.memory.put(object, drop);
  }
}

/** The file went or changed meanwhile: the next look finds out what it is now. */
function changedDuringRead(error: unknown): boolean {
  return error instanceof BatonError && (error.code === "FILE_MISSING" || error.code === "FILE_CHANGED");
}

interface Job {
  readonly changedNs: bigint;
  readonly run: () => Promise<void>;
}

/** Work on files, a few at a time: of those that wait, the one that has changed last is the next. */
export class NewestFirstQueue {
  readonly #concurrency: number;
  /** The newest is the last. */
  readonly #waiting: Job[] = [];
  readonly #workers = new Set<Promise<void>>();

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** `run` does not reject. */
  add(changedNs: bigint, run: () => Promise<void>): void {
    this.#waiting.splice(this.#insertionIndex(changedNs), 0, { changedNs, run });
    if (this.#workers.size >= this.#concurrency) return;
    const worker = this.#work().finally(() => this.#workers.delete(worker));
    this.#workers.add(worker);
  }

  /** Begins nothing more. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#waiting.length = 0;
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    // What is added in the same moment gets to be compared.
    await Promise.resolve();
    for (let job = this.#waiting.pop(); job; job = this.#waiting.pop()) await job.run();
  }

  #insertionIndex(changedNs: bigint): number {
    let low = 0;
    let high = this.#waiting.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = this.#waiting[middle];
      if (there && there.changedNs <= changedNs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
