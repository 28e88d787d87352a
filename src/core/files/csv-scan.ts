import { limits } from "../limits.ts";
import { ColumnValues, missingTexts } from "./column-values.ts";
import { type CsvHead, type CsvOptions, readCsvHead } from "./csv-head.ts";
import { CsvParser, type CsvRecord } from "./csv-parser.ts";
import { FileProblem } from "./file-problem.ts";
import type { Kind } from "./text-values.ts";

/** A CSV file that can be loaded. */
export interface CsvScan extends CsvHead {
  readonly kinds: readonly Kind[];
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
export type KnownKinds = (head: CsvHead) => readonly (Kind | undefined)[];

/**
 * Reads all of a CSV file: how it is written, what its columns are, and whether every row fits. Undefined when it has
 * no rows. Throws a `FileProblem` for the first row that is broken or has a value that its column can't hold.
 */
export async function scanCsv(
  texts: AsyncIterable<string>,
  options: CsvOptions,
  known: KnownKinds = () => [],
): Promise<CsvScan | undefined> {
  const scan = new Scan(options, known);
  for await (const text of texts) scan.push(text);
  return scan.end();
}

class Scan {
  readonly #options: CsvOptions;
  readonly #known: KnownKinds;
  #held = "";
  #head: CsvHead | undefined;
  #parser: CsvParser | undefined;
  #columns: readonly ColumnValues[] = [];
  #isOfTable = false;
  #hasHeader = false;
  #rows = 0;
  #hasTrailing = false;

  constructor(options: CsvOptions, known: KnownKinds) {
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
    if (isTooLong || cells.length < names.length) throw new FileProblem(line, widthOf(cells, names));
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
    throw new FileProblem(first.line, misfitReason(first.value, first.kind, owner), names[first.index]);
  }
}

function widthOf(cells: readonly string[], names: readonly string[]): string {
  const missing = cells.length < names.length ? `; "${names[cells.length]}" is missing` : "";
  const more = cells.length > names.length ? "; quote the cells that hold a delimiter" : "";
  const count = cells.length === 1 ? "1 column" : `${cells.length} columns`;
  return `it has ${count} where the header has ${names.length}${missing}${more}`;
}

/** What is said of a value that its column can't hold. `owner`: who says what the type is, when it is not the file. */
export function misfitReason(value: string, type: string, owner?: string): string {
  const of = owner ?? "as its other values say; if it is meant to be text, create the table first";
  const shown = JSON.stringify(value.slice(0, limits.shownValueCharacters));
  const article = /^[aeiou]/i.test(type) ? "an" : "a";
  return `${shown} is not ${article} ${type} (the type ${of})`;
}
