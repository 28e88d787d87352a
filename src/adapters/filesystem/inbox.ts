import { errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import type { ObjectMessage } from "../../core/messages.ts";
import type { DropMatcher } from "../../core/workflow/trigger.ts";
import type { DropMemory, ObjectStore } from "../../ports/objects.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { quietLimits } from "./dropped-file.ts";
import { DropAnnouncer } from "./inbox-announcer.ts";
import { openInboxFolder, UnmatchedFiles, walkFiles, watchFolder } from "./inbox-files.ts";

/**
 * What bounds the watching of the inbox.
 * @public docs/limits.md
 */
export const inboxLimits = {
  /** How often the inbox is scanned for files that the file system did not report. */
  inboxRescanMs: 5_000,
} as const;

export interface InboxOptions {
  readonly folder: string;
  /** The bucket of the object store that has the same folder. Default `inbox`. */
  readonly bucket?: string;
  readonly objects: ObjectStore;
  /** Which files the workflows take. Called at every scan, as workflows are added and removed. */
  readonly matcher: () => Promise<
    Pick<DropMatcher, "key" | "matches" | "isSkippedFolder" | "explainMismatch">
  >;
  readonly memory: DropMemory;
  /** Called once for each drop of a file that a workflow takes. If it rejects, it is called again later. */
  readonly onObject: (message: ObjectMessage) => Promise<void>;
  readonly logger: Logger;
  /** A file counts as written when it has not changed for this long. Default 1 s. */
  readonly stableMs?: number;
  /** Time between two scans of the folder, for changes that the file system did not report. Default 5 s. */
  readonly rescanMs?: number;
}

type Matcher = Awaited<ReturnType<InboxOptions["matcher"]>>;

/** After a scan the next one waits for at least this many times its duration, so scans of large folders cost little. */
const restFactor = 19;

/**
 * A folder that stands in locally for a bucket with notifications of new objects. Events of the file system make it
 * fast, and regular scans make it reliable.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #stableMs: number;
  readonly #rescanMs: number;
  readonly #announcer: DropAnnouncer;
  readonly #unmatched: UnmatchedFiles;
  readonly #loggedUnreadable = new Set<string>();
  #watched: WatchedFolder | undefined;
  #matcher: Matcher | undefined;
  #missing = false;
  #running = false;
  #timer: NodeJS.Timeout | undefined;
  #problem: string | undefined;
  #nextScanMs = 0;
  #round: Promise<void> = Promise.resolve();

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#stableMs = options.stableMs ?? limits.inboxStableMs;
    this.#rescanMs = options.rescanMs ?? inboxLimits.inboxRescanMs;
    const { bucket = "inbox", objects, memory, onObject, logger } = options;
    const stableMs = this.#stableMs;
    const unseenMs = stableMs * quietLimits.inboxUnseenFactor;
    const growingMs = Math.max(unseenMs, quietLimits.inboxGrowingMs);
    this.#announcer = new DropAnnouncer({
      bucket,
      objects,
      memory,
      onObject,
      logger,
      times: { stableMs, unseenMs, growingMs },
    });
    this.#unmatched = new UnmatchedFiles(bucket, logger);
  }

  /** Throws `INBOX_MISSING` if the folder does not exist or can't be read. */
  async start(): Promise<void> {
    await openInboxFolder(this.#options.folder);
    this.#running = true;
    await this.#runRound();
  }

  /** Resolves when all callbacks have ended. */
  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    await this.#round;
    await this.#unwatch();
    await this.#announcer.stop();
  }

  /** Between two scans of the folder, only files that are not announced yet are inspected. */
  #runRound(): Promise<void> {
    const work = performance.now() >= this.#nextScanMs ? this.#scan() : this.#inspectPending();
    this.#round = work
      .catch((error) => this.#logProblem(error))
      .then(() => {
        if (!this.#running) return;
        this.#timer = setTimeout(() => this.#runRound(), Math.min(this.#stableMs, this.#rescanMs));
      });
    return this.#round;
  }

  async #inspectPending(): Promise<void> {
    if (this.#watched) await this.#announcer.inspectPending(this.#watched.folder);
  }

  async #scan(): Promise<void> {
    const startedAt = performance.now();
    try {
      await this.#walkFolder();
    } finally {
      const durationMs = performance.now() - startedAt;
      this.#nextScanMs = performance.now() + Math.max(this.#rescanMs, durationMs * restFactor);
    }
  }

  async #walkFolder(): Promise<void> {
    const matcher = await this.#options.matcher();
    this.#matcher = matcher;
    const folder = await this.#openFolder(matcher);
    if (!folder) return;
    const present = new Set<string>();
    const onUnreadable = (subfolder: string, error: unknown) => this.#logUnreadable(subfolder, error);
    const isSkippedFolder = (subfolder: string) => matcher.isSkippedFolder(subfolder);
    for await (const object of walkFiles({ folder, isSkippedFolder, onUnreadable }))
      if (await this.#inspect(folder, object)) present.add(object);
    this.#problem = undefined;
    this.#unmatched.endScan();
    await this.#announcer.endInitialScan(folder, present);
    await this.#announcer.forgetDeleted(folder, present);
  }

  /** Returns whether a workflow takes the file. `quietForMs`: how long it is known not to have changed. */
  async #inspect(folder: string, object: string, quietForMs?: number): Promise<boolean> {
    if (this.#matcher?.matches(object)) {
      await this.#announcer.inspect(folder, object, quietForMs);
      return true;
    }
    const reason = this.#matcher?.explainMismatch(object);
    if (reason !== undefined) this.#unmatched.add(object, reason);
    return false;
  }

  async #openFolder(matcher: Matcher): Promise<string | undefined> {
    const { folder, logger } = this.#options;
    try {
      const { path, identity: folderIdentity } = await openInboxFolder(folder);
      const identity = `${folderIdentity} ${matcher.key}`;
      if (this.#missing) logger.info("The inbox can be read again", { folder });
      this.#missing = false;
      if (this.#watched?.identity !== identity) await this.#watch(path, identity, matcher);
      return path;
    } catch (error) {
      if (!this.#missing) logger.error(errorMessage(error), { folder });
      this.#missing = true;
      await this.#unwatch();
      return undefined;
    }
  }

  /** Called again when the folder was replaced by another of the same name, or when the workflows have changed. */
  async #watch(folder: string, identity: string, matcher: Matcher): Promise<void> {
    await this.#unwatch();
    const onError = (error: unknown) =>
      this.#options.logger.warn(
        "The inbox can't be watched; new files are found by scans, which takes longer",
        {
          error: errorMessage(error),
        },
      );
    const logProblem = (error: unknown) => this.#logProblem(error);
    try {
      const watcher = await watchFolder({
        folder,
        stableMs: this.#stableMs,
        isSkippedFolder: (subfolder) => matcher.isSkippedFolder(subfolder),
        onWritten: (object) =>
          void this.#inspect(folder, object, this.#stableMs).then(() => this.#unmatched.log(), logProblem),
        onDeleted: (object) => void this.#announcer.forgetIfDeleted(folder, object).catch(logProblem),
        onError,
      });
      this.#watched = { folder, identity, watcher };
    } catch (error) {
      onError(error);
      this.#watched = { folder, identity, watcher: undefined };
    }
  }

  /** Logs a problem once, not at every scan. */
  #logProblem(error: unknown): void {
    const problem = errorMessage(error);
    if (problem !== this.#problem)
      this.#options.logger.error("The inbox could not be scanned", { error: problem });
    this.#problem = problem;
  }

  async #unwatch(): Promise<void> {
    const watched = this.#watched;
    this.#watched = undefined;
    await watched?.watcher?.close();
  }

  #logUnreadable(subfolder: string, error: unknown): void {
    if (this.#loggedUnreadable.has(subfolder)) return;
    this.#loggedUnreadable.add(subfolder);
    this.#options.logger.error("A folder in the inbox can't be read", {
      subfolder,
      error: errorMessage(error),
    });
  }
}

interface WatchedFolder {
  readonly folder: string;
  readonly identity: string;
  readonly watcher: { close(): Promise<void> } | undefined;
}
