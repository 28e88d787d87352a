import { CellFormats } from "./cell-formats.ts";
import { missingTexts, type TableKind } from "./column-kinds.ts";
import { toPlainValue, trim } from "./column-values.ts";
import type { CsvHead } from "./csv-head.ts";
import type { CsvRecord } from "./csv-parser.ts";
import { CsvRows } from "./csv-scan.ts";
import type { FileOptions } from "./file-options.ts";

/** What a copy of a CSV file in the standard form needs to be read. */
export interface RewriteOptions extends FileOptions {
  /** What is written for NULL, without quotes. */
  readonly nullText: string;
}

/** A column of the copy. */
interface CopiedColumn {
  /** Its position in the file. Undefined if the file lacks it: all its values are NULL. */
  readonly from: number | undefined;
  readonly kind: TableKind;
}

/** A scanned CSV file, and the columns of its copy. */
export interface CopiedCsv {
  readonly head: CsvHead;
  readonly columns: readonly CopiedColumn[];
}

/** Characters of a copy that are written at once. */
const pieceLength = 64 * 1024;

/**
 * The rows of a scanned CSV file in the standard form, without a header: commas, quotes where they are needed, lines
 * that end in LF, and values as in ISO 8601 and JSON. Throws a `FileProblem`.
 */
export async function* rewriteCsv(
  texts: AsyncIterable<string>,
  { head, columns }: CopiedCsv,
  options: RewriteOptions,
): AsyncGenerator<string> {
  const rows = new CsvRows(head, options);
  const writer = new RowWriter(columns, options);
  let piece = "";
  let left = head.length;
  for await (const text of texts) {
    const rest = left < text.length ? text.slice(left) : "";
    left = Math.max(0, left - text.length);
    for (const row of rows.push(rest)) piece += writer.write(row);
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  for (const row of rows.end()) piece += writer.write(row);
  if (piece !== "") yield piece;
}

/** Writes the cells of rows in the standard form. */
class RowWriter {
  readonly #columns: readonly CopiedColumn[];
  readonly #formats: CellFormats;
  readonly #nullText: string;
  readonly #missing: ReadonlySet<string>;
  readonly #nullValues: ReadonlySet<string>;

  constructor(columns: readonly CopiedColumn[], options: RewriteOptions) {
    this.#columns = columns;
    this.#formats = new CellFormats(options);
    this.#nullText = options.nullText;
    this.#missing = missingTexts(options.nullValues ?? []);
    this.#nullValues = new Set(options.nullValues);
  }

  write({ cells, quotedEmpty }: CsvRecord): string {
    let line = "";
    for (const [index, { from = -1, kind }] of this.#columns.entries()) {
      const cell = cells[from] ?? "";
      if (index > 0) line += ",";
      line += kind === "text" ? this.#text(cell, quotedEmpty.has(from)) : this.#value(cell, kind);
    }
    return `${line}\n`;
  }

  #text(cell: string, isQuotedEmpty: boolean): string {
    if (cell === "") return isQuotedEmpty && !this.#nullValues.has("") ? '""' : this.#nullText;
    return this.#nullValues.has(cell) ? this.#nullText : quoted(cell);
  }

  #value(cell: string, kind: TableKind): string {
    const text = trim(cell);
    if (this.#missing.has(text)) return this.#nullText;
    return quoted(toPlainValue(this.#formats.toStandard(text, kind) ?? text, kind));
  }
}

function quoted(text: string): string {
  return /[",\r\n]|^[ \t]|[ \t]$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
