import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import type { CollectionName, CollectionSpec } from "../../core/storage/collections.ts";
import type { JsonObject } from "../../core/values/json.ts";
import type { Condition, FieldOrder, QueryOptions, StoredDocument, TimeOrder } from "../../ports/store.ts";
import { ArrayValues } from "./array-values.ts";
import { DocumentOrders } from "./document-orders.ts";
import { createArrayTables } from "./layout.ts";

/** What a commit sets on a document in addition to its data. */
export interface WriteStamp {
  readonly version: number;
  /** By the store's clock, in milliseconds. */
  readonly updateTime: number;
}

/**
 * The table of one collection. Declared fields are columns with an index. The column `arrays` says whether a document
 * has strings in a declared array, so that most updates need not read what they replace. Documents lie in the order of
 * their creation, not of their ids: writes of the same time touch few pages.
 */
export class CollectionTable {
  readonly #database: DatabaseSync;
  readonly #name: CollectionName;
  readonly #spec: CollectionSpec;
  readonly #columns: readonly string[];
  /** The columns that an update writes. */
  readonly #updated: readonly string[];
  /** Also those that an update does not change. */
  readonly #inserted: readonly string[];
  readonly arrays: readonly ArrayValues[];
  readonly #orders: DocumentOrders;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #updateAny: StatementSync;
  readonly #delete: StatementSync;
  readonly #get: StatementSync;
  readonly #getVersion: StatementSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, name: CollectionName, spec: CollectionSpec) {
    this.#database = database;
    this.#name = name;
    this.#spec = spec;
    this.#columns = spec.fields.filter((field) => field !== spec.clusteredBy);
    this.#orders = new DocumentOrders(database, name, spec);
    this.#create();
    this.arrays = spec.arrays.map((array) => new ArrayValues(database, name, array, spec));
    this.#updated = [...this.#columns, ...this.#orders.changedColumns];
    this.#inserted = [...this.#updated, ...this.#orders.fixedColumns];
    const columns = this.#inserted.map((column) => `, "${column}"`).join("");
    const marks = this.#inserted.map(() => ", ?").join("");
    const sets = this.#updated.map((column) => `, "${column}" = ?`).join("");
    this.#insert = database.prepare(
      `INSERT INTO "${name}" (id, version, updated, data, arrays${columns})
       VALUES (?, ?, ?, ?, ?${marks}) ON CONFLICT (id) DO NOTHING`,
    );
    const update = `UPDATE "${name}" SET version = ?, updated = ?, data = ?, arrays = ?${sets}
      WHERE id = ? AND version = ?`;
    this.#update = database.prepare(`${update} AND arrays = 0`);
    this.#updateAny = database.prepare(update);
    this.#delete = database.prepare(`DELETE FROM "${name}" WHERE id = ? AND version = ?`);
    this.#get = database.prepare(`SELECT id, version, updated, data FROM "${name}" WHERE id = ?`);
    this.#getVersion = database.prepare(`SELECT version FROM "${name}" WHERE id = ?`);
  }

  #create(): void {
    const name = this.#name;
    const columns = this.#columns.map((column) => `, "${column}" TEXT`).join("");
    this.#database.exec(`
      CREATE TABLE IF NOT EXISTS "${name}" (
        id TEXT PRIMARY KEY, version INTEGER NOT NULL, updated INTEGER NOT NULL, data TEXT NOT NULL,
        arrays INTEGER NOT NULL${columns}
      ) STRICT;
    `);
    for (const column of this.#columns)
      this.#database.exec(
        `CREATE INDEX IF NOT EXISTS "${name}_${column}" ON "${name}" ("${column}", id) WHERE "${column}" IS NOT NULL`,
      );
    this.#orders.create();
    if (this.#spec.arrays.length > 0) createArrayTables(this.#database, name);
  }

  get(id: string): StoredDocument | undefined {
    const row = this.#get.get(id);
    return row && this.#toDocument(row);
  }

  /** Undefined: there is no such document. */
  version(id: string): number | undefined {
    const row = this.#getVersion.get(id);
    return row && Number(row.version);
  }

  /** Returns false if the document exists. */
  insert(id: string, stamp: WriteStamp, data: JsonObject): boolean {
    const { changes } = this.#insert.run(id, ...this.#values(stamp, data, this.#inserted));
    if (changes === 0) return false;
    this.#addToArrays(id, data);
    this.#orders.add(id, data);
    return true;
  }

  /** Returns false if the document does not have that version. */
  update(id: string, expected: number, stamp: WriteStamp, data: JsonObject): boolean {
    const values = this.#values(stamp, data, this.#updated);
    const updated =
      this.#update.run(...values, id, expected).changes > 0 || this.#updateWithArrays(id, expected, values);
    if (updated) this.#addToArrays(id, data);
    return updated;
  }

  #updateWithArrays(id: string, expected: number, values: readonly SQLInputValue[]): boolean {
    const document = this.get(id);
    if (document?.version !== expected) return false;
    for (const array of this.arrays) array.remove(id, document.data);
    return this.#updateAny.run(...values, id, expected).changes > 0;
  }

  /** Moves update times that a clock ahead of time wrote, so that the documents keep their ages. */
  shiftTimes(now: number, shiftMs: number): void {
    this.#database
      .prepare(`UPDATE "${this.#name}" SET updated = min(?, updated - ?) WHERE updated > ?`)
      .run(now, shiftMs, now);
  }

  /** Returns false if the document does not have that version. */
  delete(id: string, expected: number): boolean {
    const document = this.get(id);
    if (document?.version !== expected) return false;
    for (const array of this.arrays) array.remove(id, document.data);
    this.#orders.remove(id, document.data);
    return this.#delete.run(id, expected).changes > 0;
  }

  count(condition: Condition): number {
    const array = this.#arrayOf(condition.field);
    if (array) return array.count(condition.equals);
    const statement = this.#statement("SELECT count(*) AS n", [condition], "");
    return Number(statement.get(...this.#bindValues([condition]))?.n);
  }

  query(conditions: readonly Condition[], options: QueryOptions): StoredDocument[] {
    const statement = this.#statement(
      "SELECT id, version, updated, data",
      conditions,
      "AND id > ? ORDER BY id LIMIT ?",
    );
    return statement
      .all(...this.#bindValues(conditions), options.startAfter ?? "", options.limit)
      .map((row) => this.#toDocument(row));
  }

  newest(conditions: readonly Condition[], order: TimeOrder, limit: number): StoredDocument[] {
    return this.#orders.newest(conditions, order, limit).map((row) => this.#toDocument(row));
  }

  inOrder(order: FieldOrder, limit: number): StoredDocument[] {
    return this.#orders.inOrder(order, limit).map((row) => this.#toDocument(row));
  }

  #statement(select: string, conditions: readonly Condition[], rest: string): StatementSync {
    const where = ["1 = 1", ...conditions.map((condition) => this.#whereClause(condition))].join(" AND ");
    const sql = `${select} FROM "${this.#name}" WHERE ${where} ${rest}`;
    const found = this.#prepared.get(sql);
    if (found) return found;
    const prepared = this.#database.prepare(sql);
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  #whereClause({ field, equals }: Condition): string {
    if (field === this.#spec.clusteredBy) return "id >= ? || '/' AND id < ? || '0'";
    if (this.#columns.includes(field)) return `"${field}" = ?`;
    const array = this.#arrayOf(field);
    if (!array) throw new TypeError(`"${field}" is not a declared field of ${this.#name}`);
    if (!array.isQueried(equals)) throw new TypeError(`${this.#name} are only counted by "${equals}"`);
    return array.condition;
  }

  #bindValues(conditions: readonly Condition[]): string[] {
    return conditions.flatMap(({ field, equals }) =>
      field === this.#spec.clusteredBy ? [equals, equals] : [equals],
    );
  }

  #arrayOf(field: string): ArrayValues | undefined {
    return this.arrays.find(({ array }) => array === field);
  }

  #values(
    { version, updateTime }: WriteStamp,
    data: JsonObject,
    columns: readonly string[],
  ): SQLInputValue[] {
    const hasArrays = this.arrays.some((array) => array.isIn(data));
    const values: SQLInputValue[] = [version, updateTime, JSON.stringify(data), hasArrays ? 1 : 0];
    for (const column of columns) values.push(this.#orders.valueOf(column, data));
    return values;
  }

  #addToArrays(id: string, data: JsonObject): void {
    for (const array of this.arrays) array.add(id, data);
  }

  #toDocument({ id, version, updated, data }: Record<string, SQLOutputValue>): StoredDocument {
    return {
      key: { collection: this.#name, id: String(id) },
      data: JSON.parse(String(data)),
      version: Number(version),
      updateTime: Number(updated),
    };
  }
}
