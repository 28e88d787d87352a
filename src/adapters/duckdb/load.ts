import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { missingTexts, typedKinds } from "../../core/files/column-values.ts";
import { invalidValueReason } from "../../core/files/csv-scan.ts";
import type { LoadJob } from "../../ports/warehouse.ts";
import { castSql, columnsAtOnce, inferTypes, lossyConversionSql, type NullTexts } from "./column-types.ts";
import {
  assertKeyColumns,
  assertSameColumns,
  missingKeyCondition,
  numberedRows,
  stageTable,
  type WriteJob,
  writeStage,
} from "./destination.ts";
import { describeRowLocation, type RawFile, rawTable, readFile } from "./read-file.ts";
import { type Column, parseTable, permanentError, quoteIdentifier, type Statements } from "./statements.ts";

const MisfitSchema = z.object({ row: z.bigint().transform(Number), column: z.int(), value: z.string() });

/** Reads and converts a file. The returned job writes its rows to their table. */
export async function prepareLoad(statements: Statements, job: LoadJob): Promise<WriteJob> {
  const table = parseTable(job.into.table);
  const path = await localPath(job.uri);
  const existing = job.into.mode === "replace" ? undefined : await statements.findColumns(table);
  const file = await readFile(statements, path, job, existing);
  const raw = await statements.describe(rawTable);
  assertKeyColumns(job.into, raw);
  if (existing) assertSameColumns(table, existing, raw);
  const missing = file.head ? [...missingTexts(job.csv?.nullValues ?? [])] : [];
  const columns = existing
    ? withTableTypes(raw, existing)
    : await inferColumns(statements, file, raw, missing);
  const owner = existing ? `of table ${table.name}` : undefined;
  const unchecked = conversionsFor(raw, columns).filter((_, index) => columns[index]?.hasMisfits !== false);
  await assertConvertible(statements, { file, rows: numberedRows(rawTable, raw), missing, owner }, unchecked);
  const values = conversionsFor(raw, columns).map(
    ({ column, type }) => `${castSql(column, type, missing)} AS ${quoteIdentifier(column.name)}`,
  );
  await statements.run(`CREATE TEMP TABLE _baton_stage AS SELECT ${values.join(", ")} FROM ${rawTable}`);
  await assertNoEmptyKey(statements, file, job, raw);
  const rows = await statements.countRows(stageTable);
  return async () => {
    const tableRows = await writeStage(statements, table, job.into, columns);
    return { table: table.name, rows, tableRows };
  };
}

async function localPath(uri: string): Promise<string> {
  if (!uri.startsWith("file:"))
    throw permanentError("TASK_PARAMETERS_INVALID", `This warehouse reads files of this machine, not ${uri}`);
  const path = fileURLToPath(uri);
  const found = await stat(path).catch((thrown) => {
    throw permanentError("FILE_MISSING", `There is no file ${path}`, thrown);
  });
  if (!found.isFile()) throw permanentError("FILE_MISSING", `${path} is not a file`);
  return path;
}

/** A column to be written. `hasMisfits` is false if all of its values are known to fit. */
interface TargetColumn extends Column {
  readonly hasMisfits?: boolean;
}

function withTableTypes(raw: readonly Column[], existing: readonly Column[]): readonly TargetColumn[] {
  const types = new Map(existing.map((column) => [column.name.toLowerCase(), column.type]));
  return raw.map(({ name, type }) => ({ name, type: types.get(name.toLowerCase()) ?? type }));
}

/** Infers types of text columns: of all columns of a CSV file, and of columns of other files that may hold times. */
async function inferColumns(
  statements: Statements,
  file: RawFile,
  raw: readonly Column[],
  missing: NullTexts,
): Promise<readonly TargetColumn[]> {
  const texts = raw.filter(({ type }) => type === "VARCHAR").map(({ name }) => name);
  if (file.format === "parquet" || texts.length === 0) return raw;
  const possible = file.head ? typedKinds : (["date", "timestamp"] as const);
  const inferred = await inferTypes(statements, numberedRows(rawTable, raw), texts, missing, possible);
  const found = new Map(inferred.map((column) => [column.name, column]));
  return raw.map((column) => found.get(column.name) ?? column);
}

/** A column of the file and its target type. */
interface Conversion {
  readonly column: Column;
  readonly type: string;
}

function conversionsFor(raw: readonly Column[], columns: readonly Column[]): readonly Conversion[] {
  return raw.map((column, index) => ({ column, type: columns[index]?.type ?? column.type }));
}

interface LoadContext {
  readonly file: RawFile;
  /** The numbered rows, as SQL. */
  readonly rows: string;
  readonly missing: NullTexts;
  /** What defines the types, for errors. Undefined: the file itself. */
  readonly owner: string | undefined;
}

/** Throws `FILE_UNREADABLE` for the first value that does not fit the type of its column. */
async function assertConvertible(
  statements: Statements,
  { file, rows, missing, owner }: LoadContext,
  pairs: readonly Conversion[],
): Promise<void> {
  const changed = pairs.filter(({ column, type }) => lossyConversionSql(column, type, missing) !== "false");
  let first: z.infer<typeof MisfitSchema> | undefined;
  for (let at = 0; at < changed.length; at += columnsAtOnce) {
    const found = await firstMisfit(statements, rows, changed.slice(at, at + columnsAtOnce), missing);
    if (found && (!first || found.row < first.row)) first = { ...found, column: found.column + at };
  }
  if (!first) return;
  const pair = changed[first.column];
  const location = `${await describeRowLocation(file, first.row)}, column "${pair?.column.name}"`;
  const reason = invalidValueReason(first.value, pair?.type ?? "", owner);
  throw permanentError("FILE_UNREADABLE", `${basename(file.path)}, ${location}: ${reason}`);
}

async function firstMisfit(
  statements: Statements,
  rows: string,
  pairs: readonly Conversion[],
  missing: NullTexts,
) {
  const misfits = pairs.map(({ column, type }) => lossyConversionSql(column, type, missing));
  const choose = (values: readonly string[]) =>
    `CASE ${misfits.map((condition, index) => `WHEN ${condition} THEN ${values[index]}`).join(" ")} END`;
  const [row] = await statements.rows(
    `SELECT _baton_row AS row, ${choose(pairs.map((_, index) => String(index)))} AS column,
            ${choose(pairs.map(({ column }) => `CAST(${quoteIdentifier(column.name)} AS VARCHAR)`))} AS value
     FROM ${rows} WHERE ${misfits.join(" OR ")} ORDER BY _baton_row LIMIT 1`,
  );
  return row && MisfitSchema.parse(row);
}

/** Throws `FILE_UNREADABLE` for the first row whose merge key is incomplete. */
async function assertNoEmptyKey(
  statements: Statements,
  file: RawFile,
  job: LoadJob,
  columns: readonly Column[],
): Promise<void> {
  const [row] = await statements.rows(
    `SELECT _baton_row AS row FROM ${numberedRows(stageTable, columns)} WHERE ${missingKeyCondition(job.into)}
     ORDER BY _baton_row LIMIT 1`,
  );
  if (!row) return;
  const location = await describeRowLocation(file, Number(row.row));
  throw permanentError(
    "FILE_UNREADABLE",
    `${basename(file.path)}, ${location}: the key (${job.into.key.join(", ")}) is empty`,
  );
}
