import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import type { CollectionName, CollectionSpec } from "../../core/records.ts";
import type { JsonObject } from "../../core/values/json.ts";
import type { Condition, Order, QueryOptions } from "../../ports/store.ts";
import { DocumentOrders } from "./document-orders.ts";

export interface DocumentRow {
  readonly id: string;
  readonly version: number;
  /** When it was written, by the store's clock, in milliseconds. */
  readonly updateTime: number;
  readonly data: string;
}

/** What a commit sets on a document in addition to its data. */
export interface WriteStamp {
  readonly version: number;
  readonly updateTime: number;
}

/**
 * The table of one collection. Declared fields are columns with an index. Each string of a declared array is a row of
 * a side table; the column `arrays` says whether a document has such rows, so that most updates skip that table.
 * Documents lie in the order of their creation, not of their ids: writes of the same time touch few pages.
 */
export class CollectionTable {
  readonly #database: DatabaseSync;
  readonly #name: string;
  readonly #spec: CollectionSpec;
  readonly #columns: readonly string[];
  readonly #orders: DocumentOrders;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #updateAny: StatementSync;
  readonly #delete: StatementSync;
  readonly #get: StatementSync;
  readonly #insertEntry: StatementSync;
  readonly #deleteEntries: StatementSync;
  readonly #countEntries: StatementSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, name: CollectionName, spec: CollectionSpec) {
    this.#database = database;
    this.#name = name;
    this.#spec = spec;
    this.#columns = spec.fields.filter((field) => field !== spec.clusteredBy);
    this.#orders = new DocumentOrders(database, name, spec);
    this.#create();
    const inserted = [...this.#columns, ...this.#orders.columns];
    const columns = inserted.map((column) => `, "${column}"`).join("");
    const marks = inserted.map(() => ", ?").join("");
    const sets = this.#columns.map((column) => `, "${column}" = ?`).join("");
    this.#insert = database.prepare(
      `INSERT INTO "${name}" (id, version, updated, data, arrays${columns}) VALUES (?, ?, ?, ?, ?${marks}) ON CONFLICT (id) DO NOTHING`,
    );
    const update = `UPDATE "${name}" SET version = ?, updated = ?, data = ?, arrays = ?${sets} WHERE id = ? AND version = ?`;
    this.#update = database.prepare(`${update} AND arrays = 0`);
    this.#updateAny = database.prepare(update);
    this.#delete = database.prepare(`DELETE FROM "${name}" WHERE id = ? AND version = ?`);
    this.#get = database.prepare(`SELECT id, version, updated, data FROM "${name}" WHERE id = ?`);
    this.#insertEntry = database.prepare(
      `INSERT INTO "${name}_entries" (field, value, id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
    );
    this.#deleteEntries = database.prepare(
      `DELETE FROM "${name}_entries" WHERE field = ? AND value = ? AND id = ?`,
    );
    this.#countEntries = database.prepare(
      `SELECT count(*) AS n FROM "${name}_entries" WHERE field = ? AND value = ?`,
    );
  }

  #create(): void {
    const name = this.#name;
    const columns = this.#columns.map((column) => `, "${column}" TEXT`).join("");
    this.#database.exec(`
      CREATE TABLE IF NOT EXISTS "${name}" (
        id TEXT PRIMARY KEY, version INTEGER NOT NULL, updated INTEGER NOT NULL, data TEXT NOT NULL, arrays INTEGER NOT NULL${columns}
      ) STRICT;
      CREATE TABLE IF NOT EXISTS "${name}_entries" (
        field TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (field, value, id)
      ) STRICT, WITHOUT ROWID;
    `);
    for (const column of this.#columns)
      this.#database.exec(
        `CREATE INDEX IF NOT EXISTS "${name}_${column}" ON "${name}" ("${column}", id) WHERE "${column}" IS NOT NULL`,
      );
    this.#orders.createColumns();
  }

  get(id: string): DocumentRow | undefined {
    const row = this.#get.get(id);
    return row && toDocumentRow(row);
  }

  /** Returns false if the document exists. */
  insert(id: string, stamp: WriteStamp, data: JsonObject): boolean {
    const entries = this.#arrayEntries(data);
    const { changes } = this.#insert.run(
      id,
      stamp.version,
      stamp.updateTime,
      JSON.stringify(data),
      entries.length > 0 ? 1 : 0,
      ...this.#fieldValues(data),
      ...this.#orders.values(data),
    );
    if (changes === 0) return false;
    for (const [field, value] of entries) this.#insertEntry.run(field, value, id);
    return true;
  }

  /** Returns false if the document does not have that version. */
  update(id: string, expected: number, stamp: WriteStamp, data: JsonObject): boolean {
    const entries = this.#arrayEntries(data);
    const values = [
      stamp.version,
      stamp.updateTime,
      JSON.stringify(data),
      entries.length > 0 ? 1 : 0,
      ...this.#fieldValues(data),
    ];
    const updated =
      this.#update.run(...values, id, expected).changes > 0 || this.#updateWithArrays(id, expected, values);
    if (updated) for (const [field, value] of entries) this.#insertEntry.run(field, value, id);
    return updated;
  }

  #updateWithArrays(id: string, expected: number, values: readonly SQLInputValue[]): boolean {
    const row = this.get(id);
    if (row?.version !== expected) return false;
    this.#deleteArrayEntries(row);
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
    const row = this.get(id);
    if (row?.version !== expected) return false;
    this.#deleteArrayEntries(row);
    return this.#delete.run(id, expected).changes > 0;
  }

  count(condition: Condition): number {
    const row = this.#spec.arrays.includes(condition.field)
      ? this.#countEntries.get(condition.field, condition.equals)
      : this.#statement("SELECT count(*) AS n", [condition], "").get(...this.#bindValues([condition]));
    return Number(row?.n);
  }

  query(conditions: readonly Condition[], options: QueryOptions): DocumentRow[] {
    const statement = this.#statement(
      "SELECT id, version, updated, data",
      conditions,
      "AND id > ? ORDER BY id LIMIT ?",
    );
    return statement
      .all(...this.#bindValues(conditions), options.startAfter ?? "", options.limit)
      .map(toDocumentRow);
  }

  inOrder(conditions: readonly Condition[], order: Order, limit: number): DocumentRow[] {
    return this.#orders.rows(conditions, order, limit).map(toDocumentRow);
  }

  #statement(select: string, conditions: readonly Condition[], rest: string): StatementSync {
    const where = ["1 = 1", ...conditions.map((condition) => this.#whereClause(condition.field))].join(
      " AND ",
    );
    const sql = `${select} FROM "${this.#name}" WHERE ${where} ${rest}`;
    const found = this.#prepared.get(sql);
    if (found) return found;
    const prepared = this.#database.prepare(sql);
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  #whereClause(field: string): string {
    if (field === this.#spec.clusteredBy) return "id >= ? || '/' AND id < ? || '0'";
    if (this.#columns.includes(field)) return `"${field}" = ?`;
    if (this.#spec.arrays.includes(field))
      return `id IN (SELECT id FROM "${this.#name}_entries" WHERE field = '${field}' AND value = ?)`;
    throw new TypeError(`"${field}" is not a declared field of ${this.#name}`);
  }

  #bindValues(conditions: readonly Condition[]): string[] {
    return conditions.flatMap(({ field, equals }) =>
      field === this.#spec.clusteredBy ? [equals, equals] : [equals],
    );
  }

  #fieldValues(data: JsonObject): SQLInputValue[] {
    return this.#columns.map((column) => {
      const value = data[column];
      return typeof value === "string" ? value : null;
    });
  }

  #arrayEntries(data: JsonObject): [field: string, value: string][] {
    return this.#spec.arrays.flatMap((field) => {
      const values = data[field];
      if (!Array.isArray(values)) return [];
      return values.map((value): [string, string] => [field, String(value)]);
    });
  }

  #deleteArrayEntries(row: DocumentRow): void {
    for (const [field, value] of this.#arrayEntries(JSON.parse(row.data)))
      this.#deleteEntries.run(field, value, row.id);
  }
}

function toDocumentRow(row: Record<string, SQLOutputValue>): DocumentRow {
  return {
    id: String(row.id),
    version: Number(row.version),
    updateTime: Number(row.updated),
    data: String(row.data),
  };
}
