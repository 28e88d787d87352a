import type { DuckDBValue } from "@duckdb/node-api";
import * as z from "zod";
import type { JsonValue } from "../../core/json.ts";
import type { ArchivedCallback } from "../../ports/callbacks.ts";
import type { CallbackTable } from "./callback-table.ts";
import { refusal } from "./errors.ts";
import { quoteIdentifier } from "./identifiers.ts";

const RowSchema = z.looseObject({
  status: z.string(),
  callback_payload: z.string(),
  created_ms: z.bigint().transform(Number),
  event_id: z.string(),
  url: z.string(),
});

/** What `toCallback` reads. */
export function selectFrom({ key, qualified }: CallbackTable): string {
  const keys = key.map((name) => `CAST(${quoteIdentifier(name)} AS VARCHAR) AS ${quoteIdentifier(name)}`);
  const rest = "status, callback_payload, epoch_ms(created_at) AS created_ms, event_id, url";
  return `SELECT ${keys.join(", ")}, ${rest} FROM ${qualified}`;
}

/** A row that was selected so. Throws `TABLE_MISMATCH` for one that somebody else wrote with something missing. */
export function toCallback(table: CallbackTable, row: Record<string, DuckDBValue>): ArchivedCallback {
  const parsed = RowSchema.safeParse(row);
  const keys = z
    .record(z.string(), z.string().nullable())
    .safeParse(Object.fromEntries(table.key.map((name) => [name, row[name]])));
  if (!parsed.success || !keys.success)
    throw refusal("TABLE_MISMATCH", `A row of ${table.table.name} is not a callback: a column is empty`);
  const { status, callback_payload, created_ms, event_id, url } = parsed.data;
  const payload: JsonValue = JSON.parse(callback_payload);
  return { eventId: event_id, key: keys.data, status, payload, url, createdAt: created_ms };
}
