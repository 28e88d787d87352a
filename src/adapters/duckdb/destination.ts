import * as z from "zod";
import type { Destination, JobResult } from "../../ports/warehouse.ts";
import { extraFields, parseType } from "./nested-types.ts";
import {
  type Column,
  permanentError,
  quoteIdentifier,
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

/** The SQL condition for rows of the stage whose merge key is incomplete. */
export function missingKeyCondition(into: Destination): string {
  if (into.mode !== "merge") return "false";
  return into.key.map((name) => `${quoteIdentifier(name)} IS NULL`).join(" OR ");
}

/** Where rows are written. */
export interface Target {
  readonly table: Table;
  readonly into: Destination;
  /** The columns of the table. Undefined if it does not exist, or is replaced. */
  readonly existing: readonly Column[] | undefined;
}

/** The rows of a job: a SELECT, and the columns that it gives. */
export interface IncomingRows {
  readonly select: string;
  readonly columns: readonly Column[];
}

/** Writes rows to the table by column name, without a stage between. Throws `TABLE_MISMATCH`. */
export async function writeRows(
  statements: Statements,
  { table, into, existing }: Target,
  { select, columns }: IncomingRows,
): Promise<JobResult> {
  const target = await statements.qualified(table);
  try {
    await statements.run(`CREATE SCHEMA IF NOT EXISTS ${target.slice(0, target.lastIndexOf('."'))}`);
    const rows = await add();
    return { table: table.name, rows, tableRows: await statements.countRows(target) };
  } catch (thrown) {
    throw toTaskError("TABLE_MISMATCH", `The rows do not fit table ${table.name}`, thrown);
  }

  function add(): Promise<number> {
    if (into.mode === "merge") return merge();
    if (existing) return statements.change(`INSERT INTO ${target} BY NAME ${select}`);
    const create = into.mode === "replace" ? "CREATE OR REPLACE TABLE" : "CREATE TABLE";
    return statements.change(`${create} ${target} AS ${select}`);
  }

  /** From the stage, because a key may occur several times. */
  async function merge(): Promise<number> {
    const rows = await statements.countRows(stageTable);
    const incoming = await lastOfEachKey(statements, into.key, columns, rows);
    if (existing) await statements.run(mergeSql(target, into.key, columns, incoming));
    else await statements.run(`CREATE TABLE ${target} AS ${incoming}`);
    return rows;
  }
}

/** The staged rows to merge: the last of each key, because files may correct their earlier rows. */
async function lastOfEachKey(
  statements: Statements,
  key: readonly string[],
  columns: readonly Column[],
  rows: number,
): Promise<string> {
  const keys = key.map(quoteIdentifier).join(", ");
  const distinct = await statements.countRows(`(SELECT 1 FROM ${stageTable} GROUP BY ${keys})`);
  if (distinct === rows) return `FROM ${stageTable}`;
  const numbered = numberedRows(stageTable, columns);
  return `SELECT * EXCLUDE (_baton_row) FROM ${numbered}
    WHERE _baton_row IN (SELECT max(_baton_row) FROM ${numbered} GROUP BY ${keys})`;
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
