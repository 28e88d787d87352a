import { type Execution, stepsOfKey } from "../core/execution.ts";
import { limits } from "../core/limits.ts";
import type { DocumentStore, StoredDocument } from "../ports/store.ts";
import { pages } from "./pages.ts";

/** Deletes the steps that belong to a generation of a key. */
export async function deleteSteps(
  store: DocumentStore,
  execution: Pick<Execution, "key" | "generation">,
): Promise<void> {
  const scope = stepsOfKey(execution);
  for await (const page of pages(store, "steps", [{ field: "scope", equals: scope }]))
    await deleteDocuments(store, page.documents);
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
