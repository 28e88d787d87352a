import { basename } from "node:path";
import { errorMessage } from "../../core/errors/errors.ts";
import { scanCsv } from "../../core/files/csv-scan.ts";
import { FileProblem } from "../../core/files/file-problem.ts";
import { splitJson, toJsonLines } from "../../core/files/json-items.ts";
import { scanJson } from "../../core/files/json-lines.ts";
import { limits } from "../../core/limits.ts";
import type { LoadJob } from "../../ports/warehouse.ts";
import { isPlain, lineOfRow, readBytes, readText, withCopy } from "./file-text.ts";
import {
  fileEmpty,
  pathLiteral,
  type ReadableFile,
  type UnopenedFile,
  withCsv,
  withRewrittenCsv,
} from "./read-csv.ts";
import { jsonReader, parquetReader } from "./read-nested.ts";
import { type Column, isMachineFailure, permanentError, type Statements } from "./statements.ts";

/** The temporary table with a file's rows before their conversion, in the order of the file. */
export const rawTable = "temp.main._baton_raw";

/**
 * Prepares a file for DuckDB, if necessary as a temporary copy, and runs the work on it. `existing`: the columns of the
 * target table. Throws `FILE_EMPTY`, or `FILE_UNREADABLE` with the line.
 */
export async function withFile<T>(
  statements: Statements,
  path: string,
  { format, options = {} }: Pick<LoadJob, "format" | "options">,
  existing: readonly Column[] | undefined,
  work: (file: ReadableFile) => Promise<T>,
): Promise<T> {
  const none = { path, format, options, head: undefined, columns: [], guesses: [], isScanned: false };
  try {
    if (format === "csv") return await withReadableCsv(none, existing, work);
    if (format === "jsonl") await assertNotEmpty(none);
    const open = async (plain: string) =>
      work({
        ...none,
        reader: await explainingFailures(none, () => nestedReader(statements, none, plain, existing)),
      });
    if (await isPlain(path, format, options.encoding)) return await open(path);
    const content =
      format === "parquet" ? readBytes(path) : toJsonLines(splitJson(readText(path, options.encoding)));
    return await withCopy(content, open);
  } catch (thrown) {
    if (!(thrown instanceof FileProblem)) throw thrown;
    throw permanentError("FILE_UNREADABLE", `${basename(path)}, ${thrown.message}`, thrown);
  }
}

async function assertNotEmpty({ path, options }: UnopenedFile): Promise<void> {
  for await (const _ of splitJson(readText(path, options.encoding))) return;
  throw fileEmpty(path);
}

/** The file is valid by the rules for CSV files, and DuckDB can't read it. */
class NeedsCopy extends Error {}

/** DuckDB refuses some valid files, such as those with several kinds of line ends. It reads their standard form. */
async function withReadableCsv<T>(
  file: UnopenedFile,
  existing: readonly Column[] | undefined,
  work: (file: ReadableFile) => Promise<T>,
): Promise<T> {
  try {
    return await withCsv(file, existing, work);
  } catch (thrown) {
    if (!(thrown instanceof NeedsCopy)) throw thrown;
    return withRewrittenCsv(file, existing, work);
  }
}

/** Reads all rows of a file into `rawTable`. Throws `FILE_EMPTY`, or a `FileProblem` with the line. */
export async function readRows(statements: Statements, file: ReadableFile): Promise<void> {
  await explainingFailures(file, () => statements.run(`CREATE TEMP TABLE _baton_raw AS ${file.reader}`));
  if ((await statements.countRows(rawTable)) === 0) throw fileEmpty(file.path);
}

/** Where a row of `rawTable` (from 0) is in its file, for error messages. */
export async function describeRowLocation(file: ReadableFile, row: number): Promise<string> {
  return file.format === "parquet" ? `row ${row + 1}` : `line ${await lineOfRow(file, row)}`;
}

type CheckedFile = Pick<ReadableFile, "path" | "format" | "options" | "isScanned">;

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
  { path, format, options }: CheckedFile,
  plain: string,
  existing: readonly Column[] | undefined,
): Promise<string> {
  return format === "parquet"
    ? parquetReader(statements, pathLiteral(plain))
    : jsonReader(statements, { path, options, plain: pathLiteral(plain) }, existing);
}

/**
 * Explains why DuckDB could not read a file. DuckDB's errors name wrong lines, guess at remedies and quote our own SQL,
 * so the file is checked again by the rules for its rows.
 */
async function explainFailure(
  { path, format, options, isScanned }: CheckedFile,
  thrown: unknown,
): Promise<FileProblem | NeedsCopy> {
  if (thrown instanceof FileProblem) return thrown;
  try {
    const text = readText(path, options.encoding);
    if (format === "jsonl") await scanJson(text);
    // Every column may hold any text; only the CSV format is checked.
    if (format === "csv")
      await scanCsv(text, options, ({ names }) => names.map((name) => ({ name, kind: "text" })));
  } catch (problem) {
    if (problem instanceof FileProblem) return problem;
    throw problem;
  }
  if (format === "csv" && !isScanned) return new NeedsCopy("DuckDB can't read the file", { cause: thrown });
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
