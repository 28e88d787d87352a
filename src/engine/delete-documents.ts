import { limits } from "../core/limits.ts";
import type { CollectionName } from "../core/records.ts";
import { type Condition, ConflictError, type DocumentStore, type StoredDocument } from "../ports/store.ts";

/** Deletes all documents that satisfy the condition. One that was written meanwhile is deleted as it then is. */
export async function deleteWhere(
  store: DocumentStore,
  collection: CollectionName,
  condition: Condition,
): Promise<void> {
  const limit = limits.largeDocumentsPage;
  for (let isMore = true; isMore; ) {
    const { documents } = await store.query(collection, [condition], { limit });
    const deleted = await deleteEach(store, documents);
    isMore = documents.length === limit || deleted.includes(false);
  }
}

/** At most `writesPerCommit`. False for those that were written since they were read: they stay. Throws what else the store throws. */
export async function deleteEach(
  store: DocumentStore,
  documents: readonly StoredDocument[],
): Promise<readonly boolean[]> {
  if (documents.length === 0) return [];
  const results = await store.commitEach(
    documents.map(({ key, version }) => ({ kind: "delete", key, version })),
  );
  return results.map((result) => {
    if (!result.ok && !(result.error instanceof ConflictError)) throw result.error;
    return result.ok;
  });
}
