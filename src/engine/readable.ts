import type * as z from "zod";
import { limits } from "../core/limits.ts";
import type { CollectionName } from "../core/records.ts";
import type { Condition, DocumentStore } from "../ports/store.ts";
import { pages } from "./pages.ts";

export interface ReadableDocument<Data> {
  readonly data: Data;
  /** When it was written, by the store's clock, in milliseconds. */
  readonly updateTime: number;
  readonly ageMs: number;
}

/** Gives each document that this version can read, a small page at a time; returns how many it can't. */
export async function forEachReadable<Data>(
  store: DocumentStore,
  collection: CollectionName,
  conditions: readonly Condition[],
  schema: z.ZodType<Data>,
  use: (document: ReadableDocument<Data>) => void,
): Promise<number> {
  let unreadable = 0;
  for await (const { documents, readTime } of pages(store, collection, conditions, limits.largeDocumentsPage))
    for (const { data, updateTime } of documents) {
      const parsed = schema.safeParse(data);
      if (parsed.success) use({ data: parsed.data, updateTime, ageMs: readTime - updateTime });
      else unreadable += 1;
    }
  return unreadable;
}

/** Rows of a list, as many as were asked for; of the others, only the number is kept. */
export class Listing<Row> {
  readonly rows: Row[] = [];
  readonly #limit: number;
  /** Further ones that were not asked for. */
  more = 0;
  /** Documents that this version can't read; they are passed over. */
  unreadable = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(row: Row): void {
    if (this.rows.length < this.#limit) this.rows.push(row);
    else this.more += 1;
  }
}
