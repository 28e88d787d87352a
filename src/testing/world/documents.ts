import { type CollectionName, collections, listedField } from "../../core/storage/collections.ts";
import type { JsonValue } from "../../core/values/json.ts";
import {
  type CommitResult,
  type Condition,
  ConflictError,
  type DocumentKey,
  type QueryOptions,
  type StoredDocument,
  type TimeOrder,
  type Write,
} from "../../ports/store.ts";

/** One document before and after a commit. */
export interface Change {
  readonly key: DocumentKey;
  readonly before: StoredDocument | undefined;
  readonly after: StoredDocument | undefined;
}

/** Documents as Firestore keeps them: atomic commits, unchanged versions for writes without effect, no stale reads. */
export class Documents {
  readonly #collections = new Map<CollectionName, Map<string, StoredDocument>>();
  #versions = 0;

  get({ collection, id }: DocumentKey): StoredDocument | undefined {
    return this.#collections.get(collection)?.get(id);
  }

  all(collection: CollectionName): StoredDocument[] {
    return [...(this.#collections.get(collection)?.values() ?? [])];
  }

  /** Throws ConflictError, and has changed nothing then. */
  commit(
    writes: readonly Write[],
    now: number,
  ): { readonly committed: CommitResult; readonly changes: Change[] } {
    const version = String(++this.#versions);
    const changes: Change[] = [];
    try {
      for (const write of writes) changes.push(this.#apply(write, version, now));
    } catch (error) {
      for (const { key, before } of changes.toReversed()) this.#put(key, before);
      throw error;
    }
    const written = changes.at(-1)?.after;
    return {
      committed: { version: written?.version ?? version, commitTime: written?.updateTime ?? now },
      changes,
    };
  }

  query(
    collection: CollectionName,
    conditions: readonly Condition[],
    { limit, startAfter }: QueryOptions,
  ): StoredDocument[] {
    return this.all(collection)
      .filter((document) => startAfter === undefined || document.key.id > startAfter)
      .filter((document) => conditions.every((condition) => holds(document, condition)))
      .sort((one, other) => (one.key.id < other.key.id ? -1 : 1))
      .slice(0, limit);
  }

  newest(
    collection: CollectionName,
    conditions: readonly Condition[],
    { by, from = 0, before = Number.POSITIVE_INFINITY, startAfter }: TimeOrder,
    limit: number,
  ): StoredDocument[] {
    const at = ({ data }: StoredDocument) => Number(data[by]);
    const isAfter = (document: StoredDocument) =>
      startAfter === undefined ||
      at(document) < startAfter.at ||
      (at(document) === startAfter.at && document.key.id < startAfter.id);
    return this.all(collection)
      .filter(({ data }) => typeof data[by] === "number")
      .filter((document) => at(document) >= from && at(document) < before && isAfter(document))
      .filter(({ data }) =>
        conditions.every(({ field, equals }) =>
          matches(listedField(collections[collection], field, data), equals),
        ),
      )
      .sort((one, other) => at(other) - at(one) || (one.key.id < other.key.id ? 1 : -1))
      .slice(0, limit);
  }

  count(collection: CollectionName, condition: Condition): number {
    let found = 0;
    for (const document of this.#collections.get(collection)?.values() ?? [])
      if (holds(document, condition)) found += 1;
    return found;
  }

  #apply(write: Write, version: string, now: number): Change {
    const { key } = write;
    const before = this.get(key);
    const demanded = write.kind === "create" ? undefined : write.version;
    if (before?.version !== demanded)
      throw new ConflictError(`${write.kind} of ${key.collection}/${key.id}: it is not as demanded`);
    const after = write.kind === "delete" ? undefined : written(before, key, write.data, version, now);
    this.#put(key, after);
    return { key, before, after };
  }

  #put(key: DocumentKey, document: StoredDocument | undefined): void {
    const found = this.#collections.get(key.collection);
    const collection = found ?? new Map<string, StoredDocument>();
    if (!found) this.#collections.set(key.collection, collection);
    if (document) collection.set(key.id, document);
    else collection.delete(key.id);
  }
}

function written(
  before: StoredDocument | undefined,
  key: DocumentKey,
  data: StoredDocument["data"],
  version: string,
  now: number,
): StoredDocument {
  const text = JSON.stringify(data);
  if (before && JSON.stringify(before.data) === text) return before;
  return { key, data: JSON.parse(text), version, updateTime: now };
}

function holds({ data }: StoredDocument, { field, equals }: Condition): boolean {
  return matches(data[field], equals);
}

function matches(value: JsonValue | readonly string[] | undefined, equals: string): boolean {
  return Array.isArray(value) ? value.includes(equals) : value === equals;
}
