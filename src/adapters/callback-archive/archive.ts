import { createHash } from "node:crypto";
import * as z from "zod";
import {
  type ArchiveColumn,
  archiveColumns,
  archiveKeyProblem,
  isArchiveColumn,
} from "../../core/callback.ts";
import type { ErrorCode } from "../../core/errors/error-catalog.ts";
import { TaskError } from "../../core/errors/errors.ts";
import { type JsonValue, wholeCharacterJson } from "../../core/values/json.ts";
import { columnsProblem } from "../../core/values/text.ts";
import type { ArchivedCallback, CallbackArchive, CallbackCondition } from "../../ports/callbacks.ts";
import type { NewTable, Row, WarehouseTable, WarehouseTables } from "../../ports/warehouse.ts";
import { ArchiveSql } from "./sql.ts";

type Key = ArchivedCallback["key"];

const columnTypes: Readonly<Record<ArchiveColumn, "text" | "json" | "timestamp">> = {
  status: "text",
  callback_payload: "json",
  created_at: "timestamp",
  updated_at: "timestamp",
  event_id: "text",
  url: "text",
};

const RowSchema = z.looseObject({
  status: z.string(),
  callback_payload: z.string(),
  created_at: z.number(),
  event_id: z.string(),
  url: z.string(),
});

interface ArchiveTable {
  readonly table: WarehouseTable;
  /** The names of the key columns, in the order of the table. */
  readonly key: readonly string[];
  readonly sql: ArchiveSql;
}

/** Archives callbacks in tables of the warehouse. */
export class WarehouseCallbackArchive implements CallbackArchive {
  readonly #tables: WarehouseTables;

  constructor(tables: WarehouseTables) {
    this.#tables = tables;
  }

  async store(name: string, callback: ArchivedCallback): Promise<void> {
    const { key, status, payload, createdAt, eventId, url } = callback;
    const { table, sql } = await this.#ensure(name, Object.keys(key));
    const content = createHash("sha256").update(JSON.stringify(callback)).digest("hex");
    await this.#tables.write({
      // The id holds the event, so that an earlier event that is stored again does not replace a later one.
      id: `callback/${table.sql}/${eventId}/${content}`,
      table: name,
      sql: sql.merge(key),
      parameters: {
        ...keyParameters(key),
        status,
        payload: wholeCharacterJson(payload),
        createdMs: createdAt,
        eventId,
        url,
      },
    });
  }

  async get(name: string, key: Key): Promise<ArchivedCallback | undefined> {
    const found = await this.#findKeyed(name, Object.keys(key));
    if (!found) return undefined;
    const [callback] = await this.#read(found, found.sql.selectKey(key), keyParameters(key), 1);
    return callback;
  }

  async find(
    name: string,
    condition: CallbackCondition,
    limit: number,
  ): Promise<readonly ArchivedCallback[]> {
    const found = await this.#find(name);
    if (!found) return [];
    if ("where" in condition)
      return this.#read(found, found.sql.selectWhere(condition.where, limit), {}, limit);
    const { equals } = condition;
    assertFields(found, Object.keys(equals));
    const where = found.sql.equals(Object.keys(equals));
    const parameters = numberedParameters("value", Object.values(equals));
    return this.#read(found, found.sql.selectWhere(where, limit), parameters, limit);
  }

  async #read(
    found: ArchiveTable,
    sql: string,
    parameters: Readonly<Record<string, string | null>>,
    limit: number,
  ): Promise<readonly ArchivedCallback[]> {
    const { signal } = new AbortController();
    const rows = await this.#tables.rows(sql, parameters, limit, signal);
    return rows.map((row) => toCallback(found, row));
  }

  /** The table of callbacks with this name; undefined if it does not exist. Throws `TABLE_MISMATCH`. */
  async #find(name: string): Promise<ArchiveTable | undefined> {
    const table = await this.#tables.findTable(name);
    if (!table) return undefined;
    const key = table.columns.filter((column) => !isArchiveColumn(column));
    assertColumns(table, table.columns, [...key, ...archiveColumns]);
    return toArchiveTable(table, key);
  }

  /** The table, which must have exactly this key; undefined if it does not exist. Throws `TABLE_MISMATCH`. */
  async #findKeyed(name: string, key: readonly string[]): Promise<ArchiveTable | undefined> {
    const problem = archiveKeyProblem(key);
    if (problem !== undefined) throw permanentError("TABLE_MISMATCH", problem);
    const found = await this.#find(name);
    if (found) assertColumns(found.table, found.key, key);
    return found;
  }

  /** Creates a missing table, with partitions by day and clusters by key, so that searches read little data. */
  async #ensure(name: string, key: readonly string[]): Promise<ArchiveTable> {
    const found = await this.#findKeyed(name, key);
    if (found) return found;
    const columns: NewTable["columns"] = [
      ...key.map((column) => ({ name: column, type: "text" as const })),
      ...archiveColumns.map((column) => ({ name: column, type: columnTypes[column] })),
    ];
    const table = await this.#tables.createTable(name, {
      columns,
      partitionBy: "created_at",
      clusterBy: key,
    });
    return toArchiveTable(table, key);
  }
}

function toArchiveTable(table: WarehouseTable, key: readonly string[]): ArchiveTable {
  return { table, key, sql: new ArchiveSql(table, key) };
}

function assertColumns(
  { name }: WarehouseTable,
  existing: readonly string[],
  expected: readonly string[],
): void {
  const problem = columnsProblem(existing, expected);
  if (problem !== undefined)
    throw permanentError("TABLE_MISMATCH", `The columns do not fit table ${name}; ${problem}`);
}

function assertFields({ table, key }: ArchiveTable, fields: readonly string[]): void {
  const names = [...key, ...archiveColumns];
  const unknown = fields.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw permanentError(
      "SQL_FAILED",
      `Table ${table.name} has no column ${unknown.join(", ")}; it has ${names.join(", ")}`,
    );
}

/** Throws `TABLE_MISMATCH` for a row of another program with an empty column. */
function toCallback({ table, key }: ArchiveTable, row: Row): ArchivedCallback {
  const parsed = RowSchema.safeParse(row);
  const keys = z
    .record(z.string(), z.string().nullable())
    .safeParse(Object.fromEntries(key.map((name) => [name, row[name]])));
  if (!parsed.success || !keys.success)
    throw permanentError("TABLE_MISMATCH", `A row of ${table.name} is not a callback: a column is empty`);
  const { status, callback_payload, created_at, event_id, url } = parsed.data;
  const payload: JsonValue = JSON.parse(callback_payload);
  return { eventId: event_id, key: keys.data, status, payload, url, createdAt: created_at };
}

function keyParameters(key: Key): Record<string, string | null> {
  return numberedParameters("key", Object.values(key));
}

function numberedParameters<Value>(name: string, values: readonly Value[]): Record<string, Value> {
  return Object.fromEntries(values.map((value, index) => [`${name}${index}`, value]));
}

/** A TaskError that is not retried. */
function permanentError(code: ErrorCode, message: string): TaskError {
  return new TaskError(message, { code, retryable: false });
}
