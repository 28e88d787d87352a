import type { DatabaseSync } from "node:sqlite";
import { type CollectionName, collectionNames, collections } from "../../core/storage/collections.ts";
import {
  andThen,
  atOnce,
  type CommitEachResult,
  type CommitResult,
  type Condition,
  ConflictError,
  type DocumentKey,
  type DocumentStore,
  type FieldOrder,
  type MaybePromise,
  type QueryOptions,
  type QueryResult,
  type Snapshot,
  type SyncMark,
  type TimeOrder,
  type Write,
} from "../../ports/store.ts";
import { CollectionTable, type WriteStamp } from "./collection-table.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { StoreClock } from "./store-clock.ts";

/**
 * The document store on SQLite. A version is the time of its commit in microseconds, raised where needed so that
 * versions increase with every commit of this process and every write of a document, even if the clock is set back.
 */
export class SqliteDocumentStore implements DocumentStore {
  readonly #group: GroupCommit;
  readonly #clock: StoreClock;
  readonly #tables: ReadonlyMap<CollectionName, CollectionTable>;
  #lastVersion = 0;

  constructor(database: DatabaseSync, group: GroupCommit, clock: StoreClock) {
    this.#group = group;
    this.#clock = clock;
    this.#tables = group.writeNow(() => openTables(database));
    group.flush();
    const arrays = [...this.#tables.values()].flatMap(({ arrays }) => arrays);
    group.add({
      beforeCommit() {
        for (const array of arrays) array.writeChanges();
      },
      onRollback() {
        for (const array of arrays) array.dropChanges();
      },
    });
    clock.onSetBack((now, shiftMs) => {
      for (const table of this.#tables.values()) table.shiftTimes(now, shiftMs);
    });
  }

  get({ collection, id }: DocumentKey): MaybePromise<Snapshot> {
    return atOnce(() => {
      const document = this.#group.read(() => this.#table(collection).get(id));
      return { document, readTime: this.#clock.now() };
    });
  }

  commit(writes: readonly Write[]): MaybePromise<CommitResult> {
    return atOnce(() =>
      andThen(
        this.#group.write(() => this.#applyAll(writes)),
        (applied) => {
          // Thrown outside of the group: a version conflict must not roll back the other writes of this turn.
          if ("refused" in applied) throw conflictError(applied.refused);
          return applied;
        },
      ),
    );
  }

  commitEach(writes: readonly Write[]): MaybePromise<readonly CommitEachResult[]> {
    return atOnce(() =>
      this.#group.write(() =>
        writes.map((write): CommitEachResult => {
          const stamp = this.#nextStamp([write]);
          if (this.#apply(write, stamp)) return { ok: true, committed: toCommitResult(stamp) };
          return { ok: false, error: conflictError(write) };
        }),
      ),
    );
  }

  count(collection: CollectionName, condition: Condition): MaybePromise<number> {
    return atOnce(() => this.#group.read(() => this.#table(collection).count(condition)));
  }

  query(
    collection: CollectionName,
    conditions: readonly Condition[],
    options: QueryOptions,
  ): MaybePromise<QueryResult> {
    return atOnce(() => {
      const documents = this.#group.read(() => this.#table(collection).query(conditions, options));
      return { documents, readTime: this.#clock.now() };
    });
  }

  newest(
    collection: CollectionName,
    conditions: readonly Condition[],
    order: TimeOrder,
    limit: number,
  ): MaybePromise<QueryResult> {
    return atOnce(() => {
      const documents = this.#group.read(() => this.#table(collection).newest(conditions, order, limit));
      return { documents, readTime: this.#clock.now() };
    });
  }

  inOrder(collection: CollectionName, order: FieldOrder, limit: number): MaybePromise<QueryResult> {
    return atOnce(() => {
      const documents = this.#group.read(() => this.#table(collection).inOrder(order, limit));
      return { documents, readTime: this.#clock.now() };
    });
  }

  mark(): SyncMark {
    return this.#group.mark();
  }

  sync(since: SyncMark): MaybePromise<void> {
    return this.#group.sync(since);
  }

  /** Applies all writes, or returns the first write whose precondition fails and applies none. */
  #applyAll(writes: readonly Write[]): CommitResult | { readonly refused: Write } {
    const stamp = this.#nextStamp(writes);
    const [first] = writes;
    if (first && writes.length === 1)
      return this.#apply(first, stamp) ? toCommitResult(stamp) : { refused: first };
    const refused = writes.find((write) => !this.#isPreconditionMet(write));
    if (refused) return { refused };
    for (const write of writes) this.#apply(write, stamp);
    return toCommitResult(stamp);
  }

  #nextStamp(writes: readonly Write[]): WriteStamp {
    const updateTime = this.#clock.writeTime();
    let version = Math.max(updateTime * 1_000, this.#lastVersion + 1);
    for (const write of writes)
      if (write.kind !== "create") version = Math.max(version, Number(write.version) + 1);
    this.#lastVersion = version;
    return { version, updateTime };
  }

  #isPreconditionMet(write: Write): boolean {
    const version = this.#table(write.key.collection).version(write.key.id);
    return write.kind === "create" ? version === undefined : version === Number(write.version);
  }

  #apply(write: Write, stamp: WriteStamp): boolean {
    const table = this.#table(write.key.collection);
    switch (write.kind) {
      case "create":
        return table.insert(write.key.id, stamp, write.data);
      case "update":
        return table.update(write.key.id, Number(write.version), stamp, write.data);
      case "delete":
        return table.delete(write.key.id, Number(write.version));
    }
  }

  #table(collection: CollectionName): CollectionTable {
    const table = this.#tables.get(collection);
    if (!table) throw new TypeError(`There is no collection ${collection}`);
    return table;
  }
}

function openTables(database: DatabaseSync): Map<CollectionName, CollectionTable> {
  return new Map(
    collectionNames.map((name) => [name, new CollectionTable(database, name, collections[name])]),
  );
}

function toCommitResult({ version, updateTime }: WriteStamp): CommitResult {
  return { version, commitTime: updateTime };
}

function conflictError(write: Write): ConflictError {
  return new ConflictError(
    `${write.kind} of ${write.key.collection}/${write.key.id}: its condition does not hold`,
  );
}
