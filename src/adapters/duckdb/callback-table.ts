import {
  type ArchiveColumn,
  archiveColumns,
  archiveKeyProblem,
  isArchiveColumn,
} from "../../core/archive-key.ts";
import { checkColumns } from "./destination.ts";
import { refusal } from "./errors.ts";
import { parseTable, quoteIdentifier, type Table } from "./identifiers.ts";
import type { Column, Statements } from "./statements.ts";

const types: Readonly<Record<ArchiveColumn, string>> = {
  status: "VARCHAR",
  callback_payload: "JSON",
  created_at: "TIMESTAMP",
  updated_at: "TIMESTAMP",
  event_id: "VARCHAR",
  url: "VARCHAR",
};
/** The columns behind those of the key. */
const callbackColumns: readonly Column[] = archiveColumns.map((name) => ({ name, type: types[name] }));

export interface CallbackTable {
  readonly table: Table;
  /** Its name as SQL. */
  readonly qualified: string;
  /** Names of the key's columns, in their order. */
  readonly key: readonly string[];
}

/** The table of callbacks with this name, undefined when there is none. Throws `TABLE_MISMATCH`. */
export async function findCallbackTable(
  statements: Statements,
  name: string,
): Promise<CallbackTable | undefined> {
  const table = parseTable(name);
  const columns = await statements.columnsOf(table);
  if (!columns) return undefined;
  const key = columns.map((column) => column.name).filter((column) => !isArchiveColumn(column));
  checkColumns(table, columns, [...key.map((name) => ({ name })), ...callbackColumns]);
  return { table, qualified: await statements.qualified(table), key };
}

/** The table with exactly this key, undefined when there is no table. Throws `TABLE_MISMATCH`. */
export async function findKeyedTable(
  statements: Statements,
  name: string,
  key: readonly string[],
): Promise<CallbackTable | undefined> {
  const problem = archiveKeyProblem(key);
  if (problem !== undefined) throw refusal("TABLE_MISMATCH", problem);
  const found = await findCallbackTable(statements, name);
  if (!found) return undefined;
  const columns = (names: readonly string[]) => names.map((column) => ({ name: column, type: "VARCHAR" }));
  checkColumns(found.table, columns(found.key), columns(key));
  return found;
}

/** Makes the table when it is missing. Throws `TABLE_MISMATCH`. */
export async function ensureKeyedTable(
  statements: Statements,
  name: string,
  key: readonly string[],
): Promise<CallbackTable> {
  const found = await findKeyedTable(statements, name, key);
  if (found) return found;
  const table = parseTable(name);
  const qualified = await statements.qualified(table);
  const columns = [...key.map((column) => ({ name: column, type: "VARCHAR" })), ...callbackColumns];
  const declared = columns.map((column) => `${quoteIdentifier(column.name)} ${column.type}`);
  await statements.run(`CREATE SCHEMA IF NOT EXISTS ${qualified.slice(0, qualified.lastIndexOf('."'))}`);
  await statements.run(`CREATE TABLE ${qualified} (${declared.join(", ")})`);
  return { table, qualified, key };
}
