import type { DuckDBPreparedStatement } from "@duckdb/node-api";
import type { JsonObject } from "../../core/values/json.ts";
import type { JobResult, QueryJob, Row, Sql } from "../../ports/warehouse.ts";
import { assertKeyColumns, assertSameColumns, type Commit, stageTable, writeRows } from "./destination.ts";
import { jsonConverter } from "./rows/json-values.ts";
import { bindParameters } from "./rows/parameters.ts";
import { resultNames } from "./rows/result-names.ts";
import {
  isCatalogError,
  parseTable,
  permanentError,
  quoteIdentifier,
  type Statements,
  type Table,
  toTaskError,
} from "./statements.ts";

type DuckDb = typeof import("@duckdb/node-api");

interface SelectQuery {
  readonly sql: Sql;
  readonly parameters: JsonObject;
}

/** Runs a SELECT and writes its rows to their table. */
export async function runQuery(
  statements: Statements,
  duckdb: DuckDb,
  job: QueryJob,
  commit: Commit,
): Promise<JobResult> {
  const table = parseTable(job.into.table);
  if (job.into.mode === "replace") return commit(() => replaceTable(statements, duckdb, job, table));
  await stageRows(statements, duckdb, job);
  const columns = await statements.describe(stageTable);
  assertKeyColumns(job.into, columns);
  const existing = await statements.findColumns(table);
  if (existing) assertSameColumns(table, existing, columns);
  const rows = { columns, select: `FROM ${stageTable}`, stage: stageTable };
  return commit(() => writeRows(statements, { table, into: job.into, existing }, rows));
}

/** Without a stage, because rows that replace a table need no check. */
async function replaceTable(
  statements: Statements,
  duckdb: DuckDb,
  job: QueryJob,
  table: Table,
): Promise<JobResult> {
  const target = await statements.createSchemaOf(table);
  const rows = await createTableAs(statements, duckdb, job, `CREATE OR REPLACE TABLE ${target}`);
  return { table: table.name, rows, tableRows: rows };
}

/** The first `limit` rows of a SELECT as JSON. */
export async function selectRows(
  statements: Statements,
  duckdb: DuckDb,
  question: SelectQuery & { readonly limit: number },
): Promise<readonly Row[]> {
  await stageRows(statements, duckdb, question);
  const lost = (await statements.describe(stageTable)).find(({ type }) => /[(, ]"?__proto__"? /.test(type));
  if (lost)
    throw permanentError(
      "SQL_FAILED",
      `Column "${lost.name}" has objects with a field __proto__, which can't be read; give the field another name`,
    );
  // DuckDB returns rows in the order of their insertion.
  const { names, types, rows } = await statements.typedRows(`FROM ${stageTable} LIMIT ${question.limit}`);
  const converters = types.map((type) => jsonConverter(duckdb, type));
  return rows.map((row) =>
    Object.fromEntries(names.map((name, index) => [name, converters[index]?.(row[index] ?? null) ?? null])),
  );
}

/**
 * Writes the rows of a SELECT to the stage. They are not streamed, because DuckDB can't interrupt a stream, and an
 * unfinished stream keeps the file locked. Throws `SQL_FAILED`.
 */
async function stageRows(statements: Statements, duckdb: DuckDb, question: SelectQuery): Promise<void> {
  await createTableAs(statements, duckdb, question, "CREATE TEMP TABLE _baton_stage");
}

/** Creates a table for the rows of a SELECT. Returns their number. Throws `SQL_FAILED`, and `TABLE_MISMATCH`. */
async function createTableAs(
  statements: Statements,
  duckdb: DuckDb,
  question: SelectQuery,
  create: string,
): Promise<number> {
  let isChecked = false;
  try {
    const sql = await duckdbSql(statements, question);
    const { values, types } = await checkSelect(statements, duckdb, sql, question);
    const names = await resultNames(statements, sql, (statement) => statement.bind(values, types));
    isChecked = true;
    const columns = names ? ` (${names.map(quoteIdentifier).join(", ")})` : "";
    const statement = await statements.prepare(`${create}${columns} AS\n${sql}`);
    statement.bind(values, types);
    return await statements.change(statement);
  } catch (thrown) {
    // What the SELECT names is known to exist, so the new table is in the way of another object, such as a view.
    if (isChecked && isCatalogError(thrown))
      throw toTaskError("TABLE_MISMATCH", "The table can't be created", thrown);
    throw toTaskError("SQL_FAILED", "The SQL failed", thrown);
  }
}

async function duckdbSql(statements: Statements, { sql, parameters }: SelectQuery): Promise<string> {
  if (typeof sql === "string") return sql;
  if ("googlesql" in sql) {
    const { translate } = await import("./googlesql/translation.ts");
    return translate(statements, sql.googlesql, parameters);
  }
  if (sql.duckdb === undefined)
    throw permanentError("SQL_FAILED", 'There is no SQL for DuckDB: add "duckdb" or "googlesql" to it');
  return sql.duckdb;
}

/** Prepares the SQL on its own, so that errors quote the author's text, and checks that it only reads. */
async function checkSelect(
  statements: Statements,
  duckdb: DuckDb,
  sql: string,
  { sql: source, parameters }: SelectQuery,
) {
  const statement = await statements.prepare(sql);
  if (statement.statementType !== duckdb.StatementType.SELECT)
    throw permanentError("SQL_FAILED", "Only one SELECT statement can be run");
  const wanted = parameterNames(statement);
  const missing = wanted.filter((name) => !Object.hasOwn(parameters, name));
  const unused = Object.keys(parameters).filter((name) => !wanted.includes(name));
  if (missing.length > 0)
    throw permanentError(
      "SQL_FAILED",
      `The SQL asks for $${missing.join(", $")}, which the parameters do not give`,
    );
  // A translation writes a parameter without a value as NULL, and has checked the names itself.
  const isTranslated = typeof source === "object" && "googlesql" in source;
  if (unused.length > 0 && !isTranslated)
    throw permanentError("SQL_FAILED", `The SQL has no parameter $${unused.join(", $")}`);
  return bindParameters(
    duckdb,
    Object.fromEntries(Object.entries(parameters).filter(([name]) => wanted.includes(name))),
  );
}

function parameterNames(statement: DuckDBPreparedStatement): readonly string[] {
  return Array.from({ length: statement.parameterCount }, (_, index) => statement.parameterName(index + 1));
}
