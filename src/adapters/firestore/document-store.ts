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
import { type CollectionName, collections } from "../../core/records.ts";
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
  type Version,
  type Write,
} from "../../ports/store.ts";
import { grpcCode, grpcStatus, isDenied } from "../remote/grpc.ts";
import { decodeDocument, encodeDocument, toIndexedText, toVersion } from "./encoding.ts";
import {
  documentId,
  FirestoreClient,
  type FirestoreSettings,
  firestoreLimits,
  originalId,
  withDeadline,
} from "./firestore-client.ts";

type Encode = (write: Exclude<Write, { kind: "delete" }>) => Record<string, unknown>;

/** Writes that do not depend on each other, sent together; each has a result of its own. */
class IndependentWrites {
  readonly #client: FirestoreClient;
  readonly #encode: Encode;

  constructor(client: FirestoreClient, encode: Encode) {
    this.#client = client;
    this.#encode = encode;
  }

  async commit(writes: readonly Write[]): Promise<readonly CommitEachResult[]> {
    const firestore = await this.#client.firestore();
    // The ids are spread by their hash: there is no need to begin slowly.
    const writer = firestore.bulkWriter({ throttling: false });
    writer.onWriteError(() => false);
    const results = [];
    for (const write of writes) results.push(toEachCommitted(await this.#send(writer, write)));
    await writer.close();
    return Promise.all(results);
  }

  /** Wrapped, so that waiting for the sending is not waiting for its result. */
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

/** What a refused write means: its condition did not hold, or whether it was applied is open. */
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

/** The document was last written at that time. A version that Firestore never made is one that no document has. */
async function toPrecondition(version: Version): Promise<Precondition> {
  const { Timestamp } = await import("@google-cloud/firestore");
  const [seconds = "0", nanoseconds = "0"] = version.split(".");
  return { lastUpdateTime: new Timestamp(Number(seconds), Number(nanoseconds)) };
}

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
    const snapshot = await this.#answered(reference.get().catch(rethrowAsStoreError));
    const document = snapshot.exists ? toDocument(key.collection, snapshot) : undefined;
    return { document, readTime: snapshot.readTime.toMillis() };
  }

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    const batch = (await this.#client.firestore()).batch();
    for (const write of writes) await this.#add(batch, write);
    const committing = batch.commit().catch((thrown: unknown) => {
      throw toWriteError(thrown);
    });
    const results = await this.#answered(committing);
    // All writes of a commit take place at one time; it is told with each.
    const time = results[0]?.writeTime;
    if (!time) throw new TypeError("A commit has at least one write");
    return { version: toVersion(time), commitTime: time.toMillis() };
  }

  commitEach(writes: readonly Write[]): Promise<readonly CommitEachResult[]> {
    return this.#answered(this.#independent.commit(writes));
  }

  async count(collection: CollectionName, condition: Condition): Promise<number> {
    const query = withConditions(await this.#client.collection(collection), collection, [condition]);
    const counted = await this.#answered(query.count().get().catch(rethrowAsStoreError));
    return counted.data().count;
  }

  async query(
    collection: CollectionName,
    conditions: readonly Condition[],
    { limit, startAfter }: QueryOptions,
  ): Promise<QueryResult> {
    const { FieldPath } = await import("@google-cloud/firestore");
    const all = await this.#client.collection(collection);
    const ordered = withConditions(all, collection, conditions).orderBy(FieldPath.documentId()).limit(limit);
    const paged = startAfter === undefined ? ordered : ordered.startAfter(documentId(startAfter));
    const found = await this.#answered(
      paged.get().catch(rethrowAsStoreError),
      firestoreLimits.storeQuerySeconds,
    );
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
      return await withDeadline(this.#clock, call, seconds);
    } catch (thrown) {
      if (thrown instanceof BatonError && grpcCode(thrown.cause) === grpcStatus.unauthenticated)
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
    else if (write.kind === "delete") batch.delete(reference, await toPrecondition(write.version));
    else batch.update(reference, this.#encode(write), await toPrecondition(write.version));
  }
}

function withConditions(query: Query, collection: CollectionName, conditions: readonly Condition[]): Query {
  const arrays: readonly string[] = collections[collection].arrays;
  return conditions.reduce(
    (narrowed, { field, equals }) =>
      narrowed.where(field, arrays.includes(field) ? "array-contains" : "==", toIndexedText(equals)),
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
    version: toVersion(updateTime),
    updateTime: updateTime.toMillis(),
  };
}

function rethrowAsStoreError(thrown: unknown): never {
  throw toStoreError(thrown);
}
