import { limits } from "../limits.ts";
import { type ColumnKind, ColumnValues, FileProblem, missingTexts } from "./column-values.ts";
import { CsvParser, type CsvRecord } from "./csv-parser.ts";

/** Options of `loadFile` for CSV files. */
export interface CsvOptions {
  /** Default: detected. */
  readonly delimiter?: string | undefined;
  /** Texts that are NULL in every column, in addition to empty cells. */
  readonly nullValues?: readonly string[] | undefined;
}

/** The format and the header of a CSV file. */
export interface CsvHead {
  readonly delimiter: string;
  readonly names: readonly string[];
  /** Some columns have no name in the header. They get a name by their position. */
  readonly hasUnnamed: boolean;
  /** Characters before the first row. */
  readonly length: number;
  /** The line end after the header. */
  readonly lineEnd: string;
  /** The header has several lines, or is not on the first line. */
  readonly isSpread: boolean;
}

const delimiters = [",", ";", "\t", "|"];
/** Rare delimiters. They are never guessed, since they may be part of a name, but an error suggests them. */
const rareDelimiters = [":", "^", "~", "\u0001"];
/** Records from which the delimiter is guessed. */
const sampledRecords = 20;

/**
 * Parses the start of a file. `isWhole`: the text is the whole file. Undefined if it is empty. Throws a `FileProblem`.
 */
export function readCsvHead(text: string, isWhole: boolean, options: CsvOptions): CsvHead | undefined {
  if (text.trim() === "") return undefined;
  if (/^sep=.\r?\n/.test(text))
    throw new FileProblem(
      1,
      "it sets the delimiter for Excel (sep=); remove the line, so that the header is the first",
    );
  const { delimiter = detectDelimiter(text, isWhole) } = options;
  const records = firstRecords(text, isWhole, delimiter);
  const at = records.findIndex(({ isBlank }) => !isBlank);
  const header = records[at];
  // Parses the header alone, which throws its mistake.
  if (!header && isWhole) new CsvParser(delimiter).push(`${text}\n`);
  if (!header)
    throw new FileProblem(
      1,
      `the header does not end within ${limits.fileHeadBytes / 1024 ** 2} MiB; is there a quote that does not end?`,
    );
  const names = columnNames(header);
  const isSpread = header.line > 1 || header.cells.some((cell) => /[\r\n]/.test(cell));
  const length = records.slice(0, at + 1).reduce((sum, record) => sum + record.length, 0);
  const lineEnd = /(?:\r?\n|\r)$/.exec(text.slice(0, length))?.[0] ?? "\n";
  const hasUnnamed = header.cells.some((cell) => cell.trim() === "");
  return { delimiter, names, hasUnnamed, length, lineEnd, isSpread };
}

/**
 * The delimiter that splits the header and the first rows into the same number of cells. With several, the most
 * frequent one.
 */
function detectDelimiter(text: string, isWhole: boolean): string {
  const found = delimiters.map((delimiter) => ({ delimiter, ...splitBy(text, isWhole, delimiter) }));
  const agreeing = found.filter(({ agrees }) => agrees);
  const dividing = (agreeing.length > 0 ? agreeing : found).filter(({ columns }) => columns > 1);
  const best = dividing.reduce<(typeof found)[number] | undefined>(
    (most, other) => (most === undefined || other.columns > most.columns ? other : most),
    undefined,
  );
  if (best) return best.delimiter;
  const rare = rareDelimiters.find((delimiter) => {
    const { columns, agrees, rows } = splitBy(text, isWhole, delimiter);
    return columns > 1 && agrees && rows > 0;
  });
  if (rare !== undefined)
    throw new FileProblem(
      1,
      `its cells seem to be divided by ${JSON.stringify(rare)}; say so with the delimiter of loadFile, ` +
        `or give it "," if it is one column`,
    );
  return ",";
}

function splitBy(text: string, isWhole: boolean, delimiter: string) {
  const [header, ...rows] = firstRecords(text, isWhole, delimiter).filter(({ isBlank }) => !isBlank);
  const columns = header?.cells.length ?? 0;
  const agrees = columns > 1 && rows.every(({ cells }) => cells.length === columns);
  return { columns, agrees, rows: rows.length };
}

/** The first records: at least `count`, unless the text has fewer, or a mistake. */
export function firstRecords(
  text: string,
  isWhole: boolean,
  delimiter: string,
  count = sampledRecords,
): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  try {
    const parser = new CsvParser(delimiter);
    for (const line of text.split(/(?<=\n)/)) {
      records.push(...parser.push(line));
      if (records.length > count) return records;
    }
    if (isWhole) records.push(...parser.end());
  } catch (thrown) {
    // Not an error here: another delimiter may fit. If none does, parsing the rows reports the mistake.
    if (!(thrown instanceof FileProblem)) throw thrown;
  }
  return records;
}

/** Columns without a name, such as row numbers, get a name by their position. */
function columnNames({ line, cells }: CsvRecord): readonly string[] {
  const names = cells.map((cell, index) => cell.trim() || `column_${index + 1}`);
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      throw new FileProblem(
        line,
        `column "${name}" appears twice` +
          `${other === name ? "" : ` (also as "${other}": case makes no difference)`}; rename one of them`,
      );
    seen.set(name.toLowerCase(), name);
  }
  return names;
}

/** The result of the scan of a valid CSV file. */
export interface CsvScan extends CsvHead {
  readonly kinds: readonly ColumnKind[];
  readonly rows: number;
  /** Some rows end with a delimiter. */
  readonly hasTrailing: boolean;
  /**
   * The words for missing values that occur in columns that are no text; and those in columns of text, where they are
   * text.
   */
  readonly missingWords: ReadonlySet<string>;
  readonly textWords: ReadonlySet<string>;
}

/** The kinds of the table's columns, in the order of the file's header. Empty if there is no table yet. */
export type TableColumnKinds = (head: CsvHead) => readonly (ColumnKind | undefined)[];

/**
 * Scans a whole CSV file: its format, the kinds of its columns, and whether every row is valid. Undefined if it has no
 * rows. Throws a `FileProblem` for the first row that is broken or has a value that does not fit its column.
 */
export async function scanCsv(
  texts: AsyncIterable<string>,
  options: CsvOptions,
  tableKinds: TableColumnKinds = () => [],
): Promise<CsvScan | undefined> {
  const scan = new Scan(options, tableKinds);
  for await (const text of texts) scan.push(text);
  return scan.end();
}

class Scan {
  readonly #options: CsvOptions;
  readonly #tableKinds: TableColumnKinds;
  #buffer = "";
  #head: CsvHead | undefined;
  #parser: CsvParser | undefined;
  #columns: readonly ColumnValues[] = [];
  #hasTable = false;
  #hasHeader = false;
  #rows = 0;
  #hasTrailing = false;

  constructor(options: CsvOptions, tableKinds: TableColumnKinds) {
    this.#options = options;
    this.#tableKinds = tableKinds;
  }

  push(text: string): void {
    if (this.#parser) this.#addRecords(this.#parser.push(text));
    else this.#buffer += text;
    if (this.#buffer.length >= limits.fileHeadBytes) this.#start(false);
  }

  end(): CsvScan | undefined {
    if (!this.#parser) this.#start(true);
    if (!this.#parser || !this.#head) return undefined;
    this.#addRecords(this.#parser.end());
    if (this.#rows === 0) return undefined;
    this.#assertFits(this.#head);
    const wordsOf = (isText: boolean) =>
      new Set(this.#columns.flatMap(({ kind, words }) => ((kind === "text") === isText ? [...words] : [])));
    return {
      ...this.#head,
      kinds: this.#columns.map(({ kind }) => kind),
      rows: this.#rows,
      hasTrailing: this.#hasTrailing,
      missingWords: wordsOf(false),
      textWords: wordsOf(true),
    };
  }

  #start(isWhole: boolean): void {
    const head = readCsvHead(this.#buffer, isWhole, this.#options);
    if (!head) return;
    this.#head = head;
    const missing = missingTexts(this.#options.nullValues ?? []);
    const tableKinds = this.#tableKinds(head);
    this.#hasTable = tableKinds.length > 0;
    this.#columns = head.names.map((_, index) => new ColumnValues(missing, tableKinds[index]));
    this.#parser = new CsvParser(head.delimiter);
    this.#addRecords(this.#parser.push(this.#buffer));
    this.#buffer = "";
  }

  #addRecords(records: readonly CsvRecord[]): void {
    for (const record of records) {
      if (record.isBlank && (!this.#hasHeader || this.#columns.length > 1)) continue;
      if (this.#hasHeader) this.#addRow(record);
      this.#hasHeader = true;
    }
  }

  #addRow({ line, cells }: CsvRecord): void {
    const names = this.#head?.names ?? [];
    // A row may end in a delimiter.
    const isTooLong = cells.length > names.length && cells.slice(names.length).some((cell) => cell !== "");
    if (isTooLong || cells.length < names.length) throw new FileProblem(line, widthProblem(cells, names));
    if (cells.length > names.length) this.#hasTrailing = true;
    for (const [index, column] of this.#columns.entries()) column.add(cells[index] ?? "", this.#rows, line);
    this.#rows += 1;
  }

  #assertFits({ names }: CsvHead): void {
    const found = this.#columns.flatMap(({ kind, invalidValue }, index) =>
      invalidValue ? [{ kind, index, ...invalidValue }] : [],
    );
    const first = found.sort((one, other) => one.line - other.line)[0];
    if (!first) return;
    const owner = this.#hasTable ? "of the table" : undefined;
    throw new FileProblem(first.line, invalidValueReason(first.value, first.kind, owner), names[first.index]);
  }
}

function widthProblem(cells: readonly string[], names: readonly string[]): string {
  const missing = cells.length < names.length ? `; "${names[cells.length]}" is missing` : "";
  const more = cells.length > names.length ? "; quote the cells that hold a delimiter" : "";
  const count = cells.length === 1 ? "1 column" : `${cells.length} columns`;
  return `it has ${count} where the header has ${names.length}${missing}${more}`;
}

/** The message for a value that does not fit its column. `owner`: what defines the type, if it is not the file. */
export function invalidValueReason(value: string, type: string, owner?: string): string {
  const of = owner ?? "as its other values say; if it is meant to be text, create the table first";
  const shown = JSON.stringify(value.slice(0, limits.shownValueCharacters));
  const article = /^[aeiou]/i.test(type) ? "an" : "a";
  return `${shown} is not ${article} ${type} (the type ${of})`;
}
