import type {
  BulkWriter,
  DocumentSnapshot,
  Precondition,
  Query,
  QueryDocumentSnapshot,
  WriteBatch,
  WriteResult,
} from "@google-cloud/firestore";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import type { CollectionName } from "../../core/storage/collections.ts";
import type { Clock } from "../../ports/machine.ts";
import {
  type CommitEachResult,
  type CommitResult,
  type Condition,
  ConflictError,
  type DocumentKey,
  type DocumentStore,
  type QueryOptions,
  type QueryResult,
  type Snapshot,
  type StoredDocument,
  type SyncMark,
  type TimeOrder,
  type Version,
  type Write,
} from "../../ports/store.ts";
import { grpcCode, grpcStatus, isDenied } from "../remote/service-response.ts";
import { decodeDocument, encodeDocument, toVersion } from "./encoding.ts";
import {
  documentId,
  FirestoreClient,
  type FirestoreSettings,
  firestoreLimits,
  originalId,
  withDeadline,
} from "./firestore-client.ts";
import { newestOf, withConditions } from "./lists.ts";

type Encode = (write: Exclude<Write, { kind: "delete" }>) => Record<string, unknown>;

/** Sends writes together that do not depend on each other. Each of them succeeds or fails alone. */
class IndependentWrites {
  readonly #client: FirestoreClient;
  readonly #encode: Encode;

  constructor(client: FirestoreClient, encode: Encode) {
    this.#client = client;
    this.#encode = encode;
  }

  async commit(writes: readonly Write[]): Promise<readonly CommitEachResult[]> {
    const firestore = await this.#client.firestore();
    // The hash in their ids spreads the documents, so no slow start is needed.
    const writer = firestore.bulkWriter({ throttling: false });
    writer.onWriteError(() => false);
    const results = [];
    for (const write of writes) results.push(toEachCommitted(await this.#send(writer, write)));
    await writer.close();
    return Promise.all(results);
  }

  /** The result is wrapped in an object, so that `await` does not wait for it. */
  async #send(writer: BulkWriter, write: Write): Promise<{ readonly result: Promise<WriteResult> }> {
    const reference = await this.#client.reference(write.key);
    if (write.kind === "create") return { result: writer.create(reference, this.#encode(write)) };
    const condition = await toPrecondition(write.version);
    if (write.kind === "delete") return { result: writer.delete(reference, condition) };
    return { result: writer.update(reference, this.#encode(write), condition) };
  }
}

async function toEachCommitted({
  result,
}: {
  readonly result: Promise<WriteResult>;
}): Promise<CommitEachResult> {
  try {
    const { writeTime } = await result;
    return { ok: true, committed: { version: toVersion(writeTime), commitTime: writeTime.toMillis() } };
  } catch (thrown) {
    return { ok: false, error: toWriteError(thrown) };
  }
}

const conflictCodes: ReadonlySet<number> = new Set([
  grpcStatus.notFound,
  grpcStatus.alreadyExists,
  grpcStatus.failedPrecondition,
]);

/** A `ConflictError` if a condition did not hold. After any other error the write may have been applied. */
function toWriteError(thrown: unknown): Error {
  const code = grpcCode(thrown);
  if (code !== undefined && conflictCodes.has(code))
    return new ConflictError(`A condition does not hold: ${errorMessage(thrown)}`, { cause: thrown });
  return toStoreError(thrown);
}

function toStoreError(thrown: unknown): BatonError {
  const code = grpcCode(thrown);
  const context = { where: "Firestore", cause: thrown };
  if (isDenied(code)) return new BatonError("STORE_DENIED", errorMessage(thrown), context);
  if (code === grpcStatus.invalidArgument)
    return new BatonError("STORE_REFUSED", errorMessage(thrown), context);
  if (code === grpcStatus.failedPrecondition)
    return new BatonError("STORE_INDEX_MISSING", errorMessage(thrown), context);
  if (code === grpcStatus.notFound) return new BatonError("STORE_MISSING", errorMessage(thrown), context);
  return new BatonError("STORE_FAILED", errorMessage(thrown), context);
}

/** The document must not have been written since. A version in another form matches no document. */
async function toPrecondition(version: Version): Promise<Precondition> {
  const { Timestamp } = await import("@google-cloud/firestore");
  const [seconds = "0", nanoseconds = "0"] = String(version).split(".");
  return { lastUpdateTime: new Timestamp(Number(seconds), Number(nanoseconds)) };
}

/** The document store on Firestore. A commit is durable as soon as it returns, so `sync` has nothing to do. */
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
    const snapshot = await this.#awaitCall(reference.get().catch(rethrowAsStoreError));
    const document = snapshot.exists ? toDocument(key.collection, snapshot) : undefined;
    return { document, readTime: snapshot.readTime.toMillis() };
  }

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    const batch = (await this.#client.firestore()).batch();
    for (const write of writes) await this.#add(batch, write);
    const committing = batch.commit().catch((thrown: unknown) => {
      throw toWriteError(thrown);
    });
    const results = await this.#awaitCall(committing);
    // All writes of a commit have the same time.
    const time = results[0]?.writeTime;
    if (!time) throw new TypeError("A commit has at least one write");
    return { version: toVersion(time), commitTime: time.toMillis() };
  }

  commitEach(writes: readonly Write[]): Promise<readonly CommitEachResult[]> {
    return this.#awaitCall(this.#independent.commit(writes));
  }

  async count(collection: CollectionName, condition: Condition): Promise<number> {
    const query = withConditions(await this.#client.collection(collection), collection, [condition]);
    const result = await this.#awaitCall(query.count().get().catch(rethrowAsStoreError));
    return result.data().count;
  }

  async query(
    collection: CollectionName,
    conditions: readonly Condition[],
    { limit, startAfter }: QueryOptions,
  ): Promise<QueryResult> {
    const { FieldPath } = await import("@google-cloud/firestore");
    const all = await this.#client.collection(collection);
    const ordered = withConditions(all, collection, conditions).orderBy(FieldPath.documentId()).limit(limit);
    const page = startAfter === undefined ? ordered : ordered.startAfter(documentId(startAfter));
    const result = await this.#awaitCall(
      page.get().catch(rethrowAsStoreError),
      firestoreLimits.storeQuerySeconds,
    );
    return {
      documents: result.docs.map((snapshot) => toDocument(collection, snapshot)),
      readTime: result.readTime.toMillis(),
    };
  }

  async newest(
    collection: CollectionName,
    conditions: readonly Condition[],
    order: TimeOrder,
    limit: number,
  ): Promise<QueryResult> {
    const all = await this.#client.collection(collection);
    const read = async (query: Query) => {
      const result = await this.#awaitCall(
        query.get().catch(rethrowAsStoreError),
        firestoreLimits.storeQuerySeconds,
      );
      return { documents: result.docs, readTime: result.readTime.toMillis() };
    };
    const { documents, readTime } = await newestOf({ all, collection, read }, conditions, order, limit);
    return { documents: documents.map((snapshot) => toDocument(collection, snapshot)), readTime };
  }

  inOrder(): undefined {}

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

  /** Waits until the deadline. If the credentials were refused, the call fails and the next one uses fresh ones. */
  async #awaitCall<T>(call: Promise<T>, seconds?: number): Promise<T> {
    try {
      return await withDeadline(this.#clock, call, seconds);
    } catch (thrown) {
      if (thrown instanceof BatonError && grpcCode(thrown.cause) === grpcStatus.unauthenticated)
        this.#client.discard();
      throw thrown;
    }
  }

  #encode(write: Exclude<Write, { kind: "delete" }>): Record<string, unknown> {
    const options = { retentionSeconds: this.#retentionSeconds, nowMs: this.#clock.now() };
    return encodeDocument(write.key, write.data, options);
  }

  async #add(batch: WriteBatch, write: Write): Promise<void> {
    const reference = await this.#client.reference(write.key);
    if (write.kind === "create") batch.create(reference, this.#encode(write));
    else if (write.kind === "delete") batch.delete(reference, await toPrecondition(write.version));
    else batch.update(reference, this.#encode(write), await toPrecondition(write.version));
  }
}

function toDocument(
  collection: CollectionName,
  snapshot: DocumentSnapshot | QueryDocumentSnapshot,
): StoredDocument {
  const { updateTime } = snapshot;
  if (!updateTime) throw new TypeError("An existing document has a write time");
  return {
    key: { collection, id: originalId(snapshot.id) },
    data: decodeDocument(snapshot.data()),
    version: toVersion(updateTime),
    updateTime: updateTime.toMillis(),
  };
}

function rethrowAsStoreError(thrown: unknown): never {
  throw toStoreError(thrown);
}
