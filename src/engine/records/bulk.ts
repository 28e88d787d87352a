import { limits } from "../../core/limits.ts";
import type { CollectionName } from "../../core/storage/collections.ts";
import type { ObjectPrefix, ObjectStore } from "../../ports/objects.ts";
import { type Condition, ConflictError, type DocumentStore, type StoredDocument } from "../../ports/store.ts";

/**
 * Runs `work` for each item, at most `limits.parallelRequests` at a time. After an error no further item is started,
 * and the error is thrown when all running items have finished.
 */
export async function withBoundedConcurrency<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = [...items].entries();
  let hasFailed = false;
  const worker = async () => {
    // All workers share one iterator.
    for (const [index, item] of left) {
      if (hasFailed) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: limits.parallelRequests }, worker));
  for (const outcome of workers) if (outcome.status === "rejected") throw outcome.reason;
  return results;
}

/** Deletes all documents that match the condition, also those that are written meanwhile. */
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

/**
 * At most `writesPerCommit` documents. False: written since it was read, and not deleted. Throws other errors of the
 * store.
 */
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

export async function countObjects(objects: ObjectStore, prefix: ObjectPrefix): Promise<number> {
  let counted = 0;
  for await (const page of objectPages(objects, prefix)) counted += page.length;
  return counted;
}

/** Removes all objects with the prefix, including overwritten generations. */
export async function removeObjects(objects: ObjectStore, prefix: ObjectPrefix): Promise<void> {
  for await (const page of objectPages(objects, prefix))
    await withBoundedConcurrency(page, (listed) => objects.remove(listed));
}

async function* objectPages(objects: ObjectStore, prefix: ObjectPrefix) {
  let after: string | undefined;
  do {
    const options = { limit: limits.queryPage, ...(after !== undefined && { after }) };
    const page = await objects.list(prefix, options);
    yield page.objects;
    after = page.next;
  } while (after !== undefined);
}
