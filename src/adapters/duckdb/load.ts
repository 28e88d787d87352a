import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import type { LoadJob } from "../../ports/warehouse.ts";
import { converted, inferTypes, misfit } from "./column-types.ts";
import { checkColumns, checkKey, keyless, stageTable, writeStage } from "./destination.ts";
import { refusal } from "./errors.ts";
import { parseTable, quoteIdentifier } from "./identifiers.ts";
import type { Writing } from "./jobs.ts";
import { placeOfRow, type RawFile, rawTable, readFile } from "./read-file.ts";
import type { Column, Statements } from "./statements.ts";

const MisfitSchema = z.object({ row: z.bigint().transform(Number), column: z.int(), value: z.string() });

/** Reads and converts a file; what is returned writes it to its table. */
export async function prepareLoad(statements: Statements, job: LoadJob): Promise<Writing> {
  const table = parseTable(job.into.table);
  const path = await pathOf(job.uri);
  const file = await readFile(statements, path, job.format);
  const raw = await statements.describe(rawTable);
  checkKey(job.into, raw);
  const existing = job.into.mode === "replace" ? undefined : await statements.columnsOf(table);
  if (existing) checkColumns(table, existing, raw);
  const columns = existing ? adopt(raw, existing) : await ownColumns(statements, file, raw);
  await checkValues(statements, file, raw, columns, existing ? `of table ${table.name}` : undefined);
  const values = raw.map(
    (column, index) =>
      `${converted(column, columns[index]?.type ?? column.type)} AS ${quoteIdentifier(column.name)}`,
  );
  await statements.run(`CREATE TEMP TABLE _baton_stage AS SELECT ${values.join(", ")} FROM ${rawTable}`);
  await checkKeys(statements, file, job);
  const rows = await statements.countRows(stageTable);
  return async () => {
    const tableRows = await writeStage(statements, table, job.into, columns);
    return { table: table.name, rows, tableRows };
  };
}

async function pathOf(uri: string): Promise<string> {
  if (!uri.startsWith("file:"))
    throw refusal("TASK_PARAMETERS_INVALID", `This warehouse reads files of this machine, not ${uri}`);
  const path = fileURLToPath(uri);
  const found = await stat(path).catch((thrown) => {
    throw refusal("FILE_MISSING", `There is no file ${path}`, thrown);
  });
  if (!found.isFile()) throw refusal("FILE_MISSING", `${path} is not a file`);
  return path;
}

/** The file's columns with the types of the table. */
function adopt(raw: readonly Column[], existing: readonly Column[]): readonly Column[] {
  const types = new Map(existing.map((column) => [column.name.toLowerCase(), column.type]));
  return raw.map(({ name, type }) => ({ name, type: types.get(name.toLowerCase()) ?? type }));
}

async function ownColumns(
  statements: Statements,
  file: RawFile,
  raw: readonly Column[],
): Promise<readonly Column[]> {
  if (!file.header) return raw;
  return inferTypes(
    statements,
    rawTable,
    raw.map((column) => column.name),
  );
}

/** Throws `FILE_UNREADABLE` for the first value that its column's type can't hold. */
async function checkValues(
  statements: Statements,
  file: RawFile,
  raw: readonly Column[],
  columns: readonly Column[],
  owner: string | undefined,
): Promise<void> {
  const misfits = raw.map((column, index) => misfit(column, columns[index]?.type ?? column.type));
  const choose = (values: readonly string[]) =>
    `CASE ${misfits.map((condition, index) => `WHEN ${condition} THEN ${values[index]}`).join(" ")} END`;
  const [row] = await statements.rows(
    `SELECT rowid AS row, ${choose(raw.map((_, index) => String(index)))} AS column,
            ${choose(raw.map((column) => `CAST(${quoteIdentifier(column.name)} AS VARCHAR)`))} AS value
     FROM ${rawTable} WHERE ${misfits.join(" OR ")} ORDER BY rowid LIMIT 1`,
  );
  if (!row) return;
  const found = MisfitSchema.parse(row);
  const column = columns[found.column];
  const advice = owner ?? "as its other values say; if it is meant to be text, create the table first";
  throw refusal(
    "FILE_UNREADABLE",
    `${basename(file.path)}, ${await placeOfRow(file, found.row)}, column "${column?.name}": ` +
      `${JSON.stringify(found.value.slice(0, 100))} is not a ${column?.type} (the type ${advice})`,
  );
}

/** Throws `FILE_UNREADABLE` for the first row that has no key to be merged by. */
async function checkKeys(statements: Statements, file: RawFile, job: LoadJob): Promise<void> {
  const [row] = await statements.rows(
    `SELECT rowid AS row FROM ${stageTable} WHERE ${keyless(job.into)} ORDER BY rowid LIMIT 1`,
  );
  if (!row) return;
  const place = await placeOfRow(file, Number(row.row));
  throw refusal(
    "FILE_UNREADABLE",
    `${basename(file.path)}, ${place}: the key (${job.into.key.join(", ")}) is empty`,
  );
}
