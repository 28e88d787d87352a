import { limits } from "../limits.ts";
import type { ColumnKind } from "./column-kinds.ts";
import { type CsvFormat, CsvParser, type CsvRecord, countLines } from "./csv-parser.ts";
import type { FileOptions } from "./file-options.ts";
import { FileProblem } from "./file-problem.ts";

/** The format and the header of a CSV file. */
export interface CsvHead extends CsvFormat {
  readonly names: readonly string[];
  /** The names as the file has them, which are other ones if not every engine allows them. */
  readonly writtenNames: readonly string[];
  /** Characters before the first row. */
  readonly length: number;
  /** The line of the first row, 1 for the first of the file. */
  readonly line: number;
  /** The line end after the header. */
  readonly lineEnd: string;
  /** The first line is the header, and nothing else is above the first row. */
  readonly isFirstLine: boolean;
}

const delimiters = [",", ";", "\t", "|"];
/** Rare delimiters. They are never guessed, since they may be part of a name, but an error suggests them. */
const rareDelimiters = [":", "^", "~", "\u0001"];
/** Records from which the delimiter is guessed. */
const sampledRecords = 20;

/** A line that sets the delimiter for Excel. */
const separatorLine = /^sep=(.)(?:\r?\n|\r)/;

/**
 * Parses the start of a file. `isWhole`: the text is the whole file. Undefined if it is empty. Throws a `FileProblem`.
 */
export function readCsvHead(text: string, isWhole: boolean, options: FileOptions): CsvHead | undefined {
  if (text.trim() === "") return undefined;
  const separator = separatorLine.exec(text);
  const top = (separator?.[0].length ?? 0) + lengthOfLines(text, options.skipRows ?? 0);
  const rest = text.slice(top);
  if (rest.trim() === "") return undefined;
  const topLines = countLines(text.slice(0, top));
  const format = {
    delimiter: options.delimiter ?? separator?.[1] ?? detectDelimiter(rest, isWhole, topLines + 1, options),
    quote: options.quote ?? '"',
  };
  const records = firstRecords(rest, isWhole, format, { line: topLines + 1 });
  const at = records.findIndex(({ isBlank }) => !isBlank);
  const first = records[at];
  // Parses the record alone, which throws its mistake.
  if (!first && isWhole) new CsvParser(format, topLines + 1).push(`${rest}\n`);
  if (!first)
    throw new FileProblem(
      topLines + 1,
      `the header does not end within ${limits.fileHeadBytes / 1024 ** 2} MiB; is there a quote that does not end?`,
    );
  if (options.header === false) {
    const writtenNames = givenNames(first, options);
    return {
      ...format,
      names: columnNames({ line: first.line, cells: writtenNames }),
      writtenNames,
      length: top,
      line: topLines + 1,
      lineEnd: "\n",
      isFirstLine: false,
    };
  }
  const length = top + records.slice(0, at + 1).reduce((sum, record) => sum + record.length, 0);
  const header = text.slice(0, length);
  const lineEnd = /(?:\r?\n|\r)$/.exec(header)?.[0] ?? "\n";
  const names = columnNames(first);
  const writtenNames = first.cells.map((cell) => cell.trim());
  assertColumnsExist(first.line, { names, writtenNames }, options);
  return {
    ...format,
    names,
    writtenNames,
    length,
    line: 1 + countLines(header),
    lineEnd,
    isFirstLine: first.line === 1 && lineEnd !== "\r" && !first.cells.some((cell) => /[\r\n]/.test(cell)),
  };
}

/** The characters of the first lines. */
function lengthOfLines(text: string, lines: number): number {
  let length = 0;
  for (const [end] of lines === 0 ? [] : text.matchAll(/[^\r\n]*(?:\r\n|\n|\r)/g)) {
    length += end.length;
    lines -= 1;
    if (lines === 0) break;
  }
  return lines > 0 ? text.length : length;
}

/**
 * The delimiter that splits the header and the first rows into the same number of cells. With several, the most
 * frequent one.
 */
function detectDelimiter(text: string, isWhole: boolean, line: number, options: FileOptions): string {
  const { quote = '"', decimal } = options;
  const split = (delimiter: string) => splitBy(text, isWhole, { delimiter, quote });
  const possible = delimiters.filter((delimiter) => delimiter !== decimal);
  const [usual = ","] = possible;
  const found = possible.map((delimiter) => ({ delimiter, ...split(delimiter) }));
  const agreeing = found.filter(({ agrees }) => agrees);
  const dividing = (agreeing.length > 0 ? agreeing : found).filter(({ columns }) => columns > 1);
  const best = dividing.reduce<(typeof found)[number] | undefined>(
    (most, other) => (most === undefined || other.columns > most.columns ? other : most),
    undefined,
  );
  if (best) return best.delimiter;
  const rare = rareDelimiters.find((delimiter) => {
    const { columns, agrees, rows } = split(delimiter);
    return columns > 1 && agrees && rows > 0;
  });
  if (rare !== undefined)
    throw new FileProblem(
      line,
      `its cells seem to be divided by ${JSON.stringify(rare)}; say so with the delimiter of loadFile, ` +
        `or give it "${usual}" if it is one column`,
    );
  return usual;
}

function splitBy(text: string, isWhole: boolean, format: CsvFormat) {
  const [header, ...rows] = firstRecords(text, isWhole, format).filter(({ isBlank }) => !isBlank);
  const columns = header?.cells.length ?? 0;
  const agrees = columns > 1 && rows.every(({ cells }) => cells.length === columns);
  return { columns, agrees, rows: rows.length };
}

/** The first records: at least `count`, unless the text has fewer, or a mistake. */
export function firstRecords(
  text: string,
  isWhole: boolean,
  format: CsvFormat,
  { count = sampledRecords, line = 1 }: { readonly count?: number; readonly line?: number } = {},
): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  try {
    const parser = new CsvParser(format, line);
    for (let from = 0; from < text.length; ) {
      const feed = text.indexOf("\n", from);
      const end = feed === -1 ? text.length : feed + 1;
      records.push(...parser.push(text.slice(from, end)));
      from = end;
      if (records.length > count) return records;
    }
    if (isWhole) records.push(...parser.end());
  } catch (thrown) {
    // Not an error here: another delimiter may fit. If none does, parsing the rows reports the mistake.
    if (!(thrown instanceof FileProblem)) throw thrown;
  }
  return records;
}

/** Characters that names of columns can't have in BigQuery. They become underscores on every engine. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a name may hold them in a file.
const invalidCharacters = /[!"$()*,./;?@[\\\]^`{}~\u0000-\u001f]/g;
const reservedBeginning = /^(_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER|_CHANGE_)/i;
const longestName = 300;

/** The column that a cell of a header names. Empty if it names none. Throws a `FileProblem`. */
function toColumnName(cell: string, line: number): string {
  const name = cell.trim().replace(/\s+/g, " ").replace(invalidCharacters, "_");
  if (reservedBeginning.test(name))
    throw new FileProblem(line, `column "${name}" has a name that BigQuery keeps for itself; rename it`);
  if (name.length > longestName)
    throw new FileProblem(
      line,
      `the name of a column has ${name.length} characters, and ${longestName} are the most; ` +
        `it begins with "${name.slice(0, 40)}"`,
    );
  return name;
}

/** Columns without a name, such as row numbers, get a name by their position. */
function columnNames({ line, cells }: Pick<CsvRecord, "line" | "cells">): readonly string[] {
  const names = cells.map((cell, index) => toColumnName(cell, line) || `column_${index + 1}`);
  const seen = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined) throw new FileProblem(line, sameNameReason(cells, names, other, index));
    seen.set(name.toLowerCase(), index);
  }
  return names;
}

function sameNameReason(
  cells: readonly string[],
  names: readonly string[],
  first: number,
  second: number,
): string {
  const [one, other] = [cells[first]?.trim(), cells[second]?.trim()];
  const name = names[second];
  if (one === other) return `column "${other || name}" appears twice; rename one of them`;
  if (one?.toLowerCase() === other?.toLowerCase())
    return `column "${other}" appears twice (also as "${one}": case makes no difference); rename one of them`;
  return `columns "${one}" and "${other}" would both become "${name}"; rename one of them`;
}

/** The names that the options give the columns of a file without a header, or `column_1`, `column_2`, … */
function givenNames(
  { line, cells }: CsvRecord,
  { columns, allowMissing = false }: FileOptions,
): readonly string[] {
  if (!columns) return cells.map((_, index) => `column_${index + 1}`);
  const isTooLong = cells.slice(columns.length).some((cell) => cell !== "");
  if (isTooLong || (cells.length < columns.length && !allowMissing))
    throw new FileProblem(
      line,
      `it has ${cells.length} columns, and the option columns names ${columns.length}; name each of them`,
    );
  return columns.map(({ name }) => name);
}

/** The names of columns, as they are in tables and as the file writes them. */
type ColumnNames = Pick<CsvHead, "names" | "writtenNames">;

function assertColumnsExist(
  line: number,
  { names, writtenNames }: ColumnNames,
  { columns = [] }: FileOptions,
): void {
  const known = new Set([...names, ...writtenNames].map((name) => name.toLowerCase()));
  const unknown = columns.find(({ name }) => !known.has(name.toLowerCase()));
  if (unknown)
    throw new FileProblem(
      line,
      `there is no column "${unknown.name}", which the option columns names; it has ${names.join(", ")}`.slice(
        0,
        limits.shownAnswerCharacters,
      ),
    );
}

/** The types that the options give columns, by either of their names. */
export function givenTypes(
  { names, writtenNames }: ColumnNames,
  { columns = [] }: FileOptions,
): readonly (ColumnKind | undefined)[] {
  const types = new Map(columns.map(({ name, type }) => [name.toLowerCase(), type]));
  return names.map(
    (name, index) => types.get(name.toLowerCase()) ?? types.get(writtenNames[index]?.toLowerCase() ?? name),
  );
}

/** The names of a file's columns in a table, which may have some of them as the file writes them. */
export function namesInTable(
  { names, writtenNames }: ColumnNames,
  tableNames: readonly string[],
): readonly string[] {
  const known = new Set(tableNames.map((name) => name.toLowerCase()));
  return names.map((name, index) => {
    const written = writtenNames[index] ?? name;
    return !known.has(name.toLowerCase()) && known.has(written.toLowerCase()) ? written : name;
  });
}
