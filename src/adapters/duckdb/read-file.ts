import { basename } from "node:path";
import { errorMessage } from "../../core/errors/errors.ts";
import { type ColumnGuess, guessColumns } from "../../core/files/column-guess.ts";
import { FileProblem } from "../../core/files/column-values.ts";
import { type CsvHead, readCsvHead, scanCsv } from "../../core/files/csv-scan.ts";
import { checkJsonLines } from "../../core/files/json-lines.ts";
import { limits } from "../../core/limits.ts";
import type { FileFormat, LoadJob } from "../../ports/warehouse.ts";
import { isOneOfSql, nullIfSql } from "./column-types.ts";
import { type FileHeader, isPlain, lineOfRow, readText, withPlainCopy } from "./file-text.ts";
import { jsonReader, parquetReader } from "./read-nested.ts";
import {
  type Column,
  isMachineFailure,
  permanentError,
  quoteIdentifier,
  quoteLiteral,
  type Statements,
} from "./statements.ts";

/** The temporary table with a file's rows before their conversion, in the order of the file. */
export const rawTable = "temp.main._baton_raw";

/** A file that DuckDB can read. */
export interface ReadableFile {
  readonly path: string;
  readonly format: FileFormat;
  /** The SELECT that reads its rows. */
  readonly reader: string;
  /** The header of a CSV file, whose cells are all text. */
  readonly head: CsvHead | undefined;
  /** What the first rows of a CSV file say about the kinds of its columns. */
  readonly guesses: readonly ColumnGuess[];
}

/**
 * Prepares a file for DuckDB, if necessary as a temporary copy, and runs the work on it. `existing`: the columns of the
 * target table. Throws `FILE_EMPTY`, or `FILE_UNREADABLE` with the line.
 */
export async function withFile<T>(
  statements: Statements,
  path: string,
  { format, csv = {} }: Pick<LoadJob, "format" | "csv">,
  existing: readonly Column[] | undefined,
  work: (file: ReadableFile) => Promise<T>,
): Promise<T> {
  try {
    const start = format === "parquet" ? undefined : await readHead(readText(path));
    if (start?.text.trim() === "" && start.isWhole) throw fileEmpty(path);
    const head = format === "csv" && start ? readCsvHead(start.text, start.isWhole, csv) : undefined;
    const guesses = head && start && !existing ? guessColumns(start.text, start.isWhole, head, csv) : [];
    const file = { path, format, head, guesses };
    const open = async (plain: string) => {
      const reader = head
        ? csvReader(plain, head, csv.nullValues ?? [])
        : await explainingFailures(file, () => nestedReader(statements, file, plain, existing));
      return work({ ...file, reader });
    };
    if (format === "parquet" || (!head?.isSpread && (await isPlain(path, format)))) return await open(path);
    return await withPlainCopy(path, plainHeader(head), open);
  } catch (thrown) {
    if (!(thrown instanceof FileProblem)) throw thrown;
    throw permanentError("FILE_UNREADABLE", `${basename(path)}, ${thrown.message}`, thrown);
  }
}

/** Reads all rows of a file into `rawTable`. Throws `FILE_EMPTY`, or a `FileProblem` with the line. */
export async function readRows(statements: Statements, file: ReadableFile): Promise<void> {
  await explainingFailures(file, () => statements.run(`CREATE TEMP TABLE _baton_raw AS ${file.reader}`));
  if ((await statements.countRows(rawTable)) === 0) throw fileEmpty(file.path);
}

function fileEmpty(path: string): Error {
  return permanentError("FILE_EMPTY", `${basename(path)} holds no rows`);
}

/** Where a row of `rawTable` (from 0) is in its file, for error messages. */
export async function describeRowLocation(
  { path, format, head }: ReadableFile,
  row: number,
): Promise<string> {
  if (format === "parquet") return `row ${row + 1}`;
  const csv = head && { delimiter: head.delimiter, columns: head.names.length };
  return `line ${await lineOfRow(path, { row, csv })}`;
}

type CheckedFile = Pick<ReadableFile, "path" | "format" | "head">;

/** Throws a `FileProblem` in place of an error of DuckDB. */
async function explainingFailures<T>(file: CheckedFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (isMachineFailure(thrown)) throw thrown;
    throw await explainFailure(file, thrown);
  }
}

function nestedReader(
  statements: Statements,
  { path, format }: CheckedFile,
  plain: string,
  existing: readonly Column[] | undefined,
): Promise<string> {
  return format === "parquet"
    ? parquetReader(statements, pathLiteral(plain))
    : jsonReader(statements, pathLiteral(plain), path, existing);
}

/** DuckDB expects a header of one line, and detects the line ends of the file in it. */
function plainHeader(head: CsvHead | undefined): FileHeader {
  if (!head) return { length: 0, text: "" };
  const names = head.names.map((_, index) => `column_${index}`);
  return { length: head.length, text: `${names.join(head.delimiter)}${head.lineEnd}` };
}

/** Reads cells as text. Empty cells are NULL unless they are quoted. */
function csvReader(path: string, { names, delimiter }: CsvHead, nullValues: readonly string[]): string {
  const types = names.map((name) => `${quoteIdentifier(name)}: 'VARCHAR'`).join(", ");
  const values = names.map((name) => {
    const column = quoteIdentifier(name);
    return nullValues.length === 0
      ? column
      : `${nullIfSql(`coalesce(${isOneOfSql(column, nullValues)}, false)`, column)} AS ${column}`;
  });
  return `SELECT ${values.join(", ")} FROM read_csv(${pathLiteral(path)}, auto_detect = false, header = true,
    delim = ${quoteLiteral(delimiter)}, quote = '"', escape = '"', strict_mode = true, null_padding = false,
    allow_quoted_nulls = false, hive_partitioning = false, compression = 'none', encoding = 'utf-8',
    max_line_size = ${limits.fileRowBytes}, buffer_size = ${2 * limits.fileRowBytes}, columns = {${types}})`;
}

/** DuckDB reads a path as a glob, so its special characters are escaped. */
function pathLiteral(path: string): string {
  return quoteLiteral(path.replaceAll(/[*?[]/g, "[$&]"));
}

/** The first part of a text, from which its format is detected. */
interface TextHead {
  readonly text: string;
  readonly isWhole: boolean;
}

async function readHead(texts: AsyncIterable<string>): Promise<TextHead> {
  let text = "";
  for await (const piece of texts) {
    text += piece;
    if (text.length >= limits.fileHeadBytes) return { text, isWhole: false };
  }
  return { text, isWhole: true };
}

/**
 * Explains why DuckDB could not read a file. DuckDB's errors name wrong lines, guess at remedies and quote our own SQL,
 * so the file is checked again by the rules for its rows.
 */
async function explainFailure({ path, format, head }: CheckedFile, thrown: unknown): Promise<FileProblem> {
  if (thrown instanceof FileProblem) return thrown;
  try {
    if (format === "jsonl") await checkJsonLines(readText(path));
    // Every column may hold any text; only the CSV format is checked.
    if (format === "csv") await scanCsv(readText(path), head ?? {}, ({ names }) => names.map(() => "text"));
  } catch (problem) {
    if (problem instanceof FileProblem) return problem;
    throw problem;
  }
  return new FileProblem(
    undefined,
    explainKnownError(errorMessage(thrown)) ?? `it can't be read: ${firstSentence(thrown)}`,
  );
}

/** Explains errors of DuckDB for files that the rules allow. */
function explainKnownError(complaint: string): string | undefined {
  const twin = /duplicate name "(.*)" in struct/i.exec(complaint)?.[1];
  if (twin !== undefined)
    return `an object has the key "${twin}" and another that differs only in case; rename one of them`;
  const twice = /has duplicate key "(.*)"/s.exec(complaint)?.[1];
  if (twice !== undefined) return `an object has the key "${twice}" twice; a key can have one value only`;
  if (/state machine reached an invalid state|CSV Error/.test(complaint))
    return "some of its lines end in LF and others in CRLF, or it is not a CSV file; save it with one kind of line end";
  if (/maximum_object_size|Maximum line size/i.test(complaint))
    return `a row is longer than the maximum size of ${limits.fileRowBytes / 1024 ** 2} MiB`;
  if (/No magic bytes|too small to be a Parquet|Parquet.*(footer|metadata)|thrift/i.test(complaint))
    return "it is not a Parquet file, or it is damaged or cut off; write it again";
  return undefined;
}

/** The further lines of DuckDB's errors hold the row, the options and our SQL. */
function firstSentence(thrown: unknown): string {
  const [first = ""] = errorMessage(thrown)
    .replace(/^[A-Za-z ]+ Error: /, "")
    .split("\n");
  return first.slice(0, limits.shownAnswerCharacters);
}
