import { messageOf } from "../core/errors.ts";
import { type Execution, stepsOfKey } from "../core/execution.ts";
import type { DocumentStore } from "../ports/store.ts";
import { deleteWhere } from "./delete-documents.ts";
import type { Dependencies } from "./dependencies.ts";
import { insist } from "./insist.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

/** Deletes the steps that belong to a generation of a key. */
export function deleteSteps(
  store: DocumentStore,
  execution: Pick<Execution, "key" | "generation">,
): Promise<void> {
  return deleteWhere(store, "steps", { field: "scope", equals: stepsOfKey(execution) });
}

/**
 * Deletes the steps of a result that has run out, once somebody else has the key: another call may have been about to go on
 * with them before. `unit`: that of the claim of the key. Never throws: nobody finds them any more, and a task is not to fail for them.
 */
export async function forgetSteps(
  dependencies: Pick<Dependencies, "store" | "logger" | "clock">,
  spent: Pick<Execution, "key" | "generation"> | undefined,
  unit: UnitOfWork,
): Promise<void> {
  if (!spent) return;
  const { store, logger } = dependencies;
  try {
    await unit.durable();
    await insist(dependencies, () => deleteSteps(store, spent));
  } catch (error) {
    logger.warn("steps of a result that has run out stay", { key: spent.key, error: messageOf(error) });
  }
}
