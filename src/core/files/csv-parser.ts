import { limits } from "../limits.ts";
import { FileProblem } from "./file-problem.ts";

export interface CsvRecord {
  /** The line on which it begins, 1 for the first. */
  readonly line: number;
  readonly cells: readonly string[];
  /** Characters from its start to the start of the next record. */
  readonly length: number;
  /** Its line is empty. */
  readonly isBlank: boolean;
  /** The positions of the empty cells that are quoted. */
  readonly quotedEmpty: ReadonlySet<number>;
}

/** How the records of a CSV file are divided into cells. */
export interface CsvFormat {
  readonly delimiter: string;
  /** Empty if no cell is quoted. */
  readonly quote: string;
}

interface RecordEnd {
  readonly cells: readonly string[];
  readonly quotedEmpty: ReadonlySet<number>;
  readonly next: number;
}

const none: ReadonlySet<number> = new Set();

interface Cell {
  readonly text: string;
  readonly end: number;
}

/** A streaming parser of CSV by RFC 4180, with any delimiter, quote and line end. */
export class CsvParser {
  readonly #delimiter: string;
  readonly #quote: string;
  #buffer = "";
  #line: number;
  #hasCarriageAlone = false;
  #hasQuotes = false;
  /** An incomplete record is parsed again only when the buffer has this length, or parsing would be quadratic. */
  #minimumLength = 0;
  /** The first carriage return at or after the last search position. Most files have none. */
  #carriage = -1;

  /** `line`: the number of the first line. */
  constructor({ delimiter, quote }: CsvFormat, line = 1) {
    this.#delimiter = delimiter;
    this.#quote = quote;
    this.#line = line;
  }

  /** Whether some lines end in a carriage return without a line feed, as on old Macs. */
  get hasCarriageAlone(): boolean {
    return this.#hasCarriageAlone;
  }

  /** Whether some cells are quoted. */
  get hasQuotes(): boolean {
    return this.#hasQuotes;
  }

  /** The records that this text completes. Throws a `FileProblem`. */
  push(text: string): readonly CsvRecord[] {
    this.#buffer += text;
    this.#carriage = -1;
    if (this.#buffer.length < Math.min(this.#minimumLength, limits.fileRowBytes)) return [];
    return this.#takeRecords(false);
  }

  /** The last record, if it has no line end. Throws a `FileProblem`. */
  end(): readonly CsvRecord[] {
    return this.#takeRecords(true);
  }

  #takeRecords(isEnd: boolean): readonly CsvRecord[] {
    const records: CsvRecord[] = [];
    let from = 0;
    while (from < this.#buffer.length) {
      const parsed = this.#parse(from, isEnd);
      if (!parsed) break;
      const raw = this.#buffer.slice(from, parsed.next);
      this.#assertRowLength(raw.length);
      const isBlank = /^(?:\r?\n|\r)$/.test(raw);
      const { cells, quotedEmpty } = parsed;
      records.push({ line: this.#line, cells, length: raw.length, isBlank, quotedEmpty });
      this.#line += countLines(raw);
      from = parsed.next;
    }
    this.#buffer = this.#buffer.slice(from);
    this.#carriage = -1;
    this.#minimumLength = this.#buffer.length * 2;
    if (from === 0) this.#assertRowLength(this.#buffer.length);
    return records;
  }

  #assertRowLength(length: number): void {
    if (length <= limits.fileRowBytes) return;
    const most = `${limits.fileRowBytes / 1024 ** 2} MiB`;
    throw new FileProblem(
      this.#line,
      `the row is longer than the maximum size of ${most}; is there a quote that does not end?`,
    );
  }

  /** The record that starts at `from`. Undefined if its end is not in the buffer yet. */
  #parse(from: number, isEnd: boolean): RecordEnd | undefined {
    const text = this.#buffer;
    const end = this.#lineEnd(from, isEnd);
    if (end === undefined) return undefined;
    const line = text.slice(from, end.at);
    if (this.#quote === "" || !line.includes(this.#quote))
      return { cells: line.split(this.#delimiter), quotedEmpty: none, next: end.next };
    return this.#parseQuoted(from, isEnd);
  }

  #parseQuoted(from: number, isEnd: boolean): RecordEnd | undefined {
    const cells: string[] = [];
    const quotedEmpty = new Set<number>();
    for (let at = from; ; at += this.#delimiter.length) {
      const isQuoted = this.#buffer[at] === this.#quote;
      const cell = isQuoted ? this.#quotedCell(at, isEnd) : this.#bareCell(at, isEnd);
      if (!cell) return undefined;
      this.#hasQuotes ||= isQuoted;
      if (isQuoted && cell.text === "") quotedEmpty.add(cells.length);
      cells.push(cell.text);
      at = cell.end;
      if (this.#buffer.startsWith(this.#delimiter, at)) continue;
      const end = this.#lineEnd(at, isEnd);
      if (!end) return undefined;
      if (end.at === at) return { cells, quotedEmpty, next: end.next };
      throw new FileProblem(
        this.#line,
        `a quoted cell has text after its end; write a quote inside a cell as ${this.#quote.repeat(2)}`,
      );
    }
  }

  #quotedCell(at: number, isEnd: boolean): Cell | undefined {
    const close = closingQuote(this.#buffer, at + 1, this.#quote);
    // A quote at the end of the buffer may be the first of two.
    if (!isEnd && (close === undefined || close + 1 === this.#buffer.length)) return undefined;
    if (close === undefined) throw new FileProblem(this.#line, "a quoted cell does not end");
    const text = this.#buffer.slice(at + 1, close).replaceAll(this.#quote.repeat(2), this.#quote);
    return { text, end: close + 1 };
  }

  #bareCell(at: number, isEnd: boolean): Cell | undefined {
    const end = this.#lineEnd(at, isEnd);
    if (!end) return undefined;
    const line = this.#buffer.slice(at, end.at);
    const text = line.slice(0, indexOrEnd(line, this.#delimiter, 0));
    return { text, end: at + text.length };
  }

  /** The end of the line, and the start of the next one. Undefined if the end is not in the buffer yet. */
  #lineEnd(from: number, isEnd: boolean): { at: number; next: number } | undefined {
    const text = this.#buffer;
    const feed = text.indexOf("\n", from);
    if (this.#carriage < from) this.#carriage = indexOrEnd(text, "\r", from);
    const carriage = this.#carriage;
    if (carriage < text.length && (feed === -1 || carriage < feed)) {
      if (carriage + 1 === text.length && !isEnd) return undefined;
      if (text[carriage + 1] !== "\n") this.#hasCarriageAlone = true;
      return { at: carriage, next: carriage + (text[carriage + 1] === "\n" ? 2 : 1) };
    }
    if (feed !== -1) return { at: feed, next: feed + 1 };
    return isEnd ? { at: text.length, next: text.length } : undefined;
  }
}

function closingQuote(text: string, from: number, quote: string): number | undefined {
  for (let at = text.indexOf(quote, from); at !== -1; at = text.indexOf(quote, at + 2))
    if (text[at + 1] !== quote) return at;
  return undefined;
}

function indexOrEnd(text: string, part: string, from: number): number {
  const index = text.indexOf(part, from);
  return index === -1 ? text.length : index;
}

export function countLines(text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0;
}
