import { refusal } from "./errors.ts";
import { quoteTable, type Table } from "./identifiers.ts";
import type { TableSchema } from "./jobs.ts";
import { checkColumns, namesOf } from "./schemas.ts";
import type { Session } from "./session.ts";

/** The columns behind those of the key. */
const callbackFields = [
  { name: "status", type: "STRING" },
  { name: "callback_payload", type: "JSON" },
  { name: "created_at", type: "TIMESTAMP" },
  { name: "updated_at", type: "TIMESTAMP" },
  { name: "event_id", type: "STRING" },
  { name: "url", type: "STRING" },
] as const;
export const callbackColumns: readonly string[] = callbackFields.map(({ name }) => name);
/** Most columns that BigQuery clusters by. */
const clusterColumns = 4;

export interface CallbackTable {
  readonly table: Table;
  /** Its name as SQL. */
  readonly qualified: string;
  /** Names of the key's columns, in their order. */
  readonly key: readonly string[];
}

/** The table of callbacks with this name, undefined when there is none. Throws `TABLE_MISMATCH`. */
export async function findCallbackTable(
  session: Session,
  name: string,
  signal: AbortSignal,
): Promise<CallbackTable | undefined> {
  const table = session.tableOf(name);
  const found = await session.tables.find(table.reference, signal);
  if (!found) return undefined;
  const columns = namesOf(found.schema);
  const key = columns.filter((column) => !isOwn(column));
  checkColumns(table, columns, [...key, ...callbackColumns]);
  return { table, qualified: quoteTable(table.reference), key };
}

/** The table with exactly this key, undefined when there is no table. Throws `TABLE_MISMATCH`. */
export async function findKeyedTable(
  session: Session,
  name: string,
  key: readonly string[],
  signal: AbortSignal,
): Promise<CallbackTable | undefined> {
  checkKeyNames(key);
  const found = await findCallbackTable(session, name, signal);
  if (found) checkColumns(found.table, found.key, key);
  return found;
}

/**
 * Makes the table when it is missing: clustered by the key that rows are looked up by, and divided into days so that a
 * search by `created_at` reads few of them. Throws `TABLE_MISMATCH`.
 */
export async function ensureKeyedTable(
  session: Session,
  name: string,
  key: readonly string[],
  signal: AbortSignal,
): Promise<CallbackTable> {
  const found = await findKeyedTable(session, name, key, signal);
  if (found) return found;
  const table = session.tableOf(name);
  const schema: TableSchema = {
    fields: [...key.map((column) => ({ name: column, type: "STRING" })), ...callbackFields],
  };
  const properties = {
    schema,
    timePartitioning: { type: "DAY", field: "created_at" },
    clustering: { fields: key.slice(0, clusterColumns) },
  };
  await session.tables.ensure(table.reference, properties, signal);
  return { table, qualified: quoteTable(table.reference), key };
}

function checkKeyNames(key: readonly string[]): void {
  if (key.length === 0)
    throw refusal("TABLE_MISMATCH", "A callback is archived by a key of one field or more");
  const wrong = key.filter(
    (name, index) => name === "" || isOwn(name) || isRepeat(name, key.slice(0, index)),
  );
  if (wrong.length > 0)
    throw refusal("TABLE_MISMATCH", `Fields of a callback's key can't be columns: ${wrong.join(", ")}`);
}

function isOwn(name: string): boolean {
  return callbackColumns.includes(name.toLowerCase());
}

function isRepeat(name: string, others: readonly string[]): boolean {
  return others.some((other) => other.toLowerCase() === name.toLowerCase());
}
