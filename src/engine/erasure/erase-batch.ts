import { BatonError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { type TaskBatch, TaskBatchSchema } from "../../core/records.ts";
import { type BatchSummary, batchSummary } from "../../core/views/views.ts";
import type { DocumentStore, StoredDocument } from "../../ports/store.ts";
import type { DeadLetters } from "../dead-letters.ts";
import type { Ports } from "../dependencies.ts";
import type { Batches } from "../records/batches.ts";
import { deleteWhere, removeObjects, withBoundedConcurrency } from "../records/bulk.ts";
import { durably } from "../records/commit.ts";
import { pages } from "../records/records.ts";
import type { TaskLogs } from "../records/task-logs.ts";
import { DeadLetterErasure, type FoundLetters } from "./erase-dead-letters.ts";
import { KeyErasure } from "./erase-keys.ts";
import { DataInventory, objectPrefixes, type StoredData, stepScope } from "./inventory.ts";

/**
 * Deletes the batch documents of a lineage, in one commit if they fit. The named batch is in the last commit, so that
 * an interrupted erasure can be repeated by its id. Durable when it returns.
 */
async function deleteBatches(
  store: DocumentStore,
  batchId: string,
  documents: readonly StoredDocument[],
): Promise<void> {
  const last = documents.filter(({ key }) => key.id === batchId);
  const ordered = [...documents.filter(({ key }) => key.id !== batchId), ...last];
  await durably(store, async () => {
    for (let first = 0; first < ordered.length; first += limits.writesPerCommit)
      await deleteTogether(store, ordered.slice(first, first + limits.writesPerCommit));
  });
}

/** After an error the delete may still have been applied. */
async function deleteTogether(store: DocumentStore, documents: readonly StoredDocument[]): Promise<void> {
  try {
    await store.commit(documents.map(({ key, version }) => ({ kind: "delete", key, version })));
  } catch (error) {
    const now = await Promise.all(documents.map(({ key }) => store.get(key)));
    if (now.some(({ document }) => document !== undefined)) throw error;
  }
}

export interface ErasureParts extends Ports<"store" | "objects" | "ids" | "clock" | "logger"> {
  readonly batches: Batches;
  readonly logs: TaskLogs;
  readonly deadLetters: DeadLetters;
}

export interface ErasureReport extends StoredData, FoundLetters {
  /** All runs of the lineage, in order. */
  readonly batches: readonly BatchSummary[];
}

interface Run {
  readonly batch: TaskBatch;
  readonly document: StoredDocument;
}

/**
 * Reports what is stored about a batch and all runs of its lineage, which share results. With `isToBeDeleted` it also
 * deletes them, durably. A document is deleted after what is found by it, the batches last, so that an interrupted
 * erasure can be repeated. Throws `BATCH_UNKNOWN`, `BATCH_NOT_FINISHED`, `EXECUTION_LOCKED`. The last two may be thrown
 * after a part is deleted, if a batch is retried or a key is called meanwhile.
 */
export async function forgetBatch(
  parts: ErasureParts,
  batchId: string,
  { isToBeDeleted }: { readonly isToBeDeleted: boolean },
): Promise<ErasureReport> {
  const runs = await endedRuns(parts, batchId);
  const batches = runs.map(({ batch }) => batch);
  const forgotten = new Set(batches.map((batch) => batch.batchId));
  const keys = new KeyErasure(parts, forgotten);
  const letters = new DeadLetterErasure(parts, parts.deadLetters, forgotten);
  const stored = await new DataInventory(parts, parts.logs, keys).collect(batches);
  const found = await letters.list();
  if (isToBeDeleted) await deleteAll(parts, batchId, { runs, keys, letters });
  return { ...stored, ...found, batches: batches.map(batchSummary) };
}

/** Throws `BATCH_UNKNOWN`, `BATCH_NOT_FINISHED`. */
async function endedRuns({ store, batches }: ErasureParts, batchId: string): Promise<Run[]> {
  const { lineageId } = (await batches.read(batchId)).data;
  const runs: Run[] = [];
  for await (const page of pages(store, "batches", [{ field: "lineageId", equals: lineageId }]))
    for (const document of page.documents)
      runs.push({ batch: TaskBatchSchema.parse(document.data), document });
  const running = runs.filter(({ batch }) => batch.status === "RUNNING");
  if (running.length > 0)
    throw new BatonError(
      "BATCH_NOT_FINISHED",
      `Still running: ${running.map(({ batch }) => batch.batchId).join(", ")}`,
    );
  return runs.sort((one, other) => one.batch.run - other.batch.run);
}

interface ErasurePlan {
  readonly runs: readonly Run[];
  readonly keys: KeyErasure;
  readonly letters: DeadLetterErasure;
}

async function deleteAll(
  parts: ErasureParts,
  batchId: string,
  { runs, keys, letters }: ErasurePlan,
): Promise<void> {
  const { store } = parts;
  const ids = runs.map(({ batch }) => batch.batchId);
  await durably(store, async () => {
    // The TaskLogs name the keys and the scopes of steps, so they are deleted when all else is durably deleted.
    await durably(store, async () => {
      for (const id of ids) await forgetKeys(parts, keys, id);
      await letters.delete();
      for (const id of ids) await deleteBelow(parts, id);
    });
    for (const id of ids) await deleteWhere(store, "taskLogs", { field: "batchId", equals: id });
  });
  const now = await endedRuns(parts, batchId);
  const added = now.filter(({ batch }) => !ids.includes(batch.batchId));
  if (added.length > 0)
    throw new BatonError(
      "BATCH_NOT_FINISHED",
      `Retried meanwhile: ${added.map(({ batch }) => batch.batchId).join(", ")}`,
    );
  await deleteBatches(
    store,
    batchId,
    now.map(({ document }) => document),
  );
}

async function forgetKeys({ logs }: ErasureParts, keys: KeyErasure, batchId: string): Promise<void> {
  for await (const page of logs.pagesOf(batchId)) {
    const named = new Set(page.flatMap(({ log }) => log.key ?? []));
    await withBoundedConcurrency(named, (key) => keys.forget(key));
  }
}

/** Deletes objects, events, callbacks, and steps of tasks without a key. */
async function deleteBelow({ store, objects, logs }: ErasureParts, batchId: string): Promise<void> {
  for (const prefix of objectPrefixes(batchId)) await removeObjects(objects, prefix);
  for await (const page of logs.pagesOf(batchId))
    await withBoundedConcurrency(
      page.flatMap(({ log }) => stepScope(log) ?? []),
      (scope) => deleteWhere(store, "steps", { field: "scope", equals: scope }),
    );
  for (const collection of ["events", "callbacks"] as const)
    await deleteWhere(store, collection, { field: "batchId", equals: batchId });
}
