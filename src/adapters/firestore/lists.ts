import type { CollectionReference, FieldPath, Query, QueryDocumentSnapshot } from "@google-cloud/firestore";
import { type CollectionName, type CollectionSpec, collections } from "../../core/storage/collections.ts";
import type { Condition, TimeOrder } from "../../ports/store.ts";
import { shardField, shards, toIndexedText } from "./encoding.ts";
import { documentId } from "./firestore-client.ts";

interface Page {
  readonly documents: readonly QueryDocumentSnapshot[];
  readonly readTime: number;
}

interface ListSource {
  readonly all: CollectionReference;
  readonly collection: CollectionName;
  readonly read: (query: Query) => Promise<Page>;
}

export function withConditions(
  query: Query,
  collection: CollectionName,
  conditions: readonly Condition[],
): Query {
  const { arrays, listed }: CollectionSpec = collections[collection];
  const isList = (field: string) => arrays.includes(field) || listed?.tokens === field;
  return conditions.reduce(
    (filtered, { field, equals }) =>
      filtered.where(field, isList(field) ? "array-contains" : "==", toIndexedText(equals)),
    query,
  );
}

/** Documents beyond an even share that a shard is asked for at first, since the newest are not spread evenly. */
const spareDocuments = 2;

/** One shard of a list. It is read page by page, as far as the list needs it. */
class Shard {
  readonly #query: Query;
  readonly #read: ListSource["read"];
  readonly #perPage: number;
  #documents: QueryDocumentSnapshot[] = [];
  #isAtEnd = false;
  #last: QueryDocumentSnapshot | undefined;
  readTime = 0;

  constructor(query: Query, read: ListSource["read"], perPage: number) {
    this.#query = query;
    this.#read = read;
    this.#perPage = perPage;
  }

  /** Its newest document that is not taken yet. */
  async first(): Promise<QueryDocumentSnapshot | undefined> {
    if (this.#documents.length === 0 && !this.#isAtEnd) await this.#readPage();
    return this.#documents[0];
  }

  take(): void {
    this.#documents.shift();
  }

  async #readPage(): Promise<void> {
    const rest = this.#last ? this.#query.startAfter(this.#last) : this.#query;
    const { documents, readTime } = await this.#read(rest.limit(this.#perPage));
    this.readTime = readTime;
    this.#documents = [...documents];
    this.#last = documents.at(-1);
    this.#isAtEnd = documents.length < this.#perPage;
  }
}

/**
 * The newest documents of a list. An index in the order of a time takes about 500 writes a second, because all go to
 * its end. So each group has its own part of an index, and a list of all groups is kept in shards, which are merged
 * here.
 */
export async function newestOf(
  { all, collection, read }: ListSource,
  conditions: readonly Condition[],
  order: TimeOrder,
  limit: number,
): Promise<Page> {
  const { listed }: CollectionSpec = collections[collection];
  const { FieldPath } = await import("@google-cloud/firestore");
  const idField = FieldPath.documentId();
  const isOfGroup = conditions.some(({ field }) => field === listed?.group);
  const parts = isOfGroup ? [[]] : shards.map((shard) => [{ field: shardField, equals: shard }]);
  const perPage = Math.min(limit, Math.ceil(limit / parts.length) + (isOfGroup ? 0 : spareDocuments));
  const streams = parts.map(
    (part) =>
      new Shard(
        inTimeOrder(withConditions(all, collection, [...part, ...conditions]), order, idField),
        read,
        perPage,
      ),
  );
  const documents: QueryDocumentSnapshot[] = [];
  while (documents.length < limit) {
    const heads = await Promise.all(streams.map((stream) => stream.first()));
    const newest = newestHead(heads, order.by);
    const found = newest === undefined ? undefined : heads[newest];
    if (newest === undefined || !found) break;
    documents.push(found);
    streams[newest]?.take();
  }
  return { documents, readTime: Math.max(...streams.map(({ readTime }) => readTime)) };
}

function newestHead(heads: readonly (QueryDocumentSnapshot | undefined)[], time: string): number | undefined {
  let newest: number | undefined;
  for (const [index, head] of heads.entries()) {
    const best = newest === undefined ? undefined : heads[newest];
    if (head && (!best || isNewer(head, best, time))) newest = index;
  }
  return newest;
}

/** By the time, and by the id where two are equal, as Firestore sorts them. */
function isNewer(one: QueryDocumentSnapshot, other: QueryDocumentSnapshot, time: string): boolean {
  const [left, right] = [Number(one.get(time)), Number(other.get(time))];
  return left > right || (left === right && one.id > other.id);
}

function inTimeOrder(query: Query, { by, from, before, startAfter }: TimeOrder, idField: FieldPath): Query {
  let listed = query;
  if (from !== undefined) listed = listed.where(by, ">=", from);
  if (before !== undefined) listed = listed.where(by, "<", before);
  listed = listed.orderBy(by, "desc").orderBy(idField, "desc");
  return startAfter ? listed.startAfter(startAfter.at, documentId(startAfter.id)) : listed;
}
