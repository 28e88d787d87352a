import * as z from "zod";
import type { Destination, JobResult } from "../../ports/warehouse.ts";
import { extraFields, parseType } from "./nested-types.ts";
import {
  type Column,
  permanentError,
  quoteIdentifier,
  rowCount,
  type Statements,
  type Table,
  toTaskError,
} from "./statements.ts";

/** The temporary table with the rows that a job is about to write, in their order. */
export const stageTable = "temp.main._baton_stage";

/**
 * The rows of a temporary table with their numbers as `_baton_row`, from 0. A column called `rowid` of a file or query
 * hides DuckDB's own row number.
 */
export function numberedRows(table: string, columns: readonly Pick<Column, "name">[]): string {
  const isHidden = columns.some(({ name }) => name.toLowerCase() === "rowid");
  return `(SELECT ${isHidden ? "row_number() OVER () - 1" : "rowid"} AS _baton_row, * FROM ${table})`;
}

/** A column to be written. Without a type its nested fields are not checked. */
type IncomingColumn = Pick<Column, "name"> & Partial<Column>;

/**
 * Throws `TABLE_MISMATCH` unless both have the same columns, in any order and case. The table must also have all nested
 * fields of the incoming columns.
 */
export function assertSameColumns(
  table: Table,
  existing: readonly Column[],
  incoming: readonly IncomingColumn[],
): void {
  const added = [...missingNames(incoming, existing), ...missingFields(incoming, existing)];
  const missing = missingNames(existing, incoming);
  if (added.length + missing.length === 0) return;
  const problems = [
    added.length > 0 ? `not in the table: ${added.join(", ")}` : "",
    missing.length > 0 ? `only in the table: ${missing.join(", ")}` : "",
  ].filter((problem) => problem !== "");
  throw permanentError(
    "TABLE_MISMATCH",
    `The columns do not fit table ${table.name}; ${problems.join("; ")}`,
  );
}

/** Throws `TABLE_MISMATCH` if a key column is missing. */
export function assertKeyColumns(into: Destination, incoming: readonly Pick<Column, "name">[]): void {
  if (into.mode !== "merge") return;
  const missing = missingNames(
    into.key.map((name) => ({ name })),
    incoming,
  );
  if (into.key.length === 0) throw permanentError("TASK_PARAMETERS_INVALID", "Mode merge needs a key");
  if (missing.length > 0)
    throw permanentError(
      "TABLE_MISMATCH",
      `There is no key column ${missing.join(", ")} to merge into ${into.table} by`,
    );
}

/** Where rows are written. */
export interface Target {
  readonly table: Table;
  readonly into: Destination;
  /** The columns of the table. Undefined if it does not exist, or is replaced. */
  readonly existing: readonly Column[] | undefined;
}

/** The rows of a job. */
export interface IncomingRows {
  readonly columns: readonly Column[];
  /** The SELECT that gives them. A merge runs it twice. */
  readonly select: string;
  /** The temporary table that they are in, in their order. Undefined if they are in none. */
  readonly stage?: string;
  /** Called with the name of a new table that holds the rows as they came, before a merge drops repeated keys. */
  readonly confirm?: (table: string) => Promise<void>;
}

/** Writes rows to the table by column name. Throws `TABLE_MISMATCH`, and `SQL_FAILED` for an empty merge key. */
export async function writeRows(
  statements: Statements,
  { table, into, existing }: Target,
  incoming: IncomingRows,
): Promise<JobResult> {
  const target = await statements.qualified(table);
  try {
    await statements.createSchemaOf(table);
    const rows = await (existing ? addRows(statements, target, into, incoming) : createTable());
    return { table: table.name, rows, tableRows: await statements.countRows(target) };
  } catch (thrown) {
    throw toTaskError("TABLE_MISMATCH", `The rows do not fit table ${table.name}`, thrown);
  }

  async function createTable(): Promise<number> {
    const create = into.mode === "replace" ? "CREATE OR REPLACE TABLE" : "CREATE TABLE";
    const rows = await statements.change(`${create} ${target} AS ${incoming.select}`);
    await incoming.confirm?.(target);
    if (into.mode === "merge" && (await countKeys(statements, into, `FROM ${target}`)).distinct < rows)
      await statements.run(
        `CREATE OR REPLACE TABLE ${target} AS ${lastOfEachKey(target, into.key, incoming.columns)}`,
      );
    return rows;
  }
}

async function addRows(
  statements: Statements,
  target: string,
  into: Destination,
  { columns, select, stage }: IncomingRows,
): Promise<number> {
  if (into.mode !== "merge") return statements.change(`INSERT INTO ${target} BY NAME ${select}`);
  const { rows, distinct } = await countKeys(statements, into, select);
  if (distinct === rows) {
    // The file is read again: a temporary table of all rows takes more memory than the time is worth.
    await statements.run(mergeSql(target, into.key, columns, select));
    return rows;
  }
  if (stage === undefined) await statements.run(`CREATE TEMP TABLE _baton_stage AS ${select}`);
  const last = lastOfEachKey(stage ?? stageTable, into.key, columns);
  await statements.run(mergeSql(target, into.key, columns, last));
  return rows;
}

const KeyCountsSchema = z.tuple([z.object({ rows: rowCount, distinct: rowCount, empty: rowCount })]);

/** Counts rows and their merge keys. Throws `SQL_FAILED` if a key is incomplete. */
async function countKeys(statements: Statements, { key }: Destination, select: string) {
  const keys = key.map(quoteIdentifier);
  const found = await statements.rows(
    `SELECT coalesce(sum(rows), 0)::BIGINT AS rows, count(*) AS distinct,
       coalesce(sum(rows) FILTER (is_empty), 0)::BIGINT AS empty
     FROM (SELECT count(*) AS rows, bool_or(${emptyKeySql(key)}) AS is_empty
           FROM (${select}) GROUP BY ${keys.join(", ")})`,
  );
  const [counts] = KeyCountsSchema.parse(found);
  if (counts.empty > 0)
    throw permanentError("SQL_FAILED", `${counts.empty} rows have an empty key (${key.join(", ")})`);
  return counts;
}

/** The SQL condition for rows whose merge key is incomplete. */
export function emptyKeySql(key: readonly string[]): string {
  return key.map((name) => `${quoteIdentifier(name)} IS NULL`).join(" OR ");
}

/** The last row of each key in a table, because files may correct their earlier rows. */
function lastOfEachKey(table: string, key: readonly string[], columns: readonly Column[]): string {
  const numbered = numberedRows(table, columns);
  return `SELECT * EXCLUDE (_baton_row) FROM ${numbered}
    WHERE _baton_row IN (SELECT max(_baton_row) FROM ${numbered} GROUP BY ${key.map(quoteIdentifier).join(", ")})`;
}

function mergeSql(
  target: string,
  key: readonly string[],
  columns: readonly Column[],
  incoming: string,
): string {
  const keys = key.map(quoteIdentifier);
  const valueColumns = missingNames(
    columns,
    key.map((name) => ({ name })),
  ).map(quoteIdentifier);
  const names = columns.map((column) => quoteIdentifier(column.name));
  const updates = valueColumns.map((name) => `${name} = incoming.${name}`).join(", ");
  return `MERGE INTO ${target} AS kept
    USING (${incoming}) AS incoming
    ON ${keys.map((name) => `kept.${name} = incoming.${name}`).join(" AND ")}
    WHEN MATCHED THEN ${valueColumns.length > 0 ? `UPDATE SET ${updates}` : "DO NOTHING"}
    WHEN NOT MATCHED THEN INSERT (${names.join(", ")})
      VALUES (${names.map((name) => `incoming.${name}`).join(", ")})`;
}

function missingFields(columns: readonly IncomingColumn[], others: readonly Column[]): readonly string[] {
  return columns.flatMap(({ name, type }) => {
    const other = others.find((found) => found.name.toLowerCase() === name.toLowerCase());
    return other && type !== undefined ? extraFields(parseType(type), parseType(other.type), name) : [];
  });
}

function missingNames(
  columns: readonly Pick<Column, "name">[],
  others: readonly Pick<Column, "name">[],
): readonly string[] {
  const known = new Set(others.map((other) => other.name.toLowerCase()));
  return columns.map((column) => column.name).filter((name) => !known.has(name.toLowerCase()));
}

const StoredSchema = z.object({ result: z.string() });
const JobResultSchema = z.strictObject({ table: z.string(), rows: z.number(), tableRows: z.number() });

/** Writes rows and their job's result in one transaction. */
export type Commit = (write: () => Promise<JobResult>) => Promise<JobResult>;

/**
 * Runs a job once: it writes its rows by `commit`, or the result that an earlier call has stored is returned. No other
 * job can run in between, because one process holds the file and runs one job at a time.
 */
export async function runJobOnce(
  statements: Statements,
  jobId: string,
  run: (commit: Commit) => Promise<JobResult>,
): Promise<JobResult> {
  const jobs = await jobsTable(statements);
  const [stored] = await statements.rows(`SELECT result FROM ${jobs} WHERE job_id = $jobId`, { jobId });
  if (stored) return JobResultSchema.parse(JSON.parse(StoredSchema.parse(stored).result));
  return run((write) =>
    statements.transaction(async () => {
      const result = await write();
      await statements.run(`INSERT INTO ${jobs} VALUES ($jobId, $result, now())`, {
        jobId,
        result: JSON.stringify(result),
      });
      return result;
    }),
  );
}

async function jobsTable(statements: Statements): Promise<string> {
  const name = await statements.qualified({ name: "", schema: "main", table: "_baton_jobs" });
  await statements.run(
    `CREATE TABLE IF NOT EXISTS ${name} (
       job_id VARCHAR PRIMARY KEY, result JSON NOT NULL, finished_at TIMESTAMPTZ NOT NULL)`,
  );
  return name;
}
