import { type ArchiveColumn, archiveColumns } from "../../core/callback.ts";
import type { ArchivedCallback } from "../../ports/callbacks.ts";
import type { WarehouseTable } from "../../ports/warehouse.ts";

type Key = ArchivedCallback["key"];

/** The expressions of one SQL dialect that the archive needs. */
interface Dialect {
  identifier(name: string): string;
  parameter(name: string): string;
  text(column: string): string;
  jsonText(column: string): string;
  milliseconds(column: string): string;
  /** A parameter with JSON text, as JSON. */
  json(parameter: string): string;
  /** A parameter with milliseconds, as a timestamp. */
  time(parameter: string): string;
  readonly now: string;
  /** NULL equals NULL here, as a key may contain NULL. */
  equals(column: string, parameter: string, isNull: boolean): string;
  readonly mergeFrom: string;
}

const duckdb: Dialect = {
  identifier: (name) => `"${name.replaceAll('"', '""')}"`,
  parameter: (name) => `$${name}`,
  text: (column) => `CAST(${column} AS VARCHAR)`,
  jsonText: (column) => `CAST(${column} AS VARCHAR)`,
  milliseconds: (column) => `epoch_ms(${column})`,
  json: (parameter) => parameter,
  time: (parameter) => `epoch_ms(CAST(${parameter} AS BIGINT))`,
  now: "now()",
  equals: (column, parameter) => `${column} IS NOT DISTINCT FROM ${parameter}`,
  mergeFrom: "USING (SELECT 1)",
};

const bigquery: Dialect = {
  identifier: (name) => `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``,
  parameter: (name) => `@${name}`,
  text: (column) => `CAST(${column} AS STRING)`,
  jsonText: (column) => `TO_JSON_STRING(${column})`,
  milliseconds: (column) => `UNIX_MILLIS(${column})`,
  json: (parameter) => `PARSE_JSON(${parameter}, wide_number_mode => 'round')`,
  time: (parameter) => `TIMESTAMP_MILLIS(${parameter})`,
  now: "CURRENT_TIMESTAMP()",
  // Plain comparisons let BigQuery skip blocks of other keys.
  equals: (column, parameter, isNull) =>
    isNull ? `(${column} IS NULL AND ${parameter} IS NULL)` : `${column} = ${parameter}`,
  mergeFrom: "AS kept USING (SELECT 1 AS one) AS incoming",
};

const dialects = { duckdb, bigquery };

/** The SQL of the archive for one table. Columns that are not in `archiveColumns` belong to the key. */
export class ArchiveSql {
  readonly #table: WarehouseTable;
  readonly #key: readonly string[];
  readonly #dialect: Dialect;

  constructor(table: WarehouseTable, key: readonly string[]) {
    this.#table = table;
    this.#key = key;
    this.#dialect = dialects[table.dialect];
  }

  /** Replaces the row of this key by the parameters `key0`…, `status`, `payload`, `createdMs`, `eventId`, `url`. */
  merge(key: Key): string {
    const { identifier, parameter, json, time, now, mergeFrom } = this.#dialect;
    const columns = [...Object.keys(key), ...archiveColumns].map(identifier).join(", ");
    const payload = json(parameter("payload"));
    const values: Readonly<Record<ArchiveColumn, string>> = {
      status: parameter("status"),
      callback_payload: payload,
      created_at: time(parameter("createdMs")),
      updated_at: now,
      event_id: parameter("eventId"),
      url: parameter("url"),
    };
    const updates = archiveColumns
      .filter((name) => name !== "created_at")
      .map((name) => `${name} = ${values[name]}`);
    const inserted = [
      ...Object.keys(key).map((_, index) => parameter(`key${index}`)),
      ...archiveColumns.map((name) => values[name]),
    ];
    return `MERGE INTO ${this.#table.sql} ${mergeFrom} ON ${this.#keyCondition(key)}
WHEN MATCHED THEN UPDATE SET ${updates.join(", ")}
WHEN NOT MATCHED THEN INSERT (${columns}) VALUES (${inserted.join(", ")})`;
  }

  /** Selects the newest row of the key in the parameters `key0`…. Times are milliseconds, all other columns text. */
  selectKey(key: Key): string {
    return `${this.#select()} WHERE ${this.#keyCondition(key)} ORDER BY updated_at DESC LIMIT 1`;
  }

  /** Selects the matching rows, oldest first. */
  selectWhere(condition: string, limit: number): string {
    // On its own line, so that errors point into the given text, and a comment in it ends.
    return `${this.#select()} WHERE (\n${condition}\n) ORDER BY created_at, event_id LIMIT ${limit}`;
  }

  /** The condition that the fields equal the parameters `value0`…. */
  equals(fields: readonly string[]): string {
    const { parameter } = this.#dialect;
    const tests = fields.map((name, index) => `${this.#textColumn(name)} = ${parameter(`value${index}`)}`);
    return ["true", ...tests].join(" AND ");
  }

  #textColumn(name: string): string {
    const { identifier, jsonText, text } = this.#dialect;
    return name.toLowerCase() === "callback_payload" ? jsonText(identifier(name)) : text(identifier(name));
  }

  #select(): string {
    const { identifier, milliseconds } = this.#dialect;
    const texts = [...this.#key, "status", "callback_payload"];
    const columns = [
      ...texts.map((name) => `${this.#textColumn(name)} AS ${identifier(name)}`),
      `${milliseconds("created_at")} AS created_at`,
      "event_id",
      "url",
    ];
    return `SELECT ${columns.join(", ")} FROM ${this.#table.sql}`;
  }

  #keyCondition(key: Key): string {
    const { identifier, parameter, equals } = this.#dialect;
    return Object.entries(key)
      .map(([name, value], index) => equals(identifier(name), parameter(`key${index}`), value === null))
      .join(" AND ");
  }
}
