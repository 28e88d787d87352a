import type { BigIntStats } from "node:fs";
import { lstat, opendir, readdir, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { BatonError, errorCode, errorMessage } from "../../core/errors/errors.ts";
import { isIgnoredName, nonDropReason } from "../../core/workflow/trigger.ts";
import type { Logger } from "../../ports/telemetry.ts";

/**
 * The real path of the folder, and its identity, which another folder of the same name lacks. Throws `INBOX_MISSING`.
 */
export async function openInboxFolder(
  folder: string,
): Promise<{ readonly path: string; readonly identity: string }> {
  try {
    const path = await realpath(folder);
    const listing = await opendir(path);
    await listing.close();
    // With the dot, the check also needs the right to enter the folder, not only to list it.
    const stats = await stat(`${path}/.`);
    return { path, identity: `${path}:${stats.dev}:${stats.ino}` };
  } catch (error) {
    throw new BatonError("INBOX_MISSING", `The inbox can't be read: ${errorMessage(error)}`, {
      where: folder,
      cause: error,
    });
  }
}

export interface WalkOptions {
  readonly folder: string;
  /** Whether the subfolder can be left out. Its name ends in `/`. */
  readonly isSkippedFolder: (subfolder: string) => boolean;
  readonly onUnreadable: (subfolder: string, error: unknown) => void;
}

/** The names of all files below the folder, separated by `/`. Unreadable subfolders are reported and skipped. */
export async function* walkFiles(walk: WalkOptions, prefix = ""): AsyncGenerator<string> {
  for (const entry of await readEntries(walk, prefix)) {
    if (isIgnoredName(entry.name)) continue;
    const object = prefix + entry.name;
    if (entry.isFile()) yield object;
    else if (entry.isDirectory() && !walk.isSkippedFolder(`${object}/`)) yield* walkFiles(walk, `${object}/`);
  }
}

async function readEntries({ folder, onUnreadable }: WalkOptions, prefix: string) {
  try {
    return await readdir(join(folder, prefix), { withFileTypes: true });
  } catch (error) {
    // Deleted since it was listed. The next scan handles it.
    if (errorCode(error) === "ENOENT") return [];
    if (prefix === "") throw error;
    onUnreadable(prefix, error);
    return [];
  }
}

/** Undefined unless it is a regular file. Links are refused too, as they may lead out of the inbox. */
export async function statFile(folder: string, object: string): Promise<BigIntStats | undefined> {
  try {
    const stats = await lstat(join(folder, object), { bigint: true });
    return stats.isFile() ? stats : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the file surely does not exist. An unreadable file may still exist. */
export async function isDeleted(folder: string, object: string): Promise<boolean> {
  try {
    await lstat(join(folder, object));
    return false;
  } catch (error) {
    return errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR";
  }
}

interface WatcherOptions {
  readonly folder: string;
  /** A file counts as written when it has not changed for this long. */
  readonly stableMs: number;
  /** Whether the subfolder can be left out. Its name ends in `/`. */
  readonly isSkippedFolder: (subfolder: string) => boolean;
  readonly onWritten: (object: string) => void;
  readonly onDeleted: (object: string) => void;
  readonly onError: (error: unknown) => void;
}

/** Reports files that are written or deleted from now on. Existing files are not reported. */
export async function watchFolder(options: WatcherOptions): Promise<{ close(): Promise<void> }> {
  const { watch } = await import("chokidar");
  const nameOf = (path: string) => relative(options.folder, path).split(sep).join("/");
  const watcher = watch(options.folder, {
    ignoreInitial: true,
    followSymlinks: false,
    ignored: (path) => {
      const name = nameOf(path);
      return nonDropReason(name) !== undefined || options.isSkippedFolder(`${name}/`);
    },
    awaitWriteFinish: {
      stabilityThreshold: options.stableMs,
      pollInterval: Math.min(100, Math.ceil(options.stableMs / 4)),
    },
  });
  watcher.on("add", (path) => options.onWritten(nameOf(path)));
  watcher.on("change", (path) => options.onWritten(nameOf(path)));
  watcher.on("unlink", (path) => options.onDeleted(nameOf(path)));
  watcher.on("error", options.onError);
  await new Promise<void>((resolve) => {
    watcher.once("ready", resolve);
    watcher.once("error", () => resolve());
  });
  return watcher;
}

/** How many files one scan logs one by one. Of more files it logs the number. */
const maxLoggedOneByOne = 20;
/** Names that are remembered as logged. Further files are not logged. */
const maxRemembered = 10_000;

/** Logs each file of the inbox that no workflow takes, once. Of the files of the initial scan it logs the number. */
export class UnmatchedFiles {
  readonly #bucket: string;
  readonly #logger: Logger;
  #logged = new Set<string>();
  #present = new Set<string>();
  #isInitialScan = true;
  #toLog: { readonly object: string; readonly reason: string }[] = [];

  constructor(bucket: string, logger: Logger) {
    this.#bucket = bucket;
    this.#logger = logger;
  }

  add(object: string, reason: string): void {
    if (!this.#logged.has(object)) {
      if (this.#logged.size >= maxRemembered) return;
      this.#logged.add(object);
      this.#toLog.push({ object, reason });
    }
    this.#present.add(object);
  }

  log(): void {
    const found = this.#toLog;
    this.#toLog = [];
    if (found.length > maxLoggedOneByOne || (this.#isInitialScan && found.length > 0))
      this.#logger.info("no workflow takes these files of the inbox", {
        bucket: this.#bucket,
        files: found.length,
        first: found.slice(0, maxLoggedOneByOne).map(({ object }) => object),
      });
    else
      for (const { object, reason } of found)
        this.#logger.info("no workflow takes the file", { bucket: this.#bucket, object, reason });
  }

  /** The scan has noted all files that exist. The others are gone, and are logged again if they come back. */
  endScan(): void {
    this.log();
    this.#isInitialScan = false;
    this.#logged = this.#present;
    this.#present = new Set();
  }
}
