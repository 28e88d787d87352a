import { limits } from "../../core/limits.ts";
import type { CollectionName } from "../../core/records.ts";
import type { ObjectPrefix, ObjectStore } from "../../ports/objects.ts";
import { type Condition, ConflictError, type DocumentStore, type StoredDocument } from "../../ports/store.ts";

/** Documents, and objects, that are asked for at the same time. */
const atOnce = 50;

/** Does the work for all of them, some at a time. When it throws, none of it goes on. */
export async function inGroups<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const all = [...items];
  for (let first = 0; first < all.length; first += atOnce)
    throwFirst(await Promise.allSettled(all.slice(first, first + atOnce).map((item) => work(item))));
}

function throwFirst(results: readonly PromiseSettledResult<void>[]): void {
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

/** Deletes all documents that satisfy the condition. One that was written meanwhile is deleted as it then is. */
export async function deleteWhere(
  store: DocumentStore,
  collection: CollectionName,
  condition: Condition,
): Promise<void> {
  for (;;) {
    const { documents } = await store.query(collection, [condition], { limit: limits.taskLogsPage });
    if (documents.length === 0) return;
    await deleteEach(store, documents);
  }
}

/** False for those that were written since they were read: they stay. Throws what else the store throws. */
export async function deleteEach(
  store: DocumentStore,
  documents: readonly StoredDocument[],
): Promise<readonly boolean[]> {
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

/** Removes all objects whose names begin so, with what was overwritten. */
export async function removeObjects(objects: ObjectStore, prefix: ObjectPrefix): Promise<void> {
  for await (const page of objectPages(objects, prefix))
    await inGroups(page, (listed) => objects.remove(listed));
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
