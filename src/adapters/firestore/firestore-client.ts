import { createHash } from "node:crypto";
import type { CollectionReference, DocumentReference, Firestore } from "@google-cloud/firestore";
import { BatonError } from "../../core/errors/errors.ts";
import type { CollectionName } from "../../core/storage/collections.ts";
import type { Clock } from "../../ports/machine.ts";
import { type DocumentKey, StoreTimeoutError } from "../../ports/store.ts";

/** What bounds calls of Firestore. */
export const firestoreLimits = {
  /** How long one call of Firestore may take with all its retries. */
  storeCallSeconds: 20,
  /** The same for a query, whose page may hold 30 MB of results: enough at 4 Mbit/s. */
  storeQuerySeconds: 60,
  /** How long a stopping process waits for calls of Firestore. */
  storeCloseMs: 1_000,
} as const;

export interface FirestoreSettings {
  readonly projectId: string;
  /** `(default)`, or the id of another database. */
  readonly databaseId: string;
  /** How long documents are kept after their last write, in collections that expire. */
  readonly retentionSeconds: number;
}

/** Google's client, loaded and connected at its first use. Like that client, it follows `FIRESTORE_EMULATOR_HOST`. */
export class FirestoreClient {
  readonly #settings: FirestoreSettings;
  readonly #clock: Clock;
  #firestore: Promise<Firestore> | undefined;
  #isClosed = false;

  constructor(settings: FirestoreSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /**
   * Throws `STORE_FAILED` after `close`: a call on Google's closed client ends the process with a rejection that can't
   * be caught.
   */
  async firestore(): Promise<Firestore> {
    if (this.#isClosed) throw new BatonError("STORE_FAILED", "The store is closed", { where: "Firestore" });
    this.#firestore ??= this.#open();
    return this.#firestore;
  }

  async reference(key: DocumentKey): Promise<DocumentReference> {
    return (await this.collection(key.collection)).doc(documentId(key.id));
  }

  async collection(name: CollectionName): Promise<CollectionReference> {
    return (await this.firestore()).collection(name);
  }

  /** Loads the client, and the packages that it would load at its first call. Connects to nothing. */
  async load(): Promise<void> {
    await this.firestore();
    await import("google-gax");
  }

  /** Waits for `firestoreLimits.storeCloseMs` at most: the client may retry calls that have timed out for minutes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (!this.#firestore) return;
    const timeout = Promise.withResolvers<void>();
    const stop = this.#clock.after(firestoreLimits.storeCloseMs, timeout.resolve);
    await Promise.race([(await this.#firestore).terminate(), timeout.promise]).finally(stop);
  }

  /** Drops a client whose credentials are no longer accepted. The next call creates one with fresh credentials. */
  discard(): void {
    this.#firestore = undefined;
  }

  async #open(): Promise<Firestore> {
    const { Firestore } = await import("@google-cloud/firestore");
    const { projectId, databaseId } = this.#settings;
    return new Firestore({ projectId, databaseId });
  }
}

/**
 * Limits how long a call may take with all its retries. The client retries refused calls for ten minutes, and ignores
 * settings that shorten this. Failing early lets the message be redelivered, perhaps to a healthy instance. The outcome
 * of the abandoned call is unknown, as after a lost reply. Throws an `StoreTimeoutError` with code `STORE_FAILED`.
 */
export async function withDeadline<T>(
  clock: Clock,
  call: Promise<T>,
  seconds: number = firestoreLimits.storeCallSeconds,
): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const stop = clock.after(seconds * 1_000, () =>
    timeout.reject(new StoreTimeoutError(`No answer in ${seconds} s`, call, { where: "Firestore" })),
  );
  try {
    return await Promise.race([call, timeout.promise]);
  } finally {
    stop();
  }
}

const prefixCharacters = 8;

/**
 * The id of a document in Firestore. It begins with a hash, so that consecutive ids are stored far apart: a range of
 * neighbouring documents takes only about 500 writes a second. The original id follows for readability, with `/`
 * written as `~1` and `~` as `~0`.
 */
export function documentId(id: string): string {
  const hash = createHash("sha256").update(id).digest("hex").slice(0, prefixCharacters);
  return `${hash}.${id.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The inverse of `documentId`. */
export function originalId(documentId: string): string {
  return documentId
    .slice(prefixCharacters + 1)
    .replaceAll("~1", "/")
    .replaceAll("~0", "~");
}
