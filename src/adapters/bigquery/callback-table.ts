import {
  type ArchiveColumn,
  archiveColumns,
  archiveKeyProblem,
  isArchiveColumn,
} from "../../core/archive-key.ts";
import { refusal } from "./errors.ts";
import { quoteTable, type Table } from "./identifiers.ts";
import type { TableSchema } from "./jobs.ts";
import { checkColumns, namesOf } from "./schemas.ts";
import type { Session } from "./session.ts";

const types: Readonly<Record<ArchiveColumn, string>> = {
  status: "STRING",
  callback_payload: "JSON",
  created_at: "TIMESTAMP",
  updated_at: "TIMESTAMP",
  event_id: "STRING",
  url: "STRING",
};
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
  const key = columns.filter((column) => !isArchiveColumn(column));
  checkColumns(table, columns, [...key, ...archiveColumns]);
  return { table, qualified: quoteTable(table.reference), key };
}

/** The table with exactly this key, undefined when there is no table. Throws `TABLE_MISMATCH`. */
export async function findKeyedTable(
  session: Session,
  name: string,
  key: readonly string[],
  signal: AbortSignal,
): Promise<CallbackTable | undefined> {
  const problem = archiveKeyProblem(key);
  if (problem !== undefined) throw refusal("TABLE_MISMATCH", problem);
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
    fields: [
      ...key.map((name) => ({ name, type: "STRING" })),
      ...archiveColumns.map((name) => ({ name, type: types[name] })),
    ],
  };
  const properties = {
    schema,
    timePartitioning: { type: "DAY", field: "created_at" },
    clustering: { fields: key.slice(0, clusterColumns) },
  };
  await session.tables.ensure(table.reference, properties, signal);
  return { table, qualified: quoteTable(table.reference), key };
}
