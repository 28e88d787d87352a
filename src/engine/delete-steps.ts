import { messageOf } from "../core/errors.ts";
import { type Execution, stepsOfKey } from "../core/execution.ts";
import type { DocumentStore, SyncMark } from "../ports/store.ts";
import { deleteWhere } from "./delete-documents.ts";
import type { Dependencies } from "./dependencies.ts";
import { insist } from "./insist.ts";

/** Deletes the steps that belong to a generation of a key. */
export function deleteSteps(
  store: DocumentStore,
  execution: Pick<Execution, "key" | "generation">,
): Promise<void> {
  return deleteWhere(store, "steps", { field: "scope", equals: stepsOfKey(execution) });
}

/**
 * Deletes the steps of a result that has run out, once somebody else has the key: another call may have been about to go on
 * with them before. Never throws: nobody finds them any more, and a task is not to fail for them.
 */
export async function forgetSteps(
  dependencies: Pick<Dependencies, "store" | "logger" | "clock">,
  spent: Pick<Execution, "key" | "generation"> | undefined,
  beforeTaken: SyncMark,
): Promise<void> {
  if (!spent) return;
  const { store, logger } = dependencies;
  try {
    await store.sync(beforeTaken);
    await insist(dependencies, () => deleteSteps(store, spent));
  } catch (error) {
    logger.warn("steps of a result that has run out stay", { key: spent.key, error: messageOf(error) });
  }
}
