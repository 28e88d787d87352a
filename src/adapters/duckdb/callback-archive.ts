import type { DuckDBValue } from "@duckdb/node-api";
import { archiveColumns } from "../../core/archive-key.ts";
import { messageOf } from "../../core/errors.ts";
import { wholeCharacterJson } from "../../core/json.ts";
import type { ArchivedCallback, CallbackArchive, CallbackCondition } from "../../ports/callbacks.ts";
import { selectFrom, toCallback } from "./callback-rows.ts";
import { type CallbackTable, ensureKeyedTable, findCallbackTable, findKeyedTable } from "./callback-table.ts";
import type { DatabaseFile } from "./database-file.ts";
import { machineFailure, refusal, translated } from "./errors.ts";
import { quoteIdentifier } from "./identifiers.ts";
import { Statements } from "./statements.ts";

type Values = Record<string, DuckDBValue>;
type Key = ArchivedCallback["key"];

/** Callbacks in a table of the warehouse file. */
export class DuckDbCallbackArchive implements CallbackArchive {
  readonly #file: DatabaseFile;

  constructor(file: DatabaseFile) {
    this.#file = file;
  }

  async store(name: string, callback: ArchivedCallback): Promise<void> {
    await this.#use((statements) =>
      statements.transaction(async () => {
        const table = await ensureKeyedTable(statements, name, Object.keys(callback.key));
        await this.#merge(statements, table, callback);
      }),
    );
  }

  async get(name: string, key: Key): Promise<ArchivedCallback | undefined> {
    return this.#use(async (statements) => {
      const table = await findKeyedTable(statements, name, Object.keys(key));
      if (!table) return undefined;
      const sql = `${selectFrom(table)} WHERE ${sameKey(key)} ORDER BY updated_at DESC LIMIT 1`;
      const [row] = await statements.rows(sql, keyValues(key));
      return row && toCallback(table, row);
    });
  }

  async find(
    name: string,
    condition: CallbackCondition,
    limit: number,
  ): Promise<readonly ArchivedCallback[]> {
    const { StatementType } = await import("@duckdb/node-api");
    return this.#use(async (statements) => {
      const table = await findCallbackTable(statements, name);
      if (!table) return [];
      const { text, values } = conditionOf(table, condition);
      // A line of its own, so that errors point into the text as it was given, and a comment in it ends.
      const sql = `${selectFrom(table)} WHERE (\n${text}\n) ORDER BY created_at, event_id LIMIT ${limit}`;
      // Functions could still write, so the database is told not to.
      await statements.run("BEGIN TRANSACTION READ ONLY");
      try {
        if ((await statements.prepare(sql)).statementType !== StatementType.SELECT)
          throw refusal("SQL_FAILED", "Only a condition can stand after WHERE");
        const rows = await statements.rows(sql, values);
        return rows.map((row) => toCallback(table, row));
      } catch (thrown) {
        throw translated("SQL_FAILED", "The condition failed", thrown);
      }
    });
  }

  /** Waits for what is running and lets go of the file. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  async #merge(statements: Statements, table: CallbackTable, callback: ArchivedCallback): Promise<void> {
    const { key, status, payload, createdAt, eventId, url } = callback;
    const incoming: Values = {
      ...keyValues(key),
      status,
      payload: wholeCharacterJson(payload),
      createdMs: createdAt,
      eventId,
      url,
    };
    const columns = [...Object.keys(key), ...archiveColumns];
    const keyParameters = Object.keys(key).map((_, index) => `$key${index}`);
    try {
      await statements.run(
        `MERGE INTO ${table.qualified} USING (SELECT 1) ON ${sameKey(key)}
         WHEN MATCHED THEN UPDATE SET status = $status, callback_payload = $payload,
           updated_at = now(), event_id = $eventId, url = $url
         WHEN NOT MATCHED THEN INSERT (${columns.map(quoteIdentifier).join(", ")})
           VALUES (${keyParameters.join(", ")}, $status, $payload,
             epoch_ms(CAST($createdMs AS BIGINT)), now(), $eventId, $url)`,
        incoming,
      );
    } catch (thrown) {
      // Somebody's task is writing to the same rows: it is over soon.
      if (/conflict/i.test(messageOf(thrown))) throw machineFailure(this.#file.path, thrown);
      throw translated("TABLE_MISMATCH", `The callback does not fit table ${table.table.name}`, thrown);
    }
  }

  async #use<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    const { signal } = new AbortController();
    return this.#file.use(signal, async (connection) => {
      const statements = new Statements(connection, signal);
      await statements.run("SET TimeZone = 'UTC'");
      return work(statements);
    });
  }
}

/** NULL is a value of a key like any other. */
function sameKey(key: Key): string {
  return Object.keys(key)
    .map((name, index) => `${quoteIdentifier(name)} IS NOT DISTINCT FROM $key${index}`)
    .join(" AND ");
}

function keyValues(key: Key): Values {
  return Object.fromEntries(Object.values(key).map((value, index) => [`key${index}`, value]));
}

function conditionOf(table: CallbackTable, condition: CallbackCondition): { text: string; values: Values } {
  if ("where" in condition) return { text: condition.where, values: {} };
  const names = [...table.key, ...archiveColumns];
  const fields = Object.entries(condition.equals);
  const unknown = fields.map(([name]) => name).filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw refusal(
      "SQL_FAILED",
      `Table ${table.table.name} has no column ${unknown.join(", ")}; it has ${names.join(", ")}`,
    );
  const tests = fields.map(([name], index) => `CAST(${quoteIdentifier(name)} AS VARCHAR) = $value${index}`);
  return {
    text: ["true", ...tests].join(" AND "),
    values: Object.fromEntries(fields.map(([, value], index) => [`value${index}`, value])),
  };
}
