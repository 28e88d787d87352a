import { basename } from "node:path";
import { type CsvHead, readCsvHead } from "../../core/files/csv-head.ts";
import { FileProblem } from "../../core/files/file-problem.ts";
import { limits } from "../../core/limits.ts";
import type { FileFormat, LoadJob } from "../../ports/warehouse.ts";
import { isOneOf, unless } from "./column-types.ts";
import { isMachineFailure, refusal } from "./errors.ts";
import { type Beginning, isPlain, lineOfRow, readText, withPlainCopy } from "./file-text.ts";
import { quoteIdentifier, quoteLiteral } from "./identifiers.ts";
import { jsonReader } from "./read-json.ts";
import { parquetReader } from "./read-parquet.ts";
import type { Column, Statements } from "./statements.ts";
import { unreadable } from "./unreadable.ts";

/** Where a file's rows are before they are converted, in the order of the file. */
export const rawTable = "temp.main._baton_raw";

/** A file whose rows are in `rawTable`. */
export interface RawFile {
  readonly path: string;
  readonly format: FileFormat;
  /** Of a CSV file: its cells are all text. */
  readonly head: CsvHead | undefined;
}

/**
 * Reads all rows of a file. Throws `FILE_UNREADABLE` with the line, and `FILE_EMPTY` when it has none. `existing`:
 * the columns of the table that they are for.
 */
export async function readFile(
  statements: Statements,
  path: string,
  { format, csv = {} }: Pick<LoadJob, "format" | "csv">,
  existing: readonly Column[] | undefined,
): Promise<RawFile> {
  try {
    const head = format === "parquet" ? undefined : await headOf(readText(path));
    if (head?.text.trim() === "" && head.isWhole) throw empty(path);
    const csvHead = format === "csv" && head ? readCsvHead(head.text, head.isWhole, csv) : undefined;
    const file = { path, format, head: csvHead };
    await readRows(statements, file, csv.nullValues ?? [], existing);
    if ((await statements.countRows(rawTable)) === 0) throw empty(path);
    return file;
  } catch (thrown) {
    if (!(thrown instanceof FileProblem)) throw thrown;
    throw refusal("FILE_UNREADABLE", `${basename(path)}, ${thrown.message}`, thrown);
  }
}

function empty(path: string): Error {
  return refusal("FILE_EMPTY", `${basename(path)} holds no rows`);
}

/** Where the n-th row (from 0) of `rawTable` is in its file, for people. */
export async function placeOfRow({ path, format, head }: RawFile, row: number): Promise<string> {
  if (format === "parquet") return `row ${row + 1}`;
  const csv = head && { delimiter: head.delimiter, columns: head.names.length };
  return `line ${await lineOfRow(path, { row, csv })}`;
}

async function readRows(
  statements: Statements,
  file: RawFile,
  nullValues: readonly string[],
  existing: readonly Column[] | undefined,
): Promise<void> {
  const { path, format, head } = file;
  const read = async (plain: string) => {
    try {
      const reader = head
        ? csvReader(plain, head, nullValues)
        : format === "parquet"
          ? await parquetReader(statements, pathLiteral(plain))
          : await jsonReader(statements, pathLiteral(plain), path, existing);
      await statements.run(`CREATE TEMP TABLE _baton_raw AS ${reader}`);
    } catch (thrown) {
      if (isMachineFailure(thrown)) throw thrown;
      throw await unreadable(file, thrown);
    }
  };
  if (format === "parquet" || (!head?.isSpread && (await isPlain(path, format)))) await read(path);
  else await withPlainCopy(path, beginningOf(head), read);
}

/** DuckDB takes the header for one line, and finds the line ends of the file there. */
function beginningOf(head: CsvHead | undefined): Beginning {
  if (!head) return { length: 0, text: "" };
  const names = head.names.map((_, index) => `column_${index}`);
  return { length: head.length, text: `${names.join(head.delimiter)}${head.lineEnd}` };
}

/** Cells as text: empty ones are NULL unless they are quoted. */
function csvReader(path: string, { names, delimiter }: CsvHead, nullValues: readonly string[]): string {
  const types = names.map((name) => `${quoteIdentifier(name)}: 'VARCHAR'`).join(", ");
  const values = names.map((name) => {
    const column = quoteIdentifier(name);
    return nullValues.length === 0
      ? column
      : `${unless(`coalesce(${isOneOf(column, nullValues)}, false)`, column)} AS ${column}`;
  });
  return `SELECT ${values.join(", ")} FROM read_csv(${pathLiteral(path)}, auto_detect = false, header = true,
    delim = ${quoteLiteral(delimiter)}, quote = '"', escape = '"', strict_mode = true, null_padding = false,
    allow_quoted_nulls = false, hive_partitioning = false, compression = 'none', encoding = 'utf-8',
    max_line_size = ${limits.fileRowBytes}, buffer_size = ${2 * limits.fileRowBytes}, columns = {${types}})`;
}

/** DuckDB takes a path for a pattern. */
function pathLiteral(path: string): string {
  return quoteLiteral(path.replaceAll(/[*?[]/g, "[$&]"));
}

/** The beginning of a text: as much of it as is looked at to find out how it is written. */
interface TextHead {
  readonly text: string;
  readonly isWhole: boolean;
}

async function headOf(texts: AsyncIterable<string>): Promise<TextHead> {
  let text = "";
  for await (const piece of texts) {
    text += piece;
    if (text.length >= limits.fileHeadBytes) return { text, isWhole: false };
  }
  return { text, isWhole: true };
}
