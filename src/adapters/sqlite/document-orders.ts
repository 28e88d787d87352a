import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { CollectionName, CollectionSpec } from "../../core/storage/collections.ts";
import type { Condition, Order } from "../../ports/store.ts";

/**
 * Reads the documents of a collection in an order. Their row ids are the order of their creation. The fields that order
 * documents never change, so an update writes neither their columns nor their indexes.
 */
export class DocumentOrders {
  readonly columns: readonly string[];
  readonly #database: DatabaseSync;
  readonly #name: CollectionName;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, name: CollectionName, { ordered = [] }: CollectionSpec) {
    this.#database = database;
    this.#name = name;
    this.columns = ordered;
  }

  /** Adds the columns that a file of an earlier version lacks, and fills them from the documents. */
  createColumns(): void {
    const name = this.#name;
    const rows = this.#database.prepare("SELECT name FROM pragma_table_info(?)").all(name);
    const existing = new Set(rows.map((row) => row.name));
    for (const column of this.columns) {
      if (!existing.has(column)) {
        this.#database.exec(`ALTER TABLE "${name}" ADD COLUMN "${column}" TEXT`);
        this.#database.exec(`UPDATE "${name}" SET "${column}" = data ->> '$.${column}'`);
      }
      this.#database.exec(
        `CREATE INDEX IF NOT EXISTS "${name}_by_${column}" ON "${name}" ("${column}") WHERE "${column}" IS NOT NULL`,
      );
    }
  }

  /** `conditions` are on columns of the table. */
  rows(conditions: readonly Condition[], order: Order, limit: number): Record<string, SQLOutputValue>[] {
    const where = conditions.map(({ field }) => `"${field}" = ? AND `).join("");
    const values = conditions.map(({ equals }) => equals);
    const table = `"${this.#name}"`;
    const select = `SELECT id, version, updated, data FROM ${table} WHERE`;
    if (order.by === "field") {
      const [sign, direction] = order.direction === "up" ? [">", "ASC"] : ["<", "DESC"];
      const { field } = order;
      const sql = `${select} ${where} "${field}" ${sign} ? ORDER BY "${field}" ${direction} LIMIT ?`;
      return this.#statement(sql).all(...values, order.from, limit);
    }
    const { startAfter } = order;
    const from = startAfter === undefined ? "1 = 1" : `rowid < (SELECT rowid FROM ${table} WHERE id = ?)`;
    if (startAfter !== undefined) values.push(startAfter);
    // The inner query reads an index alone, so that a condition that most documents meet costs little.
    const rows = `SELECT rowid FROM ${table} WHERE ${where} ${from} ORDER BY rowid DESC LIMIT ?`;
    const sql = `${select} rowid IN (${rows}) ORDER BY rowid DESC`;
    return this.#statement(sql).all(...values, limit);
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const prepared = this.#database.prepare(sql);
    this.#prepared.set(sql, prepared);
    return prepared;
  }
}
