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

/** Writes the stage to the table by column name. Returns the table's row count afterwards. Throws `TABLE_MISMATCH`. */
export async function writeStage(
  statements: Statements,
  table: Table,
  into: Destination,
  columns: readonly Column[],
): Promise<number> {
  const target = await statements.qualified(table);
  try {
    await statements.run(`CREATE SCHEMA IF NOT EXISTS ${target.slice(0, target.lastIndexOf('."'))}`);
    if (into.mode === "replace")
      await statements.run(`CREATE OR REPLACE TABLE ${target} AS FROM ${stageTable}`);
    else await addRows(statements, target, into, columns);
    return await statements.countRows(target);
  } catch (thrown) {
    throw toTaskError("TABLE_MISMATCH", `The rows do not fit table ${table.name}`, thrown);
  }
}

async function addRows(
  statements: Statements,
  target: string,
  into: Destination,
  columns: readonly Column[],
): Promise<void> {
  await statements.run(`CREATE TABLE IF NOT EXISTS ${target} AS FROM ${stageTable} LIMIT 0`);
  if (into.mode === "merge") await merge(statements, target, into.key, columns);
  else await statements.run(`INSERT INTO ${target} BY NAME FROM ${stageTable}`);
}

/** The last row of a key wins, because files may correct their earlier rows. */
async function merge(
  statements: Statements,
  target: string,
  key: readonly string[],
  columns: readonly Column[],
): Promise<void> {
  const keys = key.map(quoteIdentifier);
  const valueColumns = missingNames(
    columns,
    key.map((name) => ({ name })),
  ).map(quoteIdentifier);
  const names = columns.map((column) => quoteIdentifier(column.name));
  const updates = valueColumns.map((name) => `${name} = incoming.${name}`).join(", ");
  await statements.run(
    `MERGE INTO ${target} AS kept
     USING (FROM ${numberedRows(stageTable, columns)}
            QUALIFY row_number() OVER (PARTITION BY ${keys.join(", ")} ORDER BY _baton_row DESC) = 1) AS incoming
     ON ${keys.map((name) => `kept.${name} = incoming.${name}`).join(" AND ")}
     WHEN MATCHED THEN ${valueColumns.length > 0 ? `UPDATE SET ${updates}` : "DO NOTHING"}
     WHEN NOT MATCHED THEN INSERT (${names.join(", ")})
       VALUES (${names.map((name) => `incoming.${name}`).join(", ")})`,
  );
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

/** The second part of a job: it writes the prepared rows. */
export type WriteJob = () => Promise<JobResult>;

/**
 * Runs a job once: writes its rows and its result in one transaction, or returns the result that an earlier call has
 * stored. No other job can run in between, because one process holds the file and runs one job at a time.
 */
export async function runJobOnce(
  statements: Statements,
  jobId: string,
  prepare: () => Promise<WriteJob>,
): Promise<JobResult> {
  const jobs = await jobsTable(statements);
  const [stored] = await statements.rows(`SELECT result FROM ${jobs} WHERE job_id = $jobId`, { jobId });
  if (stored) return JobResultSchema.parse(JSON.parse(StoredSchema.parse(stored).result));
  const write = await prepare();
  return statements.transaction(async () => {
    const result = await write();
    await statements.run(`INSERT INTO ${jobs} VALUES ($jobId, $result, now())`, {
      jobId,
      result: JSON.stringify(result),
    });
    return result;
  });
}

async function jobsTable(statements: Statements): Promise<string> {
  const name = await statements.qualified({ name: "", schema: "main", table: "_baton_jobs" });
  await statements.run(
    `CREATE TABLE IF NOT EXISTS ${name} (
       job_id VARCHAR PRIMARY KEY, result JSON NOT NULL, finished_at TIMESTAMPTZ NOT NULL)`,
  );
  return name;
}
