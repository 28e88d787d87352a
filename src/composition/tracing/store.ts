import { type TaskBatch, TaskBatchSchema } from "../../core/records.ts";
import type {
  Committed,
  Condition,
  DocumentKey,
  DocumentStore,
  EachCommitted,
  QueryOptions,
  QueryResult,
  Snapshot,
  SyncMark,
  Write,
} from "../../ports/store.ts";
import type { Tracer } from "../../ports/tracer.ts";
import { batchAttributes } from "./traced.ts";

/**
 * Sees from what is stored when a batch has ended, and of which batch a callback is. The end is committed once, by one
 * process: that one tells of the batch as a whole.
 */
export class TracedStore implements DocumentStore {
  readonly #store: DocumentStore;
  readonly #tracer: Tracer;
  /** Ends whose commit came back with an error, which may hide that it was applied. Reading the batch shows it. */
  readonly #doubtful = new Map<string, TaskBatch>();

  constructor(store: DocumentStore, tracer: Tracer) {
    this.#store = store;
    this.#tracer = tracer;
  }

  async get(key: DocumentKey): Promise<Snapshot> {
    const found = await this.#store.get(key);
    const data = found.document?.data;
    if (key.collection === "callbacks" && typeof data?.batchId === "string") this.#tracer.adopt(data.batchId);
    if (key.collection === "batches") this.#resolveDoubt(key.id, data?.nonce);
    return found;
  }

  async commit(writes: readonly Write[]): Promise<Committed> {
    const ended = writes.flatMap((write) => endedBatch(write) ?? []);
    try {
      const committed = await this.#store.commit(writes);
      for (const batch of ended) this.#record(batch);
      return committed;
    } catch (error) {
      for (const batch of ended) this.#doubtful.set(batch.batchId, batch);
      throw error;
    }
  }

  commitEach(writes: readonly Write[]): Promise<readonly EachCommitted[]> {
    return this.#store.commitEach(writes);
  }

  count(...[collection, condition]: Parameters<DocumentStore["count"]>): Promise<number> {
    return this.#store.count(collection, condition);
  }

  query(
    collection: DocumentKey["collection"],
    conditions: readonly Condition[],
    options: QueryOptions,
  ): Promise<QueryResult> {
    return this.#store.query(collection, conditions, options);
  }

  mark(): SyncMark {
    return this.#store.mark();
  }

  sync(since: SyncMark): Promise<void> {
    return this.#store.sync(since);
  }

  #resolveDoubt(batchId: string, nonce: unknown): void {
    const batch = this.#doubtful.get(batchId);
    if (!batch) return;
    this.#doubtful.delete(batchId);
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

function endedBatch(write: Write): TaskBatch | undefined {
  if (write.kind !== "update" || write.key.collection !== "batches") return undefined;
  const { data } = TaskBatchSchema.safeParse(write.data);
  return data?.endedAt === null ? undefined : data;
}
