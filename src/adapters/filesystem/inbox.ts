import { messageOf } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { ObjectMessage } from "../../core/messages.ts";
import type { Logger } from "../../ports/logger.ts";
import type { ObjectStore } from "../../ports/objects.ts";
import { Announcer } from "./inbox-announcer.ts";
import { filesBelow, openFolder } from "./inbox-files.ts";
import { watchFolder } from "./inbox-watcher.ts";

export interface InboxOptions {
  readonly folder: string;
  /** The bucket of the object store that has the same folder. Default `inbox`. */
  readonly bucket?: string;
  readonly objects: ObjectStore;
  /** Called once for each content of each file; when it rejects, again at the next look through the folder. */
  readonly onObject: (message: ObjectMessage) => Promise<void>;
  readonly logger: Logger;
  /** A file counts as written when it has not changed for this long. Default 1 s. */
  readonly stableMs?: number;
  /** Time between two looks through the folder, for what the file system did not tell. Default 5 s. */
  readonly rescanMs?: number;
}

/**
 * A folder as the local stand-in of a bucket that tells of its new objects. Events of the file system make it
 * quick; looking through the folder again and again makes it sure.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #stableMs: number;
  readonly #rescanMs: number;
  readonly #announcer: Announcer;
  readonly #toldUnreadable = new Set<string>();
  #watched:
    | { readonly identity: string; readonly watcher: { close(): Promise<void> } | undefined }
    | undefined;
  #missing = false;
  #running = false;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#stableMs = options.stableMs ?? limits.inboxStableMs;
    this.#rescanMs = options.rescanMs ?? limits.inboxRescanMs;
    this.#announcer = new Announcer({
      bucket: options.bucket ?? "inbox",
      objects: options.objects,
      onObject: options.onObject,
      logger: options.logger,
      stableMs: this.#stableMs,
    });
  }

  /** Throws `INBOX_MISSING` when the folder is not there or can't be read. */
  async start(): Promise<void> {
    await openFolder(this.#options.folder);
    this.#running = true;
    await this.#beginRound();
  }

  /** Resolves when no callback runs any more. */
  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    await this.#round;
    await this.#unwatch();
    await this.#announcer.stop();
  }

  #beginRound(): Promise<void> {
    this.#round = this.#lookThrough()
      .catch((error) => {
        this.#options.logger.error("The inbox could not be looked through", { error: messageOf(error) });
        return false;
      })
      .then((unsettled) => {
        if (!this.#running) return;
        const delay = unsettled ? Math.min(this.#stableMs, this.#rescanMs) : this.#rescanMs;
        this.#timer = setTimeout(() => this.#beginRound(), delay);
      });
    return this.#round;
  }

  /** True when a file was seen that has yet to prove that it is written to its end. */
  async #lookThrough(): Promise<boolean> {
    const folder = await this.#openOrMiss();
    if (!folder) return false;
    const present = new Set<string>();
    let unsettled = false;
    for await (const object of filesBelow(folder, (...problem) => this.#tellUnreadable(...problem))) {
      present.add(object);
      if (await this.#announcer.look(folder, object, "maybe")) unsettled = true;
    }
    await this.#announcer.forgetGone(folder, present);
    return unsettled;
  }

  async #openOrMiss(): Promise<string | undefined> {
    const { folder, logger } = this.#options;
    try {
      const { path, identity } = await openFolder(folder);
      if (this.#missing) logger.info("The inbox is back", { folder });
      this.#missing = false;
      if (this.#watched?.identity !== identity) await this.#watch(path, identity);
      return path;
    } catch (error) {
      if (!this.#missing) logger.error(messageOf(error), { folder });
      this.#missing = true;
      await this.#announcer.forgetGone(folder, new Set());
      await this.#unwatch();
      return undefined;
    }
  }

  /** A folder that was replaced by another of the same name is watched anew. */
  async #watch(folder: string, identity: string): Promise<void> {
    await this.#unwatch();
    const onError = (error: unknown) =>
      this.#options.logger.warn("The inbox can't be watched; files are found more slowly", {
        error: messageOf(error),
      });
    const onWritten = (object: string) => void this.#announcer.look(folder, object, "written");
    try {
      const watcher = await watchFolder({ folder, stableMs: this.#stableMs, onWritten, onError });
      this.#watched = { identity, watcher };
    } catch (error) {
      onError(error);
      this.#watched = { identity, watcher: undefined };
    }
  }

  async #unwatch(): Promise<void> {
    const watched = this.#watched;
    this.#watched = undefined;
    await watched?.watcher?.close();
  }

  #tellUnreadable(subfolder: string, error: unknown): void {
    if (this.#toldUnreadable.has(subfolder)) return;
    this.#toldUnreadable.add(subfolder);
    this.#options.logger.error("A folder in the inbox can't be read", { subfolder, error: messageOf(error) });
  }
}
