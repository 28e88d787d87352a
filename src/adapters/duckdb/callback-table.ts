import { checkColumns } from "./destination.ts";
import { refusal } from "./errors.ts";
import { parseTable, quoteIdentifier, type Table } from "./identifiers.ts";
import type { Column, Statements } from "./statements.ts";

/** The columns behind those of the key. */
export const callbackColumns: readonly Column[] = [
  { name: "status", type: "VARCHAR" },
  { name: "callback_payload", type: "JSON" },
  { name: "created_at", type: "TIMESTAMP" },
  { name: "updated_at", type: "TIMESTAMP" },
  { name: "event_id", type: "VARCHAR" },
  { name: "url", type: "VARCHAR" },
];
const ownNames: ReadonlySet<string> = new Set(callbackColumns.map((column) => column.name));

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
  const key = columns.map((column) => column.name).filter((column) => !isOwn(column));
  checkColumns(table, columns, [...key.map((name) => ({ name })), ...callbackColumns]);
  return { table, qualified: await statements.qualified(table), key };
}

/** The table with exactly this key, undefined when there is no table. Throws `TABLE_MISMATCH`. */
export async function findKeyedTable(
  statements: Statements,
  name: string,
  key: readonly string[],
): Promise<CallbackTable | undefined> {
  checkKeyNames(key);
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
  return ownNames.has(name.toLowerCase());
}

function isRepeat(name: string, others: readonly string[]): boolean {
  return others.some((other) => other.toLowerCase() === name.toLowerCase());
}
