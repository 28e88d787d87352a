import { type TaskBatch, TaskBatchSchema } from "../core/records.ts";
import type {
  CommitEachResult,
  CommitResult,
  Condition,
  DocumentKey,
  DocumentStore,
  MaybePromise,
  QueryOptions,
  QueryResult,
  Snapshot,
  SyncMark,
  Write,
} from "../ports/store.ts";
import type { Tracer } from "../ports/telemetry.ts";
import { batchAttributes } from "./traced-services.ts";

/**
 * Finds out from stored documents when a batch has ended, and to which batch a callback belongs. The end of a batch is
 * committed once, so the process that commits it records the span of the whole batch.
 */
export class TracedStore implements DocumentStore {
  readonly #store: DocumentStore;
  readonly #tracer: Tracer;
  /** Ended batches whose commit failed, but may have been applied. The next read of the batch shows it. */
  readonly #unconfirmed = new Map<string, TaskBatch>();

  constructor(store: DocumentStore, tracer: Tracer) {
    this.#store = store;
    this.#tracer = tracer;
  }

  async get(key: DocumentKey): Promise<Snapshot> {
    const snapshot = await this.#store.get(key);
    const data = snapshot.document?.data;
    if (key.collection === "callbacks" && typeof data?.batchId === "string")
      this.#tracer.assignBatch(data.batchId);
    if (key.collection === "batches") this.#confirm(key.id, data?.nonce);
    return snapshot;
  }

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    const ended = writes.flatMap((write) => findEndedBatch(write) ?? []);
    try {
      const committed = await this.#store.commit(writes);
      for (const batch of ended) this.#record(batch);
      return committed;
    } catch (error) {
      for (const batch of ended) this.#unconfirmed.set(batch.batchId, batch);
      throw error;
    }
  }

  commitEach(writes: readonly Write[]): MaybePromise<readonly CommitEachResult[]> {
    return this.#store.commitEach(writes);
  }

  count(...[collection, condition]: Parameters<DocumentStore["count"]>): MaybePromise<number> {
    return this.#store.count(collection, condition);
  }

  query(
    collection: DocumentKey["collection"],
    conditions: readonly Condition[],
    options: QueryOptions,
  ): MaybePromise<QueryResult> {
    return this.#store.query(collection, conditions, options);
  }

  inOrder(...read: Parameters<DocumentStore["inOrder"]>): ReturnType<DocumentStore["inOrder"]> {
    return this.#store.inOrder(...read);
  }

  mark(): SyncMark {
    return this.#store.mark();
  }

  sync(since: SyncMark): MaybePromise<void> {
    return this.#store.sync(since);
  }

  #confirm(batchId: string, nonce: unknown): void {
    const batch = this.#unconfirmed.get(batchId);
    if (!batch) return;
    this.#unconfirmed.delete(batchId);
    if (batch.nonce === nonce) this.#record(batch);
  }

  #record({ batchId, workflowId, createdAt, endedAt, status, lineageId, run }: TaskBatch): void {
    this.#tracer.recordBatch({
      batchId,
      name: `batch ${workflowId}`,
      startedAt: createdAt,
      endedAt: endedAt ?? createdAt,
      attributes: {
        ...batchAttributes({ batchId, workflowId }),
        "baton.status": status,
        "baton.lineage": lineageId,
        "baton.run": run,
      },
      failure: status === "ERROR" ? { code: "TASK_FAILED", message: "At least one task failed" } : undefined,
    });
  }
}

function findEndedBatch(write: Write): TaskBatch | undefined {
  if (write.kind !== "update" || write.key.collection !== "batches") return undefined;
  const { data } = TaskBatchSchema.safeParse(write.data);
  return data?.endedAt === null ? undefined : data;
}
