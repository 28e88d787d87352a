import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { CollectionSpec } from "../../core/storage/collections.ts";
import type { JsonObject } from "../../core/values/json.ts";

/**
 * The strings of one declared array of a collection, by which its documents are counted and queried. A string that is
 * only counted has one row, with the number of documents that have it. A group commit adds up what it changes and
 * writes each number once: the thousand parents of a join change one row, not a thousand. A string that is queried has
 * a row for each document.
 */
export class ArrayValues {
  readonly array: string;
  /** What the open group has changed: it is not in the table yet. */
  readonly #changes = new Map<string, number>();
  readonly #selectCount: StatementSync;
  readonly #addToCount: StatementSync;
  readonly #deleteCount: StatementSync;
  readonly #insertEntry: StatementSync;
  readonly #deleteEntry: StatementSync;
  readonly #countEntries: StatementSync;
  readonly isQueried: (value: string) => boolean;
  /** A condition for documents that have the string that is bound to it. */
  readonly condition: string;

  /** The tables must exist. */
  constructor(database: DatabaseSync, collection: string, array: string, spec: CollectionSpec) {
    this.array = array;
    this.isQueried = spec.isQueried ?? (() => true);
    const [counts, entries] = [`"${collection}_counts"`, `"${collection}_entries"`];
    const hasValue = `array = '${array}' AND value = ?`;
    this.condition = `id IN (SELECT id FROM ${entries} WHERE ${hasValue})`;
    this.#selectCount = database.prepare(`SELECT documents FROM ${counts} WHERE ${hasValue}`);
    this.#addToCount = database.prepare(
      `INSERT INTO ${counts} (array, value, documents) VALUES ('${array}', ?, ?)
       ON CONFLICT DO UPDATE SET documents = documents + excluded.documents`,
    );
    this.#deleteCount = database.prepare(`DELETE FROM ${counts} WHERE ${hasValue} AND documents = 0`);
    this.#insertEntry = database.prepare(
      `INSERT INTO ${entries} (array, value, id) VALUES ('${array}', ?, ?) ON CONFLICT DO NOTHING`,
    );
    this.#deleteEntry = database.prepare(`DELETE FROM ${entries} WHERE ${hasValue} AND id = ?`);
    this.#countEntries = database.prepare(`SELECT count(*) AS documents FROM ${entries} WHERE ${hasValue}`);
  }

  isIn(data: JsonObject): boolean {
    const values = data[this.array];
    return Array.isArray(values) && values.length > 0;
  }

  /** Adds the strings of a document that was written. */
  add(id: string, data: JsonObject): void {
    for (const value of this.#valuesOf(data))
      if (this.isQueried(value)) this.#insertEntry.run(value, id);
      else this.#change(value, 1);
  }

  /** Removes the strings of a document that is replaced or deleted. */
  remove(id: string, data: JsonObject): void {
    for (const value of this.#valuesOf(data))
      if (this.isQueried(value)) this.#deleteEntry.run(value, id);
      else this.#change(value, -1);
  }

  /** How many documents have the string. */
  count(value: string): number {
    if (this.isQueried(value)) return Number(this.#countEntries.get(value)?.documents);
    const stored = Number(this.#selectCount.get(value)?.documents ?? 0);
    return stored + (this.#changes.get(value) ?? 0);
  }

  /** Writes what the open group has changed. */
  writeChanges(): void {
    if (this.#changes.size === 0) return;
    for (const [value, change] of this.#changes) {
      if (change !== 0) this.#addToCount.run(value, change);
      if (change < 0) this.#deleteCount.run(value);
    }
    this.#changes.clear();
  }

  /** Forgets what the open group has changed. */
  dropChanges(): void {
    this.#changes.clear();
  }

  #change(value: string, change: number): void {
    this.#changes.set(value, (this.#changes.get(value) ?? 0) + change);
  }

  /** Each string once. */
  #valuesOf(data: JsonObject): Iterable<string> {
    const values = data[this.array];
    if (!Array.isArray(values)) return [];
    return values.length === 1 ? [String(values[0])] : new Set(values.map(String));
  }
}
