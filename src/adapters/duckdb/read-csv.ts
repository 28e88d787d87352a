import { basename } from "node:path";
import { type ColumnGuess, guessColumns } from "../../core/files/column-guess.ts";
import type { TableKind } from "../../core/files/column-kinds.ts";
import { type CsvHead, namesInTable, readCsvHead } from "../../core/files/csv-head.ts";
import { scanCsv, type TableColumn } from "../../core/files/csv-scan.ts";
import { areCellsStandard, type FileOptions } from "../../core/files/file-options.ts";
import { rewriteCsv } from "../../core/files/rewrite-csv.ts";
import { limits } from "../../core/limits.ts";
import type { FileFormat } from "../../ports/warehouse.ts";
import { isOneOfSql, kindOfType, nullIfSql } from "./column-types.ts";
import { isPlain, type RowFile, readText, replaceBeginning, withCopy } from "./file-text.ts";
import { type Column, permanentError, quoteIdentifier, quoteLiteral } from "./statements.ts";

/** A file that DuckDB can read. */
export interface ReadableFile extends RowFile {
  readonly format: FileFormat;
  /** The SELECT that reads its rows. */
  readonly reader: string;
  /** The columns of a CSV file, whose cells are all text. */
  readonly columns: readonly string[];
  /** What the first rows of a CSV file say about the kinds of its columns. */
  readonly guesses: readonly ColumnGuess[];
  /** Whether the kinds are certain: the whole file was scanned. */
  readonly isScanned: boolean;
}

export type UnopenedFile = Omit<ReadableFile, "reader">;

/** Prepares a CSV file for DuckDB, if necessary as a temporary copy, and runs the work on it. */
export async function withCsv<T>(
  file: UnopenedFile,
  existing: readonly Column[] | undefined,
  work: (file: ReadableFile) => Promise<T>,
): Promise<T> {
  const { path, options } = file;
  if (!areCellsStandard(options)) return withRewrittenCsv(file, existing, work);
  const start = await readHead(readText(path, options.encoding));
  const head = readCsvHead(start.text, start.isWhole, options);
  if (!head) throw fileEmpty(path);
  const columns = namesInTable(head, existing?.map(({ name }) => name) ?? []);
  const guesses = existing ? [] : guessColumns(start.text, start.isWhole, head, options);
  const nullValues = options.nullValues ?? [];
  const open = (plain: string) =>
    work({ ...file, head, columns, guesses, reader: csvReader(plain, columns, head.delimiter, nullValues) });
  if (head.isFirstLine && (await isPlain(path, "csv", options.encoding))) return open(path);
  const texts = readText(path, options.encoding);
  return withCopy(replaceBeginning(texts, head.length, plainHeader(columns, head)), open);
}

/** Scans the file by its options, and reads a copy in the standard form. */
export async function withRewrittenCsv<T>(
  file: UnopenedFile,
  existing: readonly Column[] | undefined,
  work: (file: ReadableFile) => Promise<T>,
): Promise<T> {
  const { path, options } = file;
  let table: readonly TableColumn[] = [];
  const scan = await scanCsv(readText(path, options.encoding), options, (head) => {
    table = existing ? tableColumns(head, existing, options) : [];
    return existing && table;
  });
  if (!scan) throw fileEmpty(path);
  const { head } = scan;
  const columns = existing ? table.map(({ name }) => name) : head.names;
  const kinds = existing ? table.map(({ kind }) => kind) : scan.kinds;
  const guesses = existing ? [] : kinds.map(toGuess);
  const standard = { delimiter: ",", lineEnd: "\n" };
  const texts = readText(path, options.encoding);
  const content = concatenate(
    plainHeader(columns, standard),
    rewriteCsv(
      texts,
      { head, columns: kinds.map((kind, from) => ({ from, kind })) },
      { ...options, nullText: "" },
    ),
  );
  return withCopy(content, (plain) =>
    work({
      ...file,
      head,
      columns,
      guesses,
      isScanned: true,
      reader: csvReader(plain, columns, standard.delimiter, []),
    }),
  );
}

/** The columns of the table in the order of the file, and those that the file lacks, if it may. */
function tableColumns(
  head: CsvHead,
  existing: readonly Column[],
  { allowMissing = false }: FileOptions,
): readonly TableColumn[] {
  const known = new Map(existing.map((column) => [column.name.toLowerCase(), column]));
  const names = namesInTable(
    head,
    existing.map(({ name }) => name),
  );
  const found = new Set(names.map((name) => name.toLowerCase()));
  const absent = allowMissing ? existing.filter(({ name }) => !found.has(name.toLowerCase())) : [];
  return [...names, ...absent.map(({ name }) => name)].map((name) => {
    const type = known.get(name.toLowerCase())?.type;
    return { name, kind: type === undefined ? "text" : kindOfType(type) };
  });
}

function toGuess(kind: TableKind): ColumnGuess {
  return kind === "number" || kind === "other"
    ? { kind: "text", condition: "none" }
    : { kind, condition: kind === "text" ? "none" : "all fit" };
}

async function* concatenate(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

/** DuckDB expects a header of one line, and detects the line ends of the file in it. */
function plainHeader(
  columns: readonly string[],
  { delimiter, lineEnd }: Pick<CsvHead, "delimiter" | "lineEnd">,
): string {
  return `${columns.map((_, index) => `column_${index}`).join(delimiter)}${lineEnd}`;
}

/** Reads cells as text. Empty cells are NULL unless they are quoted. */
function csvReader(
  path: string,
  names: readonly string[],
  delimiter: string,
  nullValues: readonly string[],
): string {
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

/** DuckDB reads a path as a glob, so its special characters are escaped. */
export function pathLiteral(path: string): string {
  return quoteLiteral(path.replaceAll(/[*?[]/g, "[$&]"));
}

export function fileEmpty(path: string): Error {
  return permanentError("FILE_EMPTY", `${basename(path)} holds no rows`);
}
