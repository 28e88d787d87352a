import { messageOf } from "../../core/errors.ts";
import type { FoundTable, NewTable, WriteStatement } from "../../ports/warehouse.ts";
import { machineFailure, translated } from "./errors.ts";
import { parseTable, quoteIdentifier } from "./identifiers.ts";
import type { Statements } from "./statements.ts";

const types = { text: "VARCHAR", json: "JSON", timestamp: "TIMESTAMP" } as const;

export async function findTable(statements: Statements, name: string): Promise<FoundTable | undefined> {
  const table = parseTable(name);
  const columns = await statements.columnsOf(table);
  if (!columns) return undefined;
  const sql = await statements.qualified(table);
  return { name, sql, dialect: "duckdb", columns: columns.map((column) => column.name) };
}

/** Creates the table unless it exists. */
export async function createTable(
  statements: Statements,
  name: string,
  { columns }: NewTable,
): Promise<FoundTable> {
  const sql = await statements.qualified(parseTable(name));
  const declared = columns.map((column) => `${quoteIdentifier(column.name)} ${types[column.type]}`);
  await statements.transaction(async () => {
    await statements.run(`CREATE SCHEMA IF NOT EXISTS ${sql.slice(0, sql.lastIndexOf('."'))}`);
    await statements.run(`CREATE TABLE IF NOT EXISTS ${sql} (${declared.join(", ")})`);
  });
  return { name, sql, dialect: "duckdb", columns: columns.map((column) => column.name) };
}

/** Runs the statement. `path`: of the warehouse's file, for errors. */
export async function write(
  statements: Statements,
  { table, sql, parameters }: WriteStatement,
  path: string,
): Promise<void> {
  try {
    await statements.run(sql, { ...parameters });
  } catch (thrown) {
    // A task is writing to the same rows: it is over soon.
    if (/conflict/i.test(messageOf(thrown))) throw machineFailure(path, thrown);
    throw translated("TABLE_MISMATCH", `The row does not fit table ${table}`, thrown);
  }
}
