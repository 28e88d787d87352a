import { messageOf } from "../core/errors.ts";
import { type Execution, stepsOfKey } from "../core/execution.ts";
import { limits } from "../core/limits.ts";
import type { DocumentStore, StoredDocument, SyncMark } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { insist } from "./insist.ts";
import { pages } from "./pages.ts";

/** Deletes the steps that belong to a generation of a key. */
export async function deleteSteps(
  store: DocumentStore,
  execution: Pick<Execution, "key" | "generation">,
): Promise<void> {
  const scope = stepsOfKey(execution);
  const ofScope = [{ field: "scope", equals: scope }];
  for await (const page of pages(store, "steps", ofScope, limits.largeDocumentsPage))
    await deleteDocuments(store, page.documents);
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

/** A document that was written since it was read stays. */
export async function deleteDocuments(
  store: DocumentStore,
  documents: readonly StoredDocument[],
): Promise<void> {
  for (let first = 0; first < documents.length; first += limits.writesPerCommit)
    await store.commitEach(
      documents
        .slice(first, first + limits.writesPerCommit)
        .map(({ key, version }) => ({ kind: "delete", key, version })),
    );
}
