import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { TaskError } from "../../core/errors/errors.ts";
import type { ColumnGuess } from "../../core/files/column-guess.ts";
import { missingTexts, typedKinds } from "../../core/files/column-kinds.ts";
import type { JobResult, LoadJob } from "../../ports/warehouse.ts";
import { assertConvertible } from "./check-values.ts";
import { type NullTexts, typeOfKind } from "./column-types.ts";
import { type Conversion, convertingSelect } from "./conversion.ts";
import {
  assertKeyColumns,
  assertSameColumns,
  type Commit,
  emptyKeySql,
  numberedRows,
  stageTable,
  type Target,
  writeRows,
} from "./destination.ts";
import { areMixed, type InferredColumn, inferTypes } from "./infer-types.ts";
import type { ReadableFile } from "./read-csv.ts";
import { describeRowLocation, rawTable, readRows, withFile } from "./read-file.ts";
import {
  type Column,
  isDuckDbError,
  isMachineFailure,
  parseTable,
  permanentError,
  type Statements,
} from "./statements.ts";

/** A file on its way into a table. */
interface Load extends Target {
  readonly statements: Statements;
  readonly file: ReadableFile;
  /** Texts of the file that mean NULL. */
  readonly missing: NullTexts;
}

/**
 * Loads a file. Nearly every file is converted and written while it is read. That fails if anything is unusual; then
 * all rows are read into a temporary table and examined, which finds their types or their first mistake.
 */
export async function loadFile(statements: Statements, job: LoadJob, commit: Commit): Promise<JobResult> {
  const { into } = job;
  const table = parseTable(into.table);
  const path = await localPath(job.uri);
  const existing = into.mode === "replace" ? undefined : await statements.findColumns(table);
  return withFile(statements, path, job, existing, async (file) => {
    const missing = file.head ? [...missingTexts(job.options?.nullValues ?? [])] : [];
    const load = { statements, file, missing, table, into, existing };
    try {
      const conversions = await planDirectLoad(load);
      if (conversions) return await commit(() => loadDirectly(load, conversions));
    } catch (thrown) {
      if (!isSurprise(thrown)) throw thrown;
    }
    return loadExamined(load, commit);
  });
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

/** A direct load of this file would be wrong. */
class Surprise extends Error {}

/** Whether to examine the file, which may succeed, and otherwise explains the failure. */
function isSurprise(thrown: unknown): boolean {
  if (isMachineFailure(thrown)) return false;
  return thrown instanceof Surprise || thrown instanceof TaskError || isDuckDbError(thrown);
}

/** How to load the file while it is read. Undefined if the types of its columns can't be guessed. */
async function planDirectLoad(load: Load): Promise<readonly Conversion[] | undefined> {
  const { statements, file, table, into, existing } = load;
  const raw = file.head
    ? file.columns.map((name) => ({ name, type: "VARCHAR" }))
    : await statements.describe(`(${file.reader})`);
  assertKeyColumns(into, raw);
  if (existing) {
    assertSameColumns(table, existing, raw);
    return toConversions(raw, withTableTypes(raw, existing));
  }
  if (file.head) return raw.map((column, index) => guessedConversion(column, file.guesses[index]));
  const mayHoldTimes = file.format === "jsonl" && raw.some(({ type }) => type === "VARCHAR");
  return mayHoldTimes ? undefined : toConversions(raw, raw);
}

function guessedConversion(column: Column, guess: ColumnGuess | undefined): Conversion {
  if (!guess) throw new Surprise(`there is no guess for column ${column.name}`);
  const accepts = guess.condition === "all missing" ? "missing" : "inferred";
  return { column, type: typeOfKind[guess.kind], accepts };
}

/** Converts and writes the file while it is read. Throws if a value does not fit or a guess was wrong. */
async function loadDirectly(load: Load, conversions: readonly Conversion[]): Promise<JobResult> {
  const { statements, file, missing } = load;
  const guessedText = conversions.filter((_, index) => file.guesses[index]?.condition === "mixed sample");
  const names = guessedText.map(({ column }) => column.name);
  const confirm = async (from: string) => {
    if (!(await areMixed({ statements, from, missing, possible: typedKinds }, names)))
      throw new Surprise("nearly all values of a column of text are of one kind");
  };
  const select = convertingSelect(file.reader, conversions, missing);
  const result = await writeRows(statements, load, { columns: toColumns(conversions), select, confirm });
  if (result.rows === 0) throw new Surprise("the file has no rows");
  return result;
}

/** Reads the file into a table, finds its types or its first mistake, and writes it. */
async function loadExamined(load: Load, commit: Commit): Promise<JobResult> {
  const { statements, file, missing, table, into, existing } = load;
  await readRows(statements, file);
  const raw = await statements.describe(rawTable);
  assertKeyColumns(into, raw);
  if (existing) assertSameColumns(table, existing, raw);
  const rows = numberedRows(rawTable, raw);
  const targets = existing ? withTableTypes(raw, existing) : await inferColumns(load, rows, raw);
  const conversions = toConversions(raw, targets);
  const unchecked = conversions.filter((_, index) => targets[index]?.hasMisfits !== false);
  const owner = existing ? "of the table" : undefined;
  await assertConvertible({ statements, file, rows, missing, owner }, unchecked);
  const columns = toColumns(conversions);
  const select = convertingSelect(`FROM ${rawTable}`, conversions, missing);
  if (into.mode !== "merge") return commit(() => writeRows(statements, load, { columns, select }));
  await statements.run(`CREATE TEMP TABLE _baton_stage AS ${select}`);
  await assertNoEmptyKey(load, columns);
  const staged = { columns, select: `FROM ${stageTable}`, stage: stageTable };
  return commit(() => writeRows(statements, load, staged));
}

function toColumns(conversions: readonly Conversion[]): readonly Column[] {
  return conversions.map(({ column, type }) => ({ name: column.name, type }));
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
  { statements, file, missing }: Load,
  from: string,
  raw: readonly Column[],
): Promise<readonly TargetColumn[]> {
  if (file.isScanned)
    return raw.map(({ name }, index) => ({ name, type: typeOfKind[file.guesses[index]?.kind ?? "text"] }));
  const texts = raw.filter(({ type }) => type === "VARCHAR").map(({ name }) => name);
  if (file.format === "parquet" || texts.length === 0) return raw;
  const possible = file.head ? typedKinds : (["date", "timestamp"] as const);
  const inferred = await inferTypes({ statements, from, missing, possible }, texts);
  // A text of JSON is a text, even if nearly all others are times.
  const isText = ({ hasMisfits }: InferredColumn) => !file.head && hasMisfits;
  const found = new Map(
    inferred.map((column) => [
      column.name,
      isText(column) ? { name: column.name, type: "VARCHAR", hasMisfits: false } : column,
    ]),
  );
  return raw.map((column) => found.get(column.name) ?? column);
}

function toConversions(raw: readonly Column[], columns: readonly Column[]): readonly Conversion[] {
  return raw.map((column, index) => ({ column, type: columns[index]?.type ?? column.type }));
}

/** Throws `FILE_UNREADABLE` for the first row whose merge key is incomplete. */
async function assertNoEmptyKey({ statements, file, into }: Load, columns: readonly Column[]): Promise<void> {
  const [row] = await statements.rows(
    `SELECT _baton_row AS row FROM ${numberedRows(stageTable, columns)} WHERE ${emptyKeySql(into.key)}
     ORDER BY _baton_row LIMIT 1`,
  );
  if (!row) return;
  const location = await describeRowLocation(file, Number(row.row));
  throw permanentError(
    "FILE_UNREADABLE",
    `${basename(file.path)}, ${location}: the key (${into.key.join(", ")}) is empty`,
  );
}
