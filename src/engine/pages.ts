import { limits } from "../core/limits.ts";
import type { CollectionName } from "../core/records.ts";
import type { Condition, DocumentStore, QueryResult } from "../ports/store.ts";

/** All documents that satisfy the conditions, a page at a time. */
export async function* pages(
  store: DocumentStore,
  collection: CollectionName,
  conditions: readonly Condition[],
  documentsPerPage: number = limits.queryPage,
): AsyncGenerator<QueryResult> {
  let startAfter: string | undefined;
  for (;;) {
    const page: QueryResult = await store.query(collection, conditions, {
      limit: documentsPerPage,
      ...(startAfter !== undefined && { startAfter }),
    });
    yield page;
    if (page.documents.length < documentsPerPage) return;
    startAfter = page.documents.at(-1)?.key.id;
  }
}
