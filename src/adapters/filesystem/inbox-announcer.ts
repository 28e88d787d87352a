import { join } from "node:path";
import { BatonError, messageOf } from "../../core/errors.ts";
import type { ObjectMessage } from "../../core/messages.ts";
import type { Logger } from "../../ports/logger.ts";
import type { ObjectStore } from "../../ports/objects.ts";
import { signatureOf } from "./fingerprint.ts";
import { statFile } from "./inbox-files.ts";
import { isOpenForWriting } from "./writers.ts";

export interface AnnouncerOptions {
  readonly bucket: string;
  readonly objects: ObjectStore;
  readonly onObject: (message: ObjectMessage) => Promise<void>;
  readonly logger: Logger;
  readonly stableMs: number;
}

/** What is known of a file of the inbox. */
interface Seen {
  signature: string;
  /** Since when the file has looked like that, by this process's monotonic clock. */
  sinceMs: number;
  /** The look that has been dealt with, and the content that was announced. */
  doneSignature: string | undefined;
  generation: string | undefined;
  busy: boolean;
}

/** Files that are hashed and handed over at the same time. */
const concurrency = 4;

/** Announces each content of each file once, when the file has stopped changing. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #seen = new Map<string, Seen>();
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #workers = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** Looks at a file that may be, or is known to be, written to its end. True when it has yet to be seen. */
  async look(folder: string, object: string, state: "maybe" | "written"): Promise<boolean> {
    const stats = await statFile(folder, object);
    if (!stats || this.#stopped) return false;
    const signature = signatureOf(stats);
    const now = performance.now();
    const seen = this.#seen.get(object) ?? newlySeen(signature, now);
    this.#seen.set(object, seen);
    if (seen.signature !== signature) {
      seen.signature = signature;
      seen.sinceMs = now;
    }
    if (seen.doneSignature === signature) return false;
    if (state === "maybe" && now - seen.sinceMs < this.#options.stableMs) return true;
    if (seen.busy) return false;
    // Whoever writes may pause for longer than any quiet time.
    if (await isOpenForWriting(join(folder, object), seen.sinceMs)) return true;
    if (!seen.busy) this.#enqueue(seen, () => this.#announce(folder, object, seen));
    return false;
  }

  /** Forgets files that are gone: should they come back, they are announced again. `present` are known to be there. */
  async forgetGone(folder: string, present: ReadonlySet<string>): Promise<void> {
    for (const [object, seen] of this.#seen)
      if (!present.has(object) && !seen.busy && !(await statFile(folder, object))) this.#seen.delete(object);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.length = 0;
    await Promise.all(this.#workers);
  }

  #enqueue(seen: Seen, job: () => Promise<void>): void {
    seen.busy = true;
    this.#waiting.push(job);
    if (this.#workers.size >= concurrency) return;
    const worker = this.#work().finally(() => this.#workers.delete(worker));
    this.#workers.add(worker);
  }

  async #work(): Promise<void> {
    for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) await job();
  }

  async #announce(folder: string, object: string, seen: Seen): Promise<void> {
    const { signature } = seen;
    try {
      const message = await this.#messageOf(object);
      const after = await statFile(folder, object);
      if (!after || signatureOf(after) !== signature) return;
      if (message.generation !== seen.generation) await this.#options.onObject(message);
      seen.generation = message.generation;
      seen.doneSignature = signature;
    } catch (error) {
      if (!isInMotion(error))
        this.#options.logger.warn("A file of the inbox could not be handed over; it is tried again", {
          object,
          error: messageOf(error),
        });
    } finally {
      seen.busy = false;
    }
  }

  async #messageOf(object: string): Promise<ObjectMessage> {
    const { bucket, objects } = this.#options;
    const info = await objects.stat({ bucket, object });
    return { kind: "object", bucket, object, generation: info.generation, size: info.bytes };
  }
}

function newlySeen(signature: string, now: number): Seen {
  return { signature, sinceMs: now, doneSignature: undefined, generation: undefined, busy: false };
}

/** The file went or changed meanwhile: the next look finds out what it is now. */
function isInMotion(error: unknown): boolean {
  return error instanceof BatonError && (error.code === "FILE_MISSING" || error.code === "FILE_CHANGED");
}
