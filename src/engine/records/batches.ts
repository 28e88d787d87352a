import { decisiveRun } from "../../core/batch.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import type { TaskBatch } from "../../core/records.ts";
import { isPastRetention } from "../../core/storage/expiry.ts";
import { RecentMap } from "../../core/values/recent-map.ts";
import type { Graph, Join } from "../../core/workflow/graph.ts";
import type { DocumentStore, MaybePromise, SyncMark } from "../../ports/store.ts";
import type { CommitOutcome } from "./commit.ts";
import type { Definitions } from "./definitions.ts";
import { Records, recordKinds, type Stored } from "./records.ts";

/** What this process knows of a join. */
export interface JoinMemory {
  /**
   * Parents that this process runs now. While one of them runs, the others need not count the join: its worker passes
   * its ending on when it has settled, or when it finds that another worker has ended it.
   */
  running: number;
  /** Children whose start or skip this process has published. */
  dispatched: Set<string> | "all" | undefined;
}

/** What this process knows of the joins of a batch. */
export class JoinMemories {
  readonly #memories = new Map<Join, JoinMemory>();
  /** The store's mark when the first of the dispatched children was published. */
  #dispatchedSince: SyncMark | undefined;

  of(join: Join): JoinMemory {
    const known = this.#memories.get(join);
    if (known) return known;
    const memory = { running: 0, dispatched: undefined };
    this.#memories.set(join, memory);
    return memory;
  }

  /** Counts the parent of these joins as running, or no longer. One parent alone is not counted. */
  countRunning(joins: readonly Join[], change: 1 | -1): void {
    for (const join of joins) if (join.parents.length > 1) this.of(join).running += change;
  }

  /**
   * If the store has undone a write since, it may have been the one that a dispatch followed from: then nothing counts
   * as dispatched.
   */
  forgetUndone(mark: SyncMark): void {
    // mutation: undone-fan-out-is-forgotten
    if (this.#dispatchedSince !== mark) this.#forgetDispatched();
    this.#dispatchedSince = mark;
  }

  #forgetDispatched(): void {
    for (const memory of this.#memories.values()) memory.dispatched = undefined;
  }
}

/** The part of a TaskBatch that never changes, and what this process knows of its joins. */
export interface PinnedBatch {
  readonly batchId: string;
  readonly workflowId: string;
  readonly input: TaskBatch["input"];
  readonly graph: Graph;
  readonly joins: JoinMemories;
}

export class Batches {
  readonly #records: Records<TaskBatch, Pick<TaskBatch, "batchId">>;
  readonly #definitions: Definitions;
  readonly #retentionSeconds: number | undefined;
  readonly #pinned = new RecentMap<string, PinnedBatch>(limits.cachedBatches);

  /** `retentionSeconds`: how long the store keeps documents. Undefined: for ever. */
  constructor(store: DocumentStore, definitions: Definitions, retentionSeconds: number | undefined) {
    this.#records = new Records(store, recordKinds.batch);
    this.#definitions = definitions;
    this.#retentionSeconds = retentionSeconds;
  }

  /** Reads the batch once per process. Throws `BATCH_UNKNOWN`, `BATCH_EXPIRED`. */
  pinned(batchId: string): MaybePromise<PinnedBatch> {
    return this.#pinned.get(batchId) ?? this.#pin(batchId);
  }

  /** Drops what is in memory of a batch that has ended. */
  unpin(batchId: string): void {
    this.#pinned.delete(batchId);
  }

  async #pin(batchId: string): Promise<PinnedBatch> {
    const found = await this.read(batchId);
    const { data: batch } = found;
    if (this.isExpired(found))
      throw new BatonError("BATCH_EXPIRED", `Batch ${batchId} is too old to continue`);
    const graph = await this.#definitions.load(batch.definitionHash);
    // Another message of the batch may have stored it meanwhile.
    return this.#pinned.get(batchId) ?? this.#remember(batch, graph);
  }

  /** Whether the store may have deleted documents of the batch. Then a missing document proves nothing. */
  isExpired({ data, writtenAt, ageMs }: Stored<TaskBatch>): boolean {
    const ageSeconds = (writtenAt + ageMs - data.createdAt) / 1_000;
    return this.#retentionSeconds !== undefined && isPastRetention(ageSeconds, this.#retentionSeconds);
  }

  async create(batch: TaskBatch, graph: Graph): Promise<CommitOutcome> {
    const outcome = await this.#records.create(batch);
    // mutation: batch-keeps-its-definition
    if (outcome.kind === "won") this.#remember(batch, graph);
    return outcome;
  }

  /** Throws `BATCH_UNKNOWN`. */
  async read(batchId: string): Promise<Stored<TaskBatch>> {
    return required(batchId, await this.find(batchId));
  }

  find(batchId: string): Promise<Stored<TaskBatch> | undefined> {
    return this.#records.read({ batchId });
  }

  /** The run that represents the lineage for its start key. Only a failed or cancelled batch can have been retried. */
  async answering(batch: TaskBatch): Promise<TaskBatch> {
    if (batch.status !== "ERROR" && batch.status !== "CANCELLED") return batch;
    const runs = [batch];
    const ofLineage = [{ field: "lineageId", equals: batch.lineageId }];
    await this.#records.eachReadable(ofLineage, ({ data }) => {
      runs.push(data);
    });
    return decisiveRun(runs) ?? batch;
  }

  /**
   * Changes the batch. `change` returns the fields to write, or undefined to write nothing; it runs again after a
   * version conflict. Throws `BATCH_UNKNOWN`.
   */
  async update(
    batchId: string,
    nonce: () => string,
    change: (batch: TaskBatch) => Promise<Partial<TaskBatch> | undefined>,
  ): Promise<TaskBatch> {
    const { before, after } = await this.#records.update({ batchId }, async (found) => {
      const batch = required(batchId, found).data;
      const changed = await change(batch);
      return changed && { ...batch, ...changed, nonce: nonce() };
    });
    return after ?? required(batchId, before).data;
  }

  #remember(batch: TaskBatch, graph: Graph): PinnedBatch {
    const { batchId, workflowId, input } = batch;
    const pinned: PinnedBatch = { batchId, workflowId, input, graph, joins: new JoinMemories() };
    this.#pinned.set(batchId, pinned);
    return pinned;
  }
}

function required(batchId: string, found: Stored<TaskBatch> | undefined): Stored<TaskBatch> {
  if (!found) throw new BatonError("BATCH_UNKNOWN", `There is no batch ${batchId}`);
  return found;
}
