import { limits } from "../limits.ts";
import { CellFormats } from "./cell-formats.ts";
import { missingTexts, type TableKind } from "./column-kinds.ts";
import { ColumnValues } from "./column-values.ts";
import { type CsvHead, givenTypes, readCsvHead } from "./csv-head.ts";
import { CsvParser, type CsvRecord } from "./csv-parser.ts";
import { areCellsStandard, type FileOptions } from "./file-options.ts";
import { FileProblem, invalidValueReason } from "./file-problem.ts";

/** The result of the scan of a valid CSV file. */
export interface CsvScan {
  readonly head: CsvHead;
  readonly kinds: readonly TableKind[];
  readonly rows: number;
  /** Some rows end with a delimiter. */
  readonly hasTrailing: boolean;
  /** The words for missing values that occur in columns that are no text. In columns of text they are text. */
  readonly missingWords: ReadonlySet<string>;
  /**
   * Whether an engine may read some cells in another way than Baton, even if it knows the delimiter, the types and the
   * missing words. Then it needs a copy in the standard form.
   */
  readonly isUnusual: boolean;
}

/** A column of the table that a file is loaded into. */
export interface TableColumn {
  readonly name: string;
  readonly kind: TableKind;
}

/**
 * The columns of the table, in the order of the file, with those that the file may lack after them. Undefined if the
 * file decides the types.
 */
export type TableColumnsOf = (head: CsvHead) => readonly TableColumn[] | undefined;

/**
 * Scans a whole CSV file: its format, the kinds of its columns, and whether every row is valid. Undefined if it has no
 * rows. Throws a `FileProblem` for the first row that is broken or has a value that does not fit its column.
 */
export async function scanCsv(
  texts: AsyncIterable<string>,
  options: FileOptions,
  tableColumns: TableColumnsOf = () => undefined,
): Promise<CsvScan | undefined> {
  const scan = new Scan(options, tableColumns);
  for await (const text of texts) scan.push(text);
  return scan.end();
}

/** The rows of a CSV file. Throws a `FileProblem` for a row with too few or too many cells. */
export class CsvRows {
  readonly #names: readonly string[];
  readonly #parser: CsvParser;
  readonly #allowMissing: boolean;
  #hasTrailing = false;
  #hasBlank = false;

  constructor(head: CsvHead, { allowMissing = false }: FileOptions) {
    this.#names = head.names;
    this.#parser = new CsvParser(head, head.line);
    this.#allowMissing = allowMissing;
  }

  push(text: string): readonly CsvRecord[] {
    return this.#rowsOf(this.#parser.push(text));
  }

  end(): readonly CsvRecord[] {
    return this.#rowsOf(this.#parser.end());
  }

  get hasTrailing(): boolean {
    return this.#hasTrailing;
  }

  /** Whether engines may disagree about where the rows are. */
  get areUnusual(): boolean {
    return this.#hasBlank || this.#parser.hasCarriageAlone;
  }

  get haveQuotes(): boolean {
    return this.#parser.hasQuotes;
  }

  #rowsOf(records: readonly CsvRecord[]): readonly CsvRecord[] {
    const rows = records.filter((record) => !this.#isSkipped(record));
    for (const row of rows) this.#assertWidth(row);
    return rows;
  }

  /** A blank line is a row only if there is one column. */
  #isSkipped({ isBlank }: CsvRecord): boolean {
    this.#hasBlank ||= isBlank;
    return isBlank && this.#names.length > 1;
  }

  #assertWidth({ line, cells }: CsvRecord): void {
    const width = this.#names.length;
    if (cells.length === width || (cells.length < width && this.#allowMissing)) return;
    // A row may end in delimiters.
    const isTooLong = cells.length > width && cells.slice(width).some((cell) => cell !== "");
    if (isTooLong || cells.length < width) throw new FileProblem(line, widthProblem(cells, this.#names));
    this.#hasTrailing = true;
  }
}

class Scan {
  readonly #options: FileOptions;
  readonly #tableColumns: TableColumnsOf;
  #buffer = "";
  #head: CsvHead | undefined;
  #parser: CsvRows | undefined;
  #columns: readonly ColumnValues[] = [];
  #hasTable = false;
  #rows = 0;
  #hasQuotedEmpty = new Set<number>();

  constructor(options: FileOptions, tableColumns: TableColumnsOf) {
    this.#options = options;
    this.#tableColumns = tableColumns;
  }

  push(text: string): void {
    if (this.#parser) this.#addRows(this.#parser.push(text));
    else this.#buffer += text;
    if (this.#buffer.length >= limits.fileHeadBytes) this.#start(false);
  }

  end(): CsvScan | undefined {
    if (!this.#parser) this.#start(true);
    if (!this.#parser || !this.#head) return undefined;
    this.#addRows(this.#parser.end());
    if (this.#rows === 0) return undefined;
    this.#assertFits(this.#head);
    return {
      head: this.#head,
      kinds: this.#columns.map(({ kind }) => kind),
      rows: this.#rows,
      hasTrailing: this.#parser.hasTrailing,
      missingWords: this.#wordsOf(false),
      isUnusual: this.#isUnusual(this.#head, this.#parser),
    };
  }

  #start(isWhole: boolean): void {
    const head = readCsvHead(this.#buffer, isWhole, this.#options);
    if (!head) return;
    const table = this.#tableColumns(head);
    const given = givenTypes(head, this.#options);
    const rules = {
      missing: missingTexts(this.#options.nullValues ?? []),
      formats: new CellFormats(this.#options),
    };
    this.#hasTable = table !== undefined;
    this.#columns = head.names.map(
      (_, index) => new ColumnValues(rules, table ? table[index]?.kind : given[index]),
    );
    this.#head = head;
    this.#parser = new CsvRows(head, this.#options);
    this.#addRows(this.#parser.push(this.#buffer.slice(head.length)));
    this.#buffer = "";
  }

  #addRows(rows: readonly CsvRecord[]): void {
    for (const { cells, line, quotedEmpty } of rows) {
      for (const [index, column] of this.#columns.entries()) column.add(cells[index] ?? "", this.#rows, line);
      for (const index of quotedEmpty) this.#hasQuotedEmpty.add(index);
      this.#rows += 1;
    }
  }

  /** The words in the columns that are text, or in the others. */
  #wordsOf(isText: boolean): ReadonlySet<string> {
    return new Set(
      this.#columns.flatMap(({ kind, words }) => ((kind === "text") === isText ? [...words] : [])),
    );
  }

  #isUnusual(head: CsvHead, rows: CsvRows): boolean {
    const { nullValues = [] } = this.#options;
    const isText = (index: number) => this.#columns[index]?.kind === "text";
    const textWords = this.#wordsOf(true);
    const words = this.#wordsOf(false);
    // An engine may not find a word in quotes.
    const mayHideWords = rows.haveQuotes && words.size + nullValues.length > 0;
    return (
      !areCellsStandard(this.#options) ||
      !head.isFirstLine ||
      rows.areUnusual ||
      mayHideWords ||
      this.#columns.some(({ isUnusual }) => isUnusual) ||
      [...this.#hasQuotedEmpty].some((index) => !isText(index)) ||
      [...words].some((word) => textWords.has(word) && !nullValues.includes(word))
    );
  }

  #assertFits(head: CsvHead): void {
    const found = this.#columns.flatMap(({ kind, invalidValue }, index) =>
      invalidValue ? [{ kind, index, ...invalidValue }] : [],
    );
    const first = found.sort((one, other) => one.line - other.line)[0];
    if (!first) return;
    const isGiven = givenTypes(head, this.#options)[first.index] !== undefined;
    const owner = this.#hasTable ? "of the table" : isGiven ? "in the option columns" : undefined;
    throw new FileProblem(
      first.line,
      invalidValueReason(first.value, first.kind, owner),
      head.names[first.index],
    );
  }
}

function widthProblem(cells: readonly string[], names: readonly string[]): string {
  const missing = cells.length < names.length ? `; "${names[cells.length]}" is missing` : "";
  const more = cells.length > names.length ? "; quote the cells that hold a delimiter" : "";
  const count = cells.length === 1 ? "1 column" : `${cells.length} columns`;
  return `it has ${count} where the header has ${names.length}${missing}${more}`;
}
