import { limits } from "../limits.ts";
import { type ColumnKind, ColumnValues, FileProblem, missingTexts } from "./column-values.ts";
import { CsvParser, type CsvRecord } from "./csv-parser.ts";

/** What a user may say of a CSV file. */
export interface CsvOptions {
  /** Default: found out. */
  readonly delimiter?: string | undefined;
  /** Texts that are NULL in every column, beside empty cells. */
  readonly nullValues?: readonly string[] | undefined;
}

/** How a CSV file is written. */
export interface CsvHead {
  readonly delimiter: string;
  readonly names: readonly string[];
  /** The header has cells without a name, whose columns are called by their place. */
  readonly hasUnnamed: boolean;
  /** Characters before the first row. */
  readonly length: number;
  /** What the header ends with. */
  readonly lineEnd: string;
  /** The header runs over several lines, or does not stand on the first. */
  readonly isSpread: boolean;
}

const delimiters = [",", ";", "\t", "|"];
/** What else divides cells in some files. It is not guessed at: it may be part of a name. */
const rareDelimiters = [":", "^", "~", "\u0001"];
/** Rows below the header that are looked at. */
const sampledRecords = 20;

/**
 * From the beginning of a file; `isWhole`: it is all of it. Undefined when there is nothing. Throws a `FileProblem`.
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
  // Throws what is wrong with the header itself.
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
 * The one that divides the header and the rows below it into the same number of cells; of several, the most frequent.
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
      `its cells seem to be divided by ${JSON.stringify(rare)}; say so with the delimiter of loadFile, or give it "," if it is one column`,
    );
  return ",";
}

function splitBy(text: string, isWhole: boolean, delimiter: string) {
  const [header, ...rows] = firstRecords(text, isWhole, delimiter).filter(({ isBlank }) => !isBlank);
  const columns = header?.cells.length ?? 0;
  const agrees = columns > 1 && rows.every(({ cells }) => cells.length === columns);
  return { columns, agrees, rows: rows.length };
}

/** The first records. */
function firstRecords(text: string, isWhole: boolean, delimiter: string): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  try {
    const parser = new CsvParser(delimiter);
    for (const line of text.split(/(?<=\n)/)) {
      records.push(...parser.push(line));
      if (records.length > sampledRecords) return records;
    }
    if (isWhole) records.push(...parser.end());
  } catch (thrown) {
    // Reading the rows reports what is wrong. With another delimiter it may be right.
    if (!(thrown instanceof FileProblem)) throw thrown;
  }
  return records;
}

/** Columns without a name, such as those of row numbers, are called by their place. */
function columnNames({ line, cells }: CsvRecord): readonly string[] {
  const names = cells.map((cell, index) => cell.trim() || `column_${index + 1}`);
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      throw new FileProblem(
        line,
        `column "${name}" appears twice${other === name ? "" : ` (also as "${other}": case makes no difference)`}; rename one of them`,
      );
    seen.set(name.toLowerCase(), name);
  }
  return names;
}

/** A CSV file that can be loaded. */
export interface CsvScan extends CsvHead {
  readonly kinds: readonly ColumnKind[];
  readonly rows: number;
  /** Some rows end in a delimiter. */
  readonly hasTrailing: boolean;
  /**
   * Words that stand for a missing value in columns that are no text; and those of columns of text, where they are
   * text.
   */
  readonly missingWords: ReadonlySet<string>;
  readonly textWords: ReadonlySet<string>;
}

/** The kinds of the columns that a table has, by the names of a file's columns; undefined where there is no table. */
export type TableColumnKinds = (head: CsvHead) => readonly (ColumnKind | undefined)[];

/**
 * Reads all of a CSV file: how it is written, what its columns are, and whether every row fits. Undefined when it has
 * no rows. Throws a `FileProblem` for the first row that is broken or has a value that its column can't hold.
 */
export async function scanCsv(
  texts: AsyncIterable<string>,
  options: CsvOptions,
  known: TableColumnKinds = () => [],
): Promise<CsvScan | undefined> {
  const scan = new Scan(options, known);
  for await (const text of texts) scan.push(text);
  return scan.end();
}

class Scan {
  readonly #options: CsvOptions;
  readonly #known: TableColumnKinds;
  #held = "";
  #head: CsvHead | undefined;
  #parser: CsvParser | undefined;
  #columns: readonly ColumnValues[] = [];
  #isOfTable = false;
  #hasHeader = false;
  #rows = 0;
  #hasTrailing = false;

  constructor(options: CsvOptions, known: TableColumnKinds) {
    this.#options = options;
    this.#known = known;
  }

  push(text: string): void {
    if (this.#parser) this.#take(this.#parser.push(text));
    else this.#held += text;
    if (this.#held.length >= limits.fileHeadBytes) this.#begin(false);
  }

  end(): CsvScan | undefined {
    if (!this.#parser) this.#begin(true);
    if (!this.#parser || !this.#head) return undefined;
    this.#take(this.#parser.end());
    if (this.#rows === 0) return undefined;
    this.#refuseMisfit(this.#head);
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

  #begin(isWhole: boolean): void {
    const head = readCsvHead(this.#held, isWhole, this.#options);
    if (!head) return;
    this.#head = head;
    const missing = missingTexts(this.#options.nullValues ?? []);
    const known = this.#known(head);
    this.#isOfTable = known.length > 0;
    this.#columns = head.names.map((_, index) => new ColumnValues(missing, known[index]));
    this.#parser = new CsvParser(head.delimiter);
    this.#take(this.#parser.push(this.#held));
    this.#held = "";
  }

  #take(records: readonly CsvRecord[]): void {
    for (const record of records) {
      if (record.isBlank && (!this.#hasHeader || this.#columns.length > 1)) continue;
      if (this.#hasHeader) this.#row(record);
      this.#hasHeader = true;
    }
  }

  #row({ line, cells }: CsvRecord): void {
    const names = this.#head?.names ?? [];
    // A row may end in a delimiter.
    const isTooLong = cells.length > names.length && cells.slice(names.length).some((cell) => cell !== "");
    if (isTooLong || cells.length < names.length) throw new FileProblem(line, widthProblem(cells, names));
    if (cells.length > names.length) this.#hasTrailing = true;
    for (const [index, column] of this.#columns.entries()) column.add(cells[index] ?? "", this.#rows, line);
    this.#rows += 1;
  }

  #refuseMisfit({ names }: CsvHead): void {
    const found = this.#columns.flatMap(({ kind, misfit }, index) =>
      misfit ? [{ kind, index, ...misfit }] : [],
    );
    const first = found.sort((one, other) => one.line - other.line)[0];
    if (!first) return;
    const owner = this.#isOfTable ? "of the table" : undefined;
    throw new FileProblem(first.line, invalidValueReason(first.value, first.kind, owner), names[first.index]);
  }
}

function widthProblem(cells: readonly string[], names: readonly string[]): string {
  const missing = cells.length < names.length ? `; "${names[cells.length]}" is missing` : "";
  const more = cells.length > names.length ? "; quote the cells that hold a delimiter" : "";
  const count = cells.length === 1 ? "1 column" : `${cells.length} columns`;
  return `it has ${count} where the header has ${names.length}${missing}${more}`;
}

/** What is said of a value that its column can't hold. `owner`: who says what the type is, when it is not the file. */
export function invalidValueReason(value: string, type: string, owner?: string): string {
  const of = owner ?? "as its other values say; if it is meant to be text, create the table first";
  const shown = JSON.stringify(value.slice(0, limits.shownValueCharacters));
  const article = /^[aeiou]/i.test(type) ? "an" : "a";
  return `${shown} is not ${article} ${type} (the type ${of})`;
}
