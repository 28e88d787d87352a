import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import {
  type CollectionName,
  type CollectionSpec,
  type ListedSpec,
  listedField,
} from "../../core/storage/collections.ts";
import type { JsonObject } from "../../core/values/json.ts";
import type { Condition, FieldOrder, TimeOrder } from "../../ports/store.ts";

type Row = Record<string, SQLOutputValue>;

/**
 * Reads the documents of a collection in an order. Fields that order documents are columns. Most of them never change,
 * so an update writes neither their columns nor their indexes.
 */
export class DocumentOrders {
  /** Columns that are only written when a document is created. */
  readonly fixedColumns: readonly string[];
  /** Columns that an update writes too. */
  readonly changedColumns: readonly string[];
  readonly #database: DatabaseSync;
  readonly #name: CollectionName;
  readonly #spec: CollectionSpec;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, name: CollectionName, spec: CollectionSpec) {
    this.#database = database;
    this.#name = name;
    this.#spec = spec;
    const { listed, ordered = [], fields } = spec;
    const ofLists = listed ? [listed.group, ...listed.filters, ...listed.times] : [];
    const columns = [...ordered, ...ofLists].filter((column) => !fields.includes(column));
    const changes = (column: string) =>
      listed?.times.includes(column) === true && !listed.fixedTimes.includes(column);
    this.fixedColumns = columns.filter((column) => !changes(column));
    this.changedColumns = columns.filter(changes);
  }

  /** Adds the columns and tables that a file of an earlier version lacks, and fills them from the documents. */
  create(): void {
    const { listed, ordered = [] } = this.#spec;
    const isTime = (column: string) => listed?.times.includes(column) === true;
    const missing = [...this.fixedColumns, ...this.changedColumns].filter((column) => !this.#has(column));
    for (const column of missing)
      this.#database.exec(
        `ALTER TABLE "${this.#name}" ADD COLUMN "${column}" ${isTime(column) ? "INTEGER" : "TEXT"}`,
      );
    const needsTokens = listed !== undefined && !this.#hasTable(this.#tokens);
    if (needsTokens)
      this.#database.exec(`
        CREATE TABLE "${this.#tokens}" (value TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (value, id))
          STRICT, WITHOUT ROWID
      `);
    if (missing.length > 0 || needsTokens) this.#fill(missing, needsTokens);
    for (const column of ordered) this.#createIndex(`by_${column}`, [column], `"${column}" IS NOT NULL`);
    if (listed) this.#createListIndexes(listed);
  }

  /** The value of one of the columns. */
  valueOf(column: string, data: JsonObject): SQLInputValue {
    const value = listedField(this.#spec, column, data);
    return typeof value === "string" || typeof value === "number" ? value : null;
  }

  /** After a document was created. */
  add(id: string, data: JsonObject): void {
    for (const token of this.#tokensOf(data))
      this.#statement(`INSERT INTO "${this.#tokens}" (value, id) VALUES (?, ?) ON CONFLICT DO NOTHING`).run(
        token,
        id,
      );
  }

  /** After a document was deleted. */
  remove(id: string, data: JsonObject): void {
    for (const token of this.#tokensOf(data))
      this.#statement(`DELETE FROM "${this.#tokens}" WHERE value = ? AND id = ?`).run(token, id);
  }

  inOrder({ field, from, direction }: FieldOrder, limit: number): Row[] {
    const [sign, order] = direction === "up" ? [">", "ASC"] : ["<", "DESC"];
    const sql = `${this.#select} WHERE "${field}" ${sign} ? ORDER BY "${field}" ${order} LIMIT ?`;
    return this.#statement(sql).all(from, limit);
  }

  newest(conditions: readonly Condition[], order: TimeOrder, limit: number): Row[] {
    const { by, from, before, startAfter } = order;
    const where = [`"${by}" IS NOT NULL`];
    const values: SQLInputValue[] = [];
    const add = (clause: string, ...bound: SQLInputValue[]) => {
      where.push(clause);
      values.push(...bound);
    };
    for (const { field, equals } of conditions) add(this.#clauseOf(field), equals);
    if (from !== undefined) add(`"${by}" >= ?`, from);
    if (before !== undefined) add(`"${by}" < ?`, before);
    if (startAfter)
      add(
        `("${by}", rowid) < (?, (SELECT rowid FROM "${this.#name}" WHERE id = ?))`,
        startAfter.at,
        startAfter.id,
      );
    const sorted = `ORDER BY "${by}" DESC, rowid DESC`;
    // The inner query reads an index alone, so that documents which are not listed are not read.
    const rows = `SELECT rowid FROM "${this.#name}" WHERE ${where.join(" AND ")} ${sorted} LIMIT ?`;
    return this.#statement(`${this.#select} WHERE rowid IN (${rows}) ${sorted}`).all(...values, limit);
  }

  #clauseOf(field: string): string {
    const { listed } = this.#spec;
    if (field === listed?.tokens) return `id IN (SELECT id FROM "${this.#tokens}" WHERE value = ?)`;
    // The plus keeps SQLite from an index of the filter alone, whose documents it would have to read and sort.
    return `${listed?.filters.includes(field) ? "+" : ""}"${field}" = ?`;
  }

  get #select(): string {
    return `SELECT id, version, updated, data FROM "${this.#name}"`;
  }

  get #tokens(): string {
    return `${this.#name}_${this.#spec.listed?.tokens}`;
  }

  #tokensOf(data: JsonObject): readonly string[] {
    const { listed } = this.#spec;
    const tokens = listed && listedField(this.#spec, listed.tokens, data);
    return Array.isArray(tokens) ? tokens.map(String) : [];
  }

  #createListIndexes({ group, times, filters }: ListedSpec): void {
    for (const time of times) {
      this.#createIndex(`by_${time}`, [time, ...filters], `"${time}" IS NOT NULL`);
      this.#createIndex(`of_${group}_by_${time}`, [group, time, ...filters], `"${time}" IS NOT NULL`);
    }
  }

  #createIndex(suffix: string, columns: readonly string[], condition: string): void {
    const indexed = columns.map((column) => `"${column}"`).join(", ");
    this.#database.exec(
      `CREATE INDEX IF NOT EXISTS "${this.#name}_${suffix}" ON "${this.#name}" (${indexed}) WHERE ${condition}`,
    );
  }

  #fill(columns: readonly string[], withTokens: boolean): void {
    const sets = columns.map((column) => `"${column}" = ?`).join(", ");
    const update =
      columns.length > 0 && this.#database.prepare(`UPDATE "${this.#name}" SET ${sets} WHERE id = ?`);
    for (const row of this.#database.prepare(`SELECT id, data FROM "${this.#name}"`).all()) {
      const [id, data] = [String(row.id), JSON.parse(String(row.data))];
      if (update) update.run(...columns.map((column) => this.valueOf(column, data)), id);
      if (withTokens) this.add(id, data);
    }
  }

  #has(column: string): boolean {
    const sql = "SELECT 1 FROM pragma_table_info(?) WHERE name = ?";
    return this.#database.prepare(sql).get(this.#name, column) !== undefined;
  }

  #hasTable(name: string): boolean {
    return this.#database.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").get(name) !== undefined;
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const prepared = this.#database.prepare(sql);
    this.#prepared.set(sql, prepared);
    return prepared;
  }
}
