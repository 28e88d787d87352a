import { join } from "node:path";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import type { ObjectMessage } from "../../core/messages.ts";
import type { DropMemory, ObjectStore } from "../../ports/objects.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { DroppedFile, isSameStat, type QuietTimes, toFileStat } from "./dropped-file.ts";
import { isOpenForWriting } from "./file-writers.ts";
import { isDeleted, statFile } from "./inbox-files.ts";

export interface AnnouncerOptions {
  readonly bucket: string;
  readonly objects: ObjectStore;
  readonly memory: DropMemory;
  readonly onObject: (message: ObjectMessage) => Promise<void>;
  readonly logger: Logger;
  readonly times: QuietTimes;
}

/** Files that are hashed and announced at the same time, and as many large files beside them. */
const concurrency = 2;
/** Files from this size on have their own queue, so that small files do not wait for them. */
const largeBytes = 64 * 1024 * 1024;
const namesPerPage = 1_000;

/** Announces each drop of a file once, when the file has stopped changing. */
export class DropAnnouncer {
  readonly #options: AnnouncerOptions;
  readonly #files = new Map<string, DroppedFile>();
  /** Files that are not announced yet. */
  readonly #pending = new Set<string>();
  readonly #small = new NewestFirstQueue(concurrency);
  readonly #large = new NewestFirstQueue(concurrency);
  readonly #writerChecks = new Set<Promise<void>>();
  #isInitialScan = true;
  #stopped = false;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** Starts to announce a file if it is new and quiet. `quietForMs`: how long it is known not to have changed. */
  async inspect(folder: string, object: string, quietForMs = 0): Promise<void> {
    const stats = await statFile(folder, object);
    if (!stats || this.#stopped) {
      this.#pending.delete(object);
      return;
    }
    const { memory, times } = this.#options;
    let file = this.#files.get(object);
    if (!file) {
      file = new DroppedFile(stats, memory.get(object), this.#isInitialScan, times);
      this.#files.set(object, file);
    }
    file.update(stats, quietForMs);
    if (file.isAnnounced) this.#pending.delete(object);
    else {
      this.#pending.add(object);
      if (!file.isBusy && !file.isBackingOff && file.isQuiet(false))
        this.#announceWhenClosed(folder, object, file);
    }
  }

  /** Inspects only the files that are not announced yet. */
  async inspectPending(folder: string): Promise<void> {
    for (const object of [...this.#pending]) await this.inspect(folder, object);
    if (this.#isInitialScan || this.#pending.size > 0) return;
    if (this.#options.memory.hasOlderBatches) this.#options.memory.endInitialScan();
  }

  /** Ends the initial scan, and forgets remembered files that no longer exist. `present`: files that the scan found. */
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

  /** Forgets deleted files. `present`: files that are known to exist. */
  async forgetDeleted(folder: string, present: ReadonlySet<string>): Promise<void> {
    for (const object of this.#files.keys())
      if (!present.has(object)) await this.forgetIfDeleted(folder, object);
  }

  /** Forgets a file if it was deleted. If it comes back, it is another drop. */
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

  /** A writer may pause for longer than any quiet time, so the file must not be open for writing. */
  #announceWhenClosed(folder: string, object: string, file: DroppedFile): void {
    file.isBusy = true;
    const { stat } = file;
    const asking = isOpenForWriting(join(folder, object)).then((isOpen) => {
      this.#writerChecks.delete(asking);
      file.isBusy = false;
      if (this.#stopped || !isSameStat(stat, file.stat) || !file.isQuiet(isOpen)) return;
      file.isBusy = true;
      const queue = BigInt(stat.bytes) > largeBytes ? this.#large : this.#small;
      queue.add(file.changedNs, () => this.#announce(folder, object, file));
    });
    this.#writerChecks.add(asking);
  }

  async #announce(folder: string, object: string, file: DroppedFile): Promise<void> {
    const { bucket, objects, logger, onObject } = this.#options;
    try {
      const { stat } = file;
      const { generation: content, bytes } = await objects.stat({ bucket, object });
      const after = await statFile(folder, object);
      if (!after || !isSameStat(toFileStat(after), stat)) return;
      this.#warnIfGrown(object, file);
      const { generation, isNew } = file.dropFor(content, this.#options.memory.hasOlderBatches);
      if (isNew) {
        this.#remember(object, file, { stat, generation, isAnnounced: false });
        await onObject({ kind: "object", bucket, object, generation, size: bytes });
      }
      this.#remember(object, file, { stat, generation, isAnnounced: true });
      this.#pending.delete(object);
    } catch (error) {
      if (changedDuringRead(error)) return;
      file.fail();
      logger.warn("A file of the inbox could not be announced; it will be tried again", {
        object,
        error: errorMessage(error),
      });
    } finally {
      file.isBusy = false;
    }
  }

  /** The batch of the whole file will read the first part a second time. */
  #warnIfGrown(object: string, file: DroppedFile): void {
    if (!file.hasGrownSinceDrop) return;
    this.#options.logger.warn(
      "A file of the inbox has grown since it was taken; the whole file is taken again",
      {
        object,
        remedy:
          "Write it under a name that ends in .part, and rename it when it is whole; or raise BATON_INBOX_QUIET.",
      },
    );
  }

  #remember(object: string, file: DroppedFile, drop: Parameters<DropMemory["put"]>[1]): void {
    file.remember(drop);
    this.#options.memory.put(object, drop);
  }
}

/** Whether the file was deleted or changed meanwhile. The next inspection handles it. */
function changedDuringRead(error: unknown): boolean {
  return error instanceof BatonError && (error.code === "FILE_MISSING" || error.code === "FILE_CHANGED");
}

interface Job {
  readonly changedNs: bigint;
  readonly run: () => Promise<void>;
}

/** Runs jobs on files, a few at a time. The file that has changed last is the next. */
export class NewestFirstQueue {
  readonly #concurrency: number;
  /** Sorted by change time, the newest last. */
  readonly #waiting: Job[] = [];
  readonly #workers = new Set<Promise<void>>();

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** `run` must not reject. */
  add(changedNs: bigint, run: () => Promise<void>): void {
    this.#waiting.splice(this.#insertionIndex(changedNs), 0, { changedNs, run });
    if (this.#workers.size >= this.#concurrency) return;
    const worker = this.#work().finally(() => this.#workers.delete(worker));
    this.#workers.add(worker);
  }

  /** Drops the waiting jobs. Resolves when the running ones have ended. */
  async stop(): Promise<void> {
    this.#waiting.length = 0;
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    // Jobs added in the same tick are compared first.
    await Promise.resolve();
    for (let job = this.#waiting.pop(); job; job = this.#waiting.pop()) await job.run();
  }

  #insertionIndex(changedNs: bigint): number {
    let low = 0;
    let high = this.#waiting.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#waiting[middle];
      if (other && other.changedNs <= changedNs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
