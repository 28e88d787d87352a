import { createHash } from "node:crypto";
import type { CollectionReference, DocumentReference, Firestore } from "@google-cloud/firestore";
import { BatonError } from "../../core/errors/errors.ts";
import type { CollectionName } from "../../core/records.ts";
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
  /** How long documents are kept after their last write, where their collection says so. */
  readonly retentionSeconds: number;
}

/** The client of the database, loaded and connected at its first use. It heeds `FIRESTORE_EMULATOR_HOST`. */
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
   * Throws `STORE_FAILED` once it is closed: Google's client would end the process by a rejection that cannot be
   * caught.
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

  /** Loads the client and what it loads by itself at its first call, connecting to nothing. */
  async load(): Promise<void> {
    await this.firestore();
    await import("google-gax");
  }

  /** Calls that were given up may still be repeated, for minutes: they are not waited for. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (!this.#firestore) return;
    const left = Promise.withResolvers<void>();
    const stop = this.#clock.after(firestoreLimits.storeCloseMs, left.resolve);
    await Promise.race([(await this.#firestore).terminate(), left.promise]).finally(stop);
  }

  /** The next call makes a client of its own, which fetches credentials: those of this one are not taken any more. */
  forget(): void {
    this.#firestore = undefined;
  }

  async #open(): Promise<Firestore> {
    const { Firestore } = await import("@google-cloud/firestore");
    const { projectId, databaseId } = this.#settings;
    return new Firestore({ projectId, databaseId });
  }
}

/**
 * Waits for a call with all its repetitions, but not for ever. The client repeats for ten minutes what the service refuses, and
 * can't be told otherwise: its settings are not heeded. A message that fails sooner is delivered again, perhaps to where
 * it goes better. What the call does after that is like a call whose answer was lost. Throws a `StoreTimeoutError`, `STORE_FAILED`.
 */
export async function withDeadline<T>(
  clock: Clock,
  call: Promise<T>,
  seconds: number = firestoreLimits.storeCallSeconds,
): Promise<T> {
  const tooLate = Promise.withResolvers<never>();
  const stop = clock.after(seconds * 1_000, () =>
    tooLate.reject(new StoreTimeoutError(`No answer in ${seconds} s`, call, { where: "Firestore" })),
  );
  try {
    return await Promise.race([call, tooLate.promise]);
  } finally {
    stop();
  }
}

const prefixCharacters = 8;

/**
 * The id of a document in Firestore. Its hash comes first, so that ids which follow each other are stored far apart: a
 * stretch of neighbouring documents takes no more than some 500 writes a second. The rest is for people, with `/`
 * written `~1` and `~` written `~0`.
 */
export function documentId(id: string): string {
  const hash = createHash("sha256").update(id).digest("hex").slice(0, prefixCharacters);
  return `${hash}.${id.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The id that a document's id in Firestore was made from. */
export function originalId(documentId: string): string {
  return documentId
    .slice(prefixCharacters + 1)
    .replaceAll("~1", "/")
    .replaceAll("~0", "~");
}
