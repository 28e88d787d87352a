import { createHash, randomUUID } from "node:crypto";
import { archiveColumns } from "../../core/archive-key.ts";
import { wholeCharacterJson } from "../../core/json.ts";
import type { ArchivedCallback, CallbackArchive, CallbackCondition } from "../../ports/callbacks.ts";
import { selectFrom, toCallback } from "./callback-rows.ts";
import { type CallbackTable, ensureKeyedTable, findCallbackTable, findKeyedTable } from "./callback-table.ts";
import { commonFailure, refusal, translated, unavailable } from "./errors.ts";
import { quoteIdentifier } from "./identifiers.ts";
import type { JobConfiguration } from "./jobs.ts";
import type { BigQueryOptions } from "./options.ts";
import { queryParameters } from "./parameters.ts";
import type { RunState } from "./runs.ts";
import { selectRows } from "./select.ts";
import { Session } from "./session.ts";

type Key = ArchivedCallback["key"];
type Values = Record<string, string | number | null>;

/** Callbacks in a table of BigQuery. */
export class BigQueryCallbackArchive implements CallbackArchive {
  readonly #session: Session;

  constructor(options: BigQueryOptions) {
    this.#session = new Session(options);
  }

  async store(name: string, callback: ArchivedCallback): Promise<void> {
    const { signal } = new AbortController();
    const table = await ensureKeyedTable(this.#session, name, Object.keys(callback.key), signal);
    const state = await this.#merge(table, callback, signal);
    if (state.kind === "running") throw unavailable("the callback is still being archived");
    const problem = state.kind === "failed" ? state.job.status.errorResult : undefined;
    if (problem)
      throw (
        commonFailure(problem) ??
        refusal("TABLE_MISMATCH", `The callback does not fit table ${name}: ${problem.message}`)
      );
  }

  async get(name: string, key: Key): Promise<ArchivedCallback | undefined> {
    const { signal } = new AbortController();
    const table = await findKeyedTable(this.#session, name, Object.keys(key), signal);
    if (!table) return undefined;
    const sql = `${selectFrom(table)} WHERE ${sameKey(key)} ORDER BY updated_at DESC LIMIT 1`;
    const [row] = await selectRows(this.#session, { sql, parameters: keyValues(key), signal }, 1);
    return row && toCallback(table, row);
  }

  async find(
    name: string,
    condition: CallbackCondition,
    limit: number,
  ): Promise<readonly ArchivedCallback[]> {
    const { signal } = new AbortController();
    const table = await findCallbackTable(this.#session, name, signal);
    if (!table) return [];
    const { text, parameters } = conditionOf(table, condition);
    // A line of its own, so that errors point into the text as it was given, and a comment in it ends.
    const sql = `${selectFrom(table)} WHERE (\n${text}\n) ORDER BY created_at, event_id LIMIT ${limit}`;
    const rows = await selectRows(this.#session, { sql, parameters, signal }, limit);
    return rows.map((row) => toCallback(table, row));
  }

  /** One job for one event: an earlier event that is stored again can't take the place of a later one. */
  async #merge(table: CallbackTable, callback: ArchivedCallback, signal: AbortSignal): Promise<RunState> {
    const configuration = mergeOf(this.#session, table, callback);
    const content = createHash("sha256").update(JSON.stringify(callback)).digest("hex");
    try {
      return await this.#session.runs.advance({
        id: `callback/${table.qualified}/${callback.eventId}/${content}`,
        attempt: randomUUID(),
        parts: [{ name: "write", configure: async () => configuration }],
        signal,
      });
    } catch (thrown) {
      throw translated("TABLE_MISMATCH", `The callback does not fit table ${table.table.name}`, thrown);
    }
  }
}

function mergeOf(session: Session, table: CallbackTable, callback: ArchivedCallback): JobConfiguration {
  const { key, status, payload, createdAt, eventId, url } = callback;
  const columns = [...Object.keys(key), ...archiveColumns].map(quoteIdentifier).join(", ");
  const keyParameters = Object.keys(key).map((_, index) => `@key${index}`);
  const json = "PARSE_JSON(@payload, wide_number_mode => 'round')";
  const sql = `MERGE INTO ${table.qualified} AS kept USING (SELECT 1 AS one) AS incoming ON ${sameKey(key)}
WHEN MATCHED THEN UPDATE SET status = @status, callback_payload = ${json},
  updated_at = CURRENT_TIMESTAMP(), event_id = @eventId, url = @url
WHEN NOT MATCHED THEN INSERT (${columns})
  VALUES (${keyParameters.join(", ")}, @status, ${json},
    TIMESTAMP_MILLIS(@createdMs), CURRENT_TIMESTAMP(), @eventId, @url)`;
  const values = {
    ...keyValues(key),
    status,
    payload: wholeCharacterJson(payload),
    createdMs: createdAt,
    eventId,
    url,
  };
  return { query: session.queryOf(sql, queryParameters(values)) };
}

/** NULL is a value of a key like any other. Plain comparisons let BigQuery pass over blocks of other keys. */
function sameKey(key: Key): string {
  return Object.entries(key)
    .map(([name, value], index) => {
      const column = quoteIdentifier(name);
      return value === null ? `(${column} IS NULL AND @key${index} IS NULL)` : `${column} = @key${index}`;
    })
    .join(" AND ");
}

function keyValues(key: Key): Values {
  return Object.fromEntries(Object.values(key).map((value, index) => [`key${index}`, value]));
}

function conditionOf(
  table: CallbackTable,
  condition: CallbackCondition,
): { text: string; parameters: Values } {
  if ("where" in condition) return { text: condition.where, parameters: {} };
  const names = [...table.key, ...archiveColumns];
  const fields = Object.entries(condition.equals);
  const unknown = fields.map(([name]) => name).filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw refusal(
      "SQL_FAILED",
      `Table ${table.table.name} has no column ${unknown.join(", ")}; it has ${names.join(", ")}`,
    );
  const tests = fields.map(([name], index) => {
    const column = quoteIdentifier(name);
    const text = name === "callback_payload" ? `TO_JSON_STRING(${column})` : `CAST(${column} AS STRING)`;
    return `${text} = @value${index}`;
  });
  return {
    text: ["true", ...tests].join(" AND "),
    parameters: Object.fromEntries(fields.map(([, value], index) => [`value${index}`, value])),
  };
}
