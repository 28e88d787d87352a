import type { CollectionReference, DocumentReference, Firestore } from "@google-cloud/firestore";
import type { CollectionName } from "../../core/records.ts";
import type { DocumentKey } from "../../ports/store.ts";
import { documentId } from "./document-names.ts";
import type { FirestoreSettings } from "./settings.ts";

/**
 * How long one call may take with all its repetitions. By default the client repeats for ten minutes what a service
 * refuses; a message that fails sooner is delivered again, perhaps to where it goes better.
 */
const totalTimeoutMs = 20_000;
const timeoutMs = 10_000;

/** The client of the database, loaded and connected at its first use. It heeds `FIRESTORE_EMULATOR_HOST`. */
export class FirestoreClient {
  readonly #settings: FirestoreSettings;
  #firestore: Promise<Firestore> | undefined;

  constructor(settings: FirestoreSettings) {
    this.#settings = settings;
  }

  firestore(): Promise<Firestore> {
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

  async close(): Promise<void> {
    if (this.#firestore) await (await this.#firestore).terminate();
  }

  async #open(): Promise<Firestore> {
    const { Firestore } = await import("@google-cloud/firestore");
    const { projectId, databaseId } = this.#settings;
    return new Firestore({ projectId, databaseId, clientConfig: clientConfig() });
  }
}

function clientConfig() {
  const params = {
    initial_retry_delay_millis: 100,
    retry_delay_multiplier: 1.3,
    max_retry_delay_millis: 5_000,
    initial_rpc_timeout_millis: timeoutMs,
    rpc_timeout_multiplier: 1,
    max_rpc_timeout_millis: timeoutMs,
    total_timeout_millis: totalTimeoutMs,
  };
  return { interfaces: { "google.firestore.v1.Firestore": { retry_params: { default: params } } } };
}
