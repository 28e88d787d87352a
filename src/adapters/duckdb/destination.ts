import * as z from "zod";
import type { Destination, JobResult } from "../../ports/warehouse.ts";
import {
  type Column,
  permanentError,
  quoteIdentifier,
  type Statements,
  type Table,
  toTaskError,
} from "./statements.ts";

/** A type of DuckDB's: a scalar such as `DECIMAL(18,3)`, the fields of a struct, or the items of a list. */
export type TypeTree =
  | { readonly kind: "scalar"; readonly name: string }
  | { readonly kind: "struct"; readonly fields: readonly (readonly [string, TypeTree])[] }
  | { readonly kind: "list"; readonly item: TypeTree; readonly suffix: string };

/** The type as DuckDB writes it. What it writes of enums, unions and maps is kept as it is. */
export function parseType(text: string): TypeTree {
  const list = /\[\d*\]$/.exec(text);
  if (list) return { kind: "list", item: parseType(text.slice(0, list.index)), suffix: list[0] };
  const struct = /^STRUCT\((.*)\)$/s.exec(text)?.[1];
  if (struct === undefined) return { kind: "scalar", name: text };
  return { kind: "struct", fields: splitFields(struct).map(parseField) };
}

export function typeText(tree: TypeTree): string {
  if (tree.kind === "scalar") return tree.name;
  if (tree.kind === "list") return `${typeText(tree.item)}${tree.suffix}`;
  return `STRUCT(${tree.fields.map(([name, type]) => `${quoteIdentifier(name)} ${typeText(type)}`).join(", ")})`;
}

/** Another name for each scalar. `beside`: the type at the same place of another tree, where it has a scalar. */
export function mapScalars(
  tree: TypeTree,
  beside: TypeTree | undefined,
  map: (name: string, beside: string | undefined) => string,
): TypeTree {
  if (tree.kind === "scalar")
    return { kind: "scalar", name: map(tree.name, beside?.kind === "scalar" ? beside.name : undefined) };
  if (tree.kind === "list") {
    const other = beside?.kind === "list" ? beside.item : undefined;
    return { ...tree, item: mapScalars(tree.item, other, map) };
  }
  return {
    kind: "struct",
    fields: tree.fields.map(([name, type]) => [name, mapScalars(type, findField(beside, name), map)]),
  };
}

/** Paths of the fields inside objects that only the first type has. */
function extraFields(tree: TypeTree, other: TypeTree, path: string): readonly string[] {
  if (tree.kind === "list" && other.kind === "list") return extraFields(tree.item, other.item, path);
  if (tree.kind !== "struct" || other.kind !== "struct") return [];
  return tree.fields.flatMap(([name, type]) => {
    const found = findField(other, name);
    return found ? extraFields(type, found, `${path}.${name}`) : [`${path}.${name}`];
  });
}

function findField(tree: TypeTree | undefined, name: string): TypeTree | undefined {
  if (tree?.kind !== "struct") return undefined;
  return tree.fields.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1];
}

/** Parts between commas that stand in no brackets and no quoted name. */
function splitFields(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = "";
  for (const [token] of text.matchAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'|[(),]|[^"'(),]+/g)) {
    if (token === "(") depth += 1;
    if (token === ")") depth -= 1;
    if (token === "," && depth === 0) {
      parts.push(part.trim());
      part = "";
    } else part += token;
  }
  return [...parts, part.trim()];
}

function parseField(text: string): readonly [string, TypeTree] {
  const [, quoted, bare = "", type = ""] = /^(?:"((?:[^"]|"")*)"|(\S+))\s+(.*)$/s.exec(text) ?? [];
  return [quoted?.replaceAll('""', '"') ?? bare, parseType(type)];
}

/** Where the rows are that a job is about to write, in their order. */
export const stageTable = "temp.main._baton_stage";

/**
 * The rows of a temporary table, with their places in it as `_baton_row`, from 0. DuckDB's own number of a row can't
 * be seen where a file or a query has a column called `rowid`.
 */
export function numberedRows(table: string, columns: readonly Pick<Column, "name">[]): string {
  const isHidden = columns.some(({ name }) => name.toLowerCase() === "rowid");
  return `(SELECT ${isHidden ? "row_number() OVER () - 1" : "rowid"} AS _baton_row, * FROM ${table})`;
}

/** A column that is about to be written; without a type, of one that the table is sure to have. */
type IncomingColumn = Pick<Column, "name"> & Partial<Column>;

/**
 * Throws `TABLE_MISMATCH` unless both have the same columns, in any order and case. Of the fields inside their
 * objects the table must have all that come in.
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

/** Throws `TABLE_MISMATCH` when a key column is not among the columns. */
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

/** The condition under which a row of the stage has no key to be merged by. */
export function missingKeyCondition(into: Destination): string {
  if (into.mode !== "merge") return "false";
  return into.key.map((name) => `${quoteIdentifier(name)} IS NULL`).join(" OR ");
}

/** Writes the stage to the table, by name of column. Returns how many rows the table has then. Throws `TABLE_MISMATCH`. */
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

/** Of the rows with the same key the last one counts: files carry corrections of their earlier rows. */
async function merge(
  statements: Statements,
  target: string,
  key: readonly string[],
  columns: readonly Column[],
): Promise<void> {
  const keys = key.map(quoteIdentifier);
  const rest = missingNames(
    columns,
    key.map((name) => ({ name })),
  ).map(quoteIdentifier);
  const names = columns.map((column) => quoteIdentifier(column.name));
  const updates = rest.map((name) => `${name} = incoming.${name}`).join(", ");
  await statements.run(
    `MERGE INTO ${target} AS kept
     USING (FROM ${numberedRows(stageTable, columns)}
            QUALIFY row_number() OVER (PARTITION BY ${keys.join(", ")} ORDER BY _baton_row DESC) = 1) AS incoming
     ON ${keys.map((name) => `kept.${name} = incoming.${name}`).join(" AND ")}
     WHEN MATCHED THEN ${rest.length > 0 ? `UPDATE SET ${updates}` : "DO NOTHING"}
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

/** Writes what was prepared. */
export type WriteJob = () => Promise<JobResult>;

/**
 * Prepares the job, then writes and notes its result in one transaction; or finds the note and does nothing.
 * The file has one holder and the holder one turn, so nobody else is between the look and the commit.
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
