import type { DuckDBPreparedStatement } from "@duckdb/node-api";
import type { JsonObject } from "../../core/json.ts";
import type { QueryJob, Row, Sql } from "../../ports/warehouse.ts";
import { checkColumns, checkKey, keyless, stageTable, writeStage } from "./destination.ts";
import { refusal, translated } from "./errors.ts";
import { parseTable } from "./identifiers.ts";
import type { Writing } from "./jobs.ts";
import { toJson } from "./json-values.ts";
import { boundParameters } from "./parameters.ts";
import type { Statements } from "./statements.ts";

type DuckDb = typeof import("@duckdb/node-api");

interface Question {
  readonly sql: Sql;
  readonly parameters: JsonObject;
}

/** Runs a SELECT; what is returned writes its rows to their table. */
export async function prepareQuery(statements: Statements, duckdb: DuckDb, job: QueryJob): Promise<Writing> {
  const table = parseTable(job.into.table);
  await stage(statements, duckdb, job);
  const columns = await statements.describe(stageTable);
  checkKey(job.into, columns);
  const existing = job.into.mode === "replace" ? undefined : await statements.columnsOf(table);
  if (existing) checkColumns(table, existing, columns);
  const withoutKey = await statements.countRows(`(FROM ${stageTable} WHERE ${keyless(job.into)})`);
  if (withoutKey > 0)
    throw refusal("SQL_FAILED", `${withoutKey} rows have an empty key (${job.into.key.join(", ")})`);
  const rows = await statements.countRows(stageTable);
  return async () => {
    const tableRows = await writeStage(statements, table, job.into, columns);
    return { table: table.name, rows, tableRows };
  };
}

/** Rows of a SELECT as JSON, no more than asked for. */
export async function selectRows(
  statements: Statements,
  duckdb: DuckDb,
  question: Question & { readonly limit: number },
): Promise<readonly Row[]> {
  await stage(statements, duckdb, question);
  const lost = (await statements.describe(stageTable)).find(({ type }) => /[(, ]"?__proto__"? /.test(type));
  if (lost)
    throw refusal(
      "SQL_FAILED",
      `Column "${lost.name}" has objects with a field __proto__, which can't be read; give the field another name`,
    );
  // In the order in which they went in, which DuckDB keeps.
  const rows = await statements.rows(`FROM ${stageTable} LIMIT ${question.limit}`);
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toJson(duckdb, value)])),
  );
}

/**
 * Puts the rows of a SELECT into the stage. Nothing is streamed: an interrupt does not reach a stream, and one that
 * was not read to its end keeps the file locked. Throws `SQL_FAILED`.
 */
async function stage(statements: Statements, duckdb: DuckDb, question: Question): Promise<void> {
  try {
    const sql = sqlOf(question.sql);
    const { values, types } = await checkSelect(statements, duckdb, sql, question.parameters);
    const statement = await statements.prepare(`CREATE TEMP TABLE _baton_stage AS\n${sql}`);
    statement.bind(values, types);
    await statement.run();
  } catch (thrown) {
    throw translated("SQL_FAILED", "The SQL failed", thrown);
  }
}

function sqlOf(sql: Sql): string {
  const text = typeof sql === "string" ? sql : sql.duckdb;
  if (text === undefined) throw refusal("SQL_FAILED", 'There is no SQL for DuckDB: add "duckdb" to it');
  return text;
}

/** Prepares the SQL by itself, so that errors show the author's text, and sees that it only reads. */
async function checkSelect(statements: Statements, duckdb: DuckDb, sql: string, parameters: JsonObject) {
  const statement = await statements.prepare(sql);
  if (statement.statementType !== duckdb.StatementType.SELECT)
    throw refusal("SQL_FAILED", "Only one SELECT statement can be run");
  const wanted = parameterNames(statement);
  const missing = wanted.filter((name) => !Object.hasOwn(parameters, name));
  const unused = Object.keys(parameters).filter((name) => !wanted.includes(name));
  if (missing.length > 0)
    throw refusal("SQL_FAILED", `The SQL asks for $${missing.join(", $")}, which the parameters do not give`);
  if (unused.length > 0) throw refusal("SQL_FAILED", `The SQL has no parameter $${unused.join(", $")}`);
  return boundParameters(duckdb, parameters);
}

function parameterNames(statement: DuckDBPreparedStatement): readonly string[] {
  return Array.from({ length: statement.parameterCount }, (_, index) => statement.parameterName(index + 1));
}
