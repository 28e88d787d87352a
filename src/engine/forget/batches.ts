import { limits } from "../../core/limits.ts";
import type { DocumentStore, StoredDocument } from "../../ports/store.ts";
import { durably } from "../unit-of-work.ts";

/**
 * Deletes the batches of a lineage: all at once, as long as they fit into a commit, and the one that was asked for with the last
 * of them, so that it can be asked for again. Durable when it returns.
 */
export async function deleteBatches(
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

/** What no answer came to may have been done. */
async function deleteTogether(store: DocumentStore, documents: readonly StoredDocument[]): Promise<void> {
  try {
    await store.commit(documents.map(({ key, version }) => ({ kind: "delete", key, version })));
  } catch (error) {
    const now = await Promise.all(documents.map(({ key }) => store.get(key)));
    if (now.some(({ document }) => document !== undefined)) throw error;
  }
}
