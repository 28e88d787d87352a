import type { DocumentSnapshot, Query, QueryDocumentSnapshot, WriteBatch } from "@google-cloud/firestore";
import { BatonError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { type CollectionName, collections } from "../../core/records.ts";
import type { Clock } from "../../ports/clock.ts";
import type {
  Committed,
  Condition,
  DocumentKey,
  DocumentStore,
  EachCommitted,
  QueryOptions,
  QueryResult,
  Snapshot,
  StoredDocument,
  SyncMark,
  Write,
} from "../../ports/store.ts";
import { grpcCodeOf, grpcStatus } from "../remote/grpc.ts";
import { documentId, FirestoreClient, type FirestoreSettings, inTime, originalId } from "./client.ts";
import { decodeDocument, encodeDocument, indexedText, versionOf } from "./encoding.ts";
import { conditionOn, IndependentWrites, storeError, writeError } from "./independent-writes.ts";

/** The document store on Firestore. What a commit has answered is durable at once. */
export class FirestoreDocumentStore implements DocumentStore {
  readonly #client: FirestoreClient;
  readonly #clock: Clock;
  readonly #retentionSeconds: number;
  readonly #independent: IndependentWrites;

  constructor(settings: FirestoreSettings, clock: Clock) {
    this.#client = new FirestoreClient(settings, clock);
    this.#clock = clock;
    this.#retentionSeconds = settings.retentionSeconds;
    this.#independent = new IndependentWrites(this.#client, (write) => this.#encode(write));
  }

  async get(key: DocumentKey): Promise<Snapshot> {
    const reference = await this.#client.reference(key);
    const snapshot = await this.#answered(reference.get().catch(rethrow));
    const document = snapshot.exists ? toDocument(key.collection, snapshot) : undefined;
    return { document, readTime: snapshot.readTime.toMillis() };
  }

  async commit(writes: readonly Write[]): Promise<Committed> {
    const batch = (await this.#client.firestore()).batch();
    for (const write of writes) await this.#add(batch, write);
    const committing = batch.commit().catch((thrown: unknown) => {
      throw writeError(thrown);
    });
    const results = await this.#answered(committing);
    // All writes of a commit take place at one time; it is told with each.
    const time = results[0]?.writeTime;
    if (!time) throw new TypeError("A commit has at least one write");
    return { version: versionOf(time), commitTime: time.toMillis() };
  }

  commitEach(writes: readonly Write[]): Promise<readonly EachCommitted[]> {
    return this.#answered(this.#independent.commit(writes));
  }

  async count(collection: CollectionName, condition: Condition): Promise<number> {
    const query = filtered(await this.#client.collection(collection), collection, [condition]);
    const counted = await this.#answered(query.count().get().catch(rethrow));
    return counted.data().count;
  }

  async query(
    collection: CollectionName,
    conditions: readonly Condition[],
    { limit, startAfter }: QueryOptions,
  ): Promise<QueryResult> {
    const { FieldPath } = await import("@google-cloud/firestore");
    const all = await this.#client.collection(collection);
    const ordered = filtered(all, collection, conditions).orderBy(FieldPath.documentId()).limit(limit);
    const paged = startAfter === undefined ? ordered : ordered.startAfter(documentId(startAfter));
    const found = await this.#answered(paged.get().catch(rethrow), limits.storeQuerySeconds);
    return {
      documents: found.docs.map((snapshot) => toDocument(collection, snapshot)),
      readTime: found.readTime.toMillis(),
    };
  }

  mark(): SyncMark {
    return 0;
  }

  async sync(): Promise<void> {}

  /** Loads the client ahead of its first use. */
  load(): Promise<void> {
    return this.#client.load();
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Within the deadline. Refused credentials are fetched again for the next call; this one fails and is repeated. */
  async #answered<T>(call: Promise<T>, seconds?: number): Promise<T> {
    try {
      return await inTime(this.#clock, call, seconds);
    } catch (thrown) {
      if (thrown instanceof BatonError && grpcCodeOf(thrown.cause) === grpcStatus.unauthenticated)
        this.#client.forget();
      throw thrown;
    }
  }

  #encode(write: Exclude<Write, { kind: "delete" }>): Record<string, unknown> {
    const options = { retentionSeconds: this.#retentionSeconds, nowMs: this.#clock.now() };
    return encodeDocument(write.key.collection, write.data, options);
  }

  async #add(batch: WriteBatch, write: Write): Promise<void> {
    const reference = await this.#client.reference(write.key);
    if (write.kind === "create") batch.create(reference, this.#encode(write));
    else if (write.kind === "delete") batch.delete(reference, await conditionOn(write.version));
    else batch.update(reference, this.#encode(write), await conditionOn(write.version));
  }
}

function filtered(query: Query, collection: CollectionName, conditions: readonly Condition[]): Query {
  const arrays: readonly string[] = collections[collection].arrays;
  return conditions.reduce(
    (narrowed, { field, equals }) =>
      narrowed.where(field, arrays.includes(field) ? "array-contains" : "==", indexedText(equals)),
    query,
  );
}

function toDocument(
  collection: CollectionName,
  snapshot: DocumentSnapshot | QueryDocumentSnapshot,
): StoredDocument {
  const { updateTime } = snapshot;
  if (!updateTime) throw new TypeError("A document that exists was written at some time");
  return {
    key: { collection, id: originalId(snapshot.id) },
    data: decodeDocument(snapshot.data()),
    version: versionOf(updateTime),
    updateTime: updateTime.toMillis(),
  };
}

function rethrow(thrown: unknown): never {
  throw storeError(thrown);
}
