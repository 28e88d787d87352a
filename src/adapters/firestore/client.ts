import type { CollectionReference, DocumentReference, Firestore } from "@google-cloud/firestore";
import { BatonError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { CollectionName } from "../../core/records.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DocumentKey } from "../../ports/store.ts";
import { documentId } from "./document-names.ts";
import type { FirestoreSettings } from "./settings.ts";

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
    const stop = this.#clock.after(limits.storeCloseMs, left.resolve);
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
