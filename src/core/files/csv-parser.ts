import { limits } from "../limits.ts";
import { FileProblem } from "./column-values.ts";

export interface CsvRecord {
  /** On which it begins, 1 for the first. */
  readonly line: number;
  readonly cells: readonly string[];
  /** Characters from its beginning to that of the next. */
  readonly length: number;
  /** Nothing stands on its line. */
  readonly isBlank: boolean;
}

interface Parsed {
  readonly cells: readonly string[];
  readonly next: number;
}

interface Cell {
  readonly text: string;
  readonly end: number;
}

/** CSV as RFC 4180 has it, with any delimiter and any line end, in pieces as they come. */
export class CsvParser {
  readonly #delimiter: string;
  #rest = "";
  #line = 1;
  /** A record that is not complete is looked at again when twice as much of it is there. */
  #enough = 0;
  /** The first carriage return at or after the last place that one was looked for at. Most files have none. */
  #carriage = -1;

  constructor(delimiter: string) {
    this.#delimiter = delimiter;
  }

  /** The records that are complete with this text. Throws a `FileProblem`. */
  push(text: string): readonly CsvRecord[] {
    this.#rest += text;
    this.#carriage = -1;
    if (this.#rest.length < Math.min(this.#enough, limits.fileRowBytes)) return [];
    return this.#take(false);
  }

  /** The last record, when no line end follows it. Throws a `FileProblem`. */
  end(): readonly CsvRecord[] {
    return this.#take(true);
  }

  #take(isEnd: boolean): readonly CsvRecord[] {
    const records: CsvRecord[] = [];
    let from = 0;
    while (from < this.#rest.length) {
      const parsed = this.#parse(from, isEnd);
      if (!parsed) break;
      const raw = this.#rest.slice(from, parsed.next);
      this.#refuseLong(raw.length);
      const isBlank = /^(?:\r?\n|\r)$/.test(raw);
      records.push({ line: this.#line, cells: parsed.cells, length: raw.length, isBlank });
      this.#line += countLines(raw);
      from = parsed.next;
    }
    this.#rest = this.#rest.slice(from);
    this.#carriage = -1;
    this.#enough = this.#rest.length * 2;
    if (from === 0) this.#refuseLong(this.#rest.length);
    return records;
  }

  #refuseLong(length: number): void {
    if (length <= limits.fileRowBytes) return;
    const most = `${limits.fileRowBytes / 1024 ** 2} MiB`;
    throw new FileProblem(
      this.#line,
      `the row is longer than the maximum size of ${most}; is there a quote that does not end?`,
    );
  }

  /** The record that begins there; undefined when its end has not come yet. */
  #parse(from: number, isEnd: boolean): Parsed | undefined {
    const text = this.#rest;
    const end = this.#lineEnd(from, isEnd);
    if (end === undefined) return undefined;
    const line = text.slice(from, end.at);
    if (!line.includes('"')) return { cells: line.split(this.#delimiter), next: end.next };
    return this.#parseQuoted(from, isEnd);
  }

  #parseQuoted(from: number, isEnd: boolean): Parsed | undefined {
    const cells: string[] = [];
    for (let at = from; ; at += this.#delimiter.length) {
      const cell = this.#rest[at] === '"' ? this.#quotedCell(at, isEnd) : this.#bareCell(at, isEnd);
      if (!cell) return undefined;
      cells.push(cell.text);
      at = cell.end;
      if (this.#rest.startsWith(this.#delimiter, at)) continue;
      const end = this.#lineEnd(at, isEnd);
      if (!end) return undefined;
      if (end.at === at) return { cells, next: end.next };
      throw new FileProblem(
        this.#line,
        'a quoted cell has text after its end; write a quote inside a cell as ""',
      );
    }
  }

  #quotedCell(at: number, isEnd: boolean): Cell | undefined {
    const close = closingQuote(this.#rest, at + 1);
    // The last quote of what is there may be the first of two.
    if (!isEnd && (close === undefined || close + 1 === this.#rest.length)) return undefined;
    if (close === undefined) throw new FileProblem(this.#line, "a quoted cell does not end");
    return { text: this.#rest.slice(at + 1, close).replaceAll('""', '"'), end: close + 1 };
  }

  #bareCell(at: number, isEnd: boolean): Cell | undefined {
    const end = this.#lineEnd(at, isEnd);
    if (!end) return undefined;
    const line = this.#rest.slice(at, end.at);
    const text = line.slice(0, indexOrEnd(line, this.#delimiter, 0));
    return { text, end: at + text.length };
  }

  /** Where the line ends, and where the next one begins. */
  #lineEnd(from: number, isEnd: boolean): { at: number; next: number } | undefined {
    const text = this.#rest;
    const feed = text.indexOf("\n", from);
    if (this.#carriage < from) this.#carriage = indexOrEnd(text, "\r", from);
    const carriage = this.#carriage;
    if (carriage < text.length && (feed === -1 || carriage < feed)) {
      if (carriage + 1 === text.length && !isEnd) return undefined;
      return { at: carriage, next: carriage + (text[carriage + 1] === "\n" ? 2 : 1) };
    }
    if (feed !== -1) return { at: feed, next: feed + 1 };
    return isEnd ? { at: text.length, next: text.length } : undefined;
  }
}

function closingQuote(text: string, from: number): number | undefined {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 2))
    if (text[at + 1] !== '"') return at;
  return undefined;
}

function indexOrEnd(text: string, part: string, from: number): number {
  const index = text.indexOf(part, from);
  return index === -1 ? text.length : index;
}

function countLines(text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0;
}
