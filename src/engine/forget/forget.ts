import { BatonError } from "../../core/errors.ts";
import { type TaskBatch, TaskBatchSchema } from "../../core/records.ts";
import { type BatchSummary, batchSummary } from "../../core/views.ts";
import type { StoredDocument } from "../../ports/store.ts";
import type { Batches } from "../batches.ts";
import type { DeadLetters } from "../dead-letters.ts";
import { deleteWhere } from "../delete-documents.ts";
import type { Dependencies } from "../dependencies.ts";
import { pages } from "../records.ts";
import { someAtATime } from "../some-at-a-time.ts";
import type { TaskLogs } from "../task-logs.ts";
import { durably } from "../unit-of-work.ts";
import { deleteBatches } from "./batches.ts";
import { ForgottenLetters, type FoundLetters } from "./dead-letters.ts";
import { ForgottenKeys } from "./keys.ts";
import { removeObjects } from "./objects.ts";
import { type Holdings, objectPrefixes, ownScope, Survey } from "./survey.ts";

interface Parts {
  readonly dependencies: Dependencies;
  readonly batches: Batches;
  readonly logs: TaskLogs;
  readonly deadLetters: DeadLetters;
}

export interface Forgetting extends Holdings, FoundLetters {
  /** All runs of the lineage, the first one first. */
  readonly batches: readonly BatchSummary[];
}

interface Run {
  readonly batch: TaskBatch;
  readonly document: StoredDocument;
}

/**
 * What is stored of a batch and of all runs of its lineage, for a retry has what the run before it had. With `isToBeDeleted` it
 * is gone when this returns. What is found by something else goes before it, the batches last: after a crash it is asked for
 * again, and goes on. Throws `BATCH_UNKNOWN`, `BATCH_NOT_FINISHED`, `EXECUTION_LOCKED`; the last two may come when some of it is
 * deleted already, if somebody retries a batch or calls a key meanwhile.
 */
export async function forgetBatch(
  parts: Parts,
  batchId: string,
  { isToBeDeleted }: { readonly isToBeDeleted: boolean },
): Promise<Forgetting> {
  const { dependencies, logs } = parts;
  const runs = await endedRuns(parts, batchId);
  const batches = runs.map(({ batch }) => batch);
  const forgotten = new Set(batches.map((batch) => batch.batchId));
  const keys = new ForgottenKeys(dependencies, forgotten);
  const letters = new ForgottenLetters(dependencies, parts.deadLetters, forgotten);
  const holdings = await new Survey(dependencies, logs, keys).of(batches);
  const found = await letters.list();
  if (isToBeDeleted) await deleteAll(parts, batchId, { runs, keys, letters });
  return { ...holdings, ...found, batches: batches.map(batchSummary) };
}

/** Throws `BATCH_UNKNOWN`, `BATCH_NOT_FINISHED`. */
async function endedRuns({ dependencies, batches }: Parts, batchId: string): Promise<Run[]> {
  const { lineageId } = (await batches.read(batchId)).data;
  const runs: Run[] = [];
  for await (const page of pages(dependencies.store, "batches", [{ field: "lineageId", equals: lineageId }]))
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

interface Doomed {
  readonly runs: readonly Run[];
  readonly keys: ForgottenKeys;
  readonly letters: ForgottenLetters;
}

async function deleteAll(parts: Parts, batchId: string, { runs, keys, letters }: Doomed): Promise<void> {
  const { store } = parts.dependencies;
  const ids = runs.map(({ batch }) => batch.batchId);
  await durably(store, async () => {
    // The TaskLogs say which keys there are and where steps are: they go when all else is durably gone.
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

async function forgetKeys({ logs }: Parts, keys: ForgottenKeys, batchId: string): Promise<void> {
  for await (const page of logs.pagesOf(batchId)) {
    const named = new Set(page.flatMap(({ log }) => log.key ?? []));
    await someAtATime(named, (key) => keys.forget(key));
  }
}

/** What is found by the id of the batch, and the steps of its tasks. */
async function deleteBelow({ dependencies, logs }: Parts, batchId: string): Promise<void> {
  const { store, objects } = dependencies;
  for (const prefix of objectPrefixes(batchId)) await removeObjects(objects, prefix);
  for await (const page of logs.pagesOf(batchId))
    await someAtATime(
      page.flatMap(({ log }) => ownScope(log) ?? []),
      (scope) => deleteWhere(store, "steps", { field: "scope", equals: scope }),
    );
  for (const collection of ["events", "callbacks"] as const)
    await deleteWhere(store, collection, { field: "batchId", equals: batchId });
}
