import type { DuckDBPreparedStatement, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import { isJsonObject, type JsonObject, type JsonValue } from "../../core/values/json.ts";
import { numberOrText } from "../../core/values/json-text.ts";
import { inferParameterType, type ParameterType } from "../../core/values/parameter-type.ts";
import { isoTimeFromMicroseconds } from "../../core/values/time.ts";
import type { JobResult, QueryJob, Row, Sql } from "../../ports/warehouse.ts";
import { assertKeyColumns, assertSameColumns, type Commit, stageTable, writeRows } from "./destination.ts";
import {
  isCatalogError,
  parseTable,
  permanentError,
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
  const rows = await statements.rows(`FROM ${stageTable} LIMIT ${question.limit}`);
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toJson(duckdb, value)])),
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
    const sql = duckdbSql(question.sql);
    const { values, types } = await checkSelect(statements, duckdb, sql, question.parameters);
    isChecked = true;
    const statement = await statements.prepare(`${create} AS\n${sql}`);
    statement.bind(values, types);
    return await statements.change(statement);
  } catch (thrown) {
    // What the SELECT names is known to exist, so the new table is in the way of another object, such as a view.
    if (isChecked && isCatalogError(thrown))
      throw toTaskError("TABLE_MISMATCH", "The table can't be created", thrown);
    throw toTaskError("SQL_FAILED", "The SQL failed", thrown);
  }
}

function duckdbSql(sql: Sql): string {
  const text = typeof sql === "string" ? sql : sql.duckdb;
  if (text === undefined)
    throw permanentError("SQL_FAILED", 'There is no SQL for DuckDB: add "duckdb" to it');
  return text;
}

/** Prepares the SQL on its own, so that errors quote the author's text, and checks that it only reads. */
async function checkSelect(statements: Statements, duckdb: DuckDb, sql: string, parameters: JsonObject) {
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
  if (unused.length > 0)
    throw permanentError("SQL_FAILED", `The SQL has no parameter $${unused.join(", $")}`);
  return bindParameters(duckdb, parameters);
}

function parameterNames(statement: DuckDBPreparedStatement): readonly string[] {
  return Array.from({ length: statement.parameterCount }, (_, index) => statement.parameterName(index + 1));
}

/** Converts a value to JSON: times become ISO 8601, and numbers that a double can't hold become text. */
function toJson(duckdb: DuckDb, value: DuckDBValue): JsonValue {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint")
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof duckdb.DuckDBDecimalValue) return decimalToJson(value.toString());
  return timeToJson(duckdb, value) ?? nestedToJson(duckdb, value) ?? value.toString();
}

/** Trailing zeros come from the type's scale, not from the value. */
function decimalToJson(text: string): JsonValue {
  return numberOrText(text.includes(".") ? text.replace(/\.?0+$/, "") : text);
}

function timeToJson(duckdb: DuckDb, value: DuckDBValue): JsonValue | undefined {
  if (value instanceof duckdb.DuckDBTimestampTZValue && value.isFinite)
    return isoTimeFromMicroseconds(value.micros);
  if (
    value instanceof duckdb.DuckDBTimestampValue ||
    value instanceof duckdb.DuckDBTimestampSecondsValue ||
    value instanceof duckdb.DuckDBTimestampMillisecondsValue ||
    value instanceof duckdb.DuckDBTimestampNanosecondsValue
  )
    return value.toString().replace(" ", "T");
  return undefined;
}

function nestedToJson(duckdb: DuckDb, value: DuckDBValue): JsonValue | undefined {
  if (value instanceof duckdb.DuckDBListValue || value instanceof duckdb.DuckDBArrayValue)
    return value.items.map((item) => toJson(duckdb, item));
  if (value instanceof duckdb.DuckDBStructValue)
    return Object.fromEntries(
      Object.entries(value.entries).map(([name, item]) => [name, toJson(duckdb, item)]),
    );
  if (value instanceof duckdb.DuckDBMapValue)
    return value.entries.map((entry) => ({
      key: toJson(duckdb, entry.key),
      value: toJson(duckdb, entry.value),
    }));
  if (value instanceof duckdb.DuckDBUnionValue) return toJson(duckdb, value.value);
  if (value instanceof duckdb.DuckDBVariantValue) return toJson(duckdb, value.value);
  return undefined;
}

interface ParameterBinding {
  readonly values: Record<string, DuckDBValue>;
  /** Without types, the client infers the type of a list from its first item. */
  readonly types: Record<string, DuckDBType>;
}

/** Converts parameters for DuckDB, with the same types as for BigQuery. Throws `SQL_FAILED`. */
function bindParameters(duckdb: DuckDb, parameters: JsonObject): ParameterBinding {
  const bound = Object.entries(parameters).map(([name, value]) => {
    const type = inferParameterType(`$${name}`, value);
    return { name, type: toDuckDbType(duckdb, type), value: toDuckDbValue(duckdb, type, value) };
  });
  return {
    values: Object.fromEntries(bound.map(({ name, value }) => [name, value])),
    types: Object.fromEntries(bound.map(({ name, type }) => [name, type])),
  };
}

function toDuckDbType(duckdb: DuckDb, type: ParameterType): DuckDBType {
  switch (type.kind) {
    case "null":
      return duckdb.SQLNULL;
    case "text":
      return duckdb.VARCHAR;
    case "boolean":
      return duckdb.BOOLEAN;
    case "integer":
      return duckdb.BIGINT;
    case "real":
      return duckdb.DOUBLE;
    case "list":
      return duckdb.LIST(toDuckDbType(duckdb, type.items));
    case "struct":
      return duckdb.STRUCT(
        Object.fromEntries(type.fields.map((field) => [field.name, toDuckDbType(duckdb, field.type)])),
      );
  }
}

function toDuckDbValue(duckdb: DuckDb, type: ParameterType, value: JsonValue): DuckDBValue {
  if (type.kind === "list" && Array.isArray(value))
    return duckdb.listValue(value.map((item) => toDuckDbValue(duckdb, type.items, item)));
  if (type.kind === "struct" && isJsonObject(value))
    return duckdb.structValue(
      Object.fromEntries(
        type.fields.map((field) => [
          field.name,
          toDuckDbValue(
            duckdb,
            field.type,
            Object.hasOwn(value, field.name) ? (value[field.name] ?? null) : null,
          ),
        ]),
      ),
    );
  if (type.kind === "integer" && typeof value === "number") return BigInt(value);
  return typeof value === "object" ? null : value;
}
