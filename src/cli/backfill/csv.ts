import { limits } from "../../core/limits.ts";
import type { Line } from "./lines.ts";

/** One record of a CSV file, which may run over several lines. */
export interface CsvRecord {
  /** The line on which it begins. */
  readonly line: number;
  readonly cells: readonly string[];
  /** Why it can't be read. */
  readonly problem?: string;
}

/**
 * The records of comma-separated text by RFC 4180: quoted cells may hold commas, doubled quotes and line ends. Blank
 * lines are left out. After a record that can't be read, it goes on with the next line.
 */
export async function* readCsv(lines: AsyncIterable<Line>): AsyncGenerator<CsvRecord> {
  let open: OpenRecord | undefined;
  for await (const { number, text, problem } of lines) {
    if (!open && problem === undefined && isBlank(text)) continue;
    open ??= new OpenRecord(number);
    if (problem === undefined) open.read(text);
    else open.refuse(problem);
    if (open.continues) continue;
    yield open.close();
    open = undefined;
  }
  if (!open) return;
  open.refuse("the quote of a cell is never closed");
  yield open.close();
}

function isBlank(text: string): boolean {
  return text === "" || text === "\r";
}

/** A record of which some lines have been read. */
class OpenRecord {
  readonly #line: number;
  readonly #cells: string[] = [];
  /** What has been read of a quoted cell that goes on on the next line. */
  #quoted: string[] | undefined;
  #characters = 0;
  #problem: string | undefined;

  constructor(line: number) {
    this.#line = line;
  }

  get continues(): boolean {
    return this.#quoted !== undefined && this.#problem === undefined;
  }

  refuse(problem: string): void {
    this.#problem ??= problem;
  }

  close(): CsvRecord {
    const problem = this.#problem;
    return { line: this.#line, cells: this.#cells, ...(problem !== undefined && { problem }) };
  }

  /** One more line. */
  read(text: string): void {
    this.#characters += text.length + 1;
    if (this.#characters > limits.messageBytes)
      this.refuse(`it is longer than ${limits.messageBytes} characters: is a quote never closed?`);
    let at = 0;
    while (at <= text.length && this.#problem === undefined)
      at = this.#quoted || text[at] === '"' ? this.#readQuoted(text, at) : this.#readPlain(text, at);
  }

  /** Reads a cell without quotes; gives where the next begins. */
  #readPlain(text: string, at: number): number {
    const comma = text.indexOf(",", at);
    const end = comma < 0 ? endOf(text) : comma;
    const cell = text.slice(at, Math.max(at, end));
    if (cell.includes('"')) this.refuse("there is a quote inside a cell that does not begin with one");
    this.#cells.push(cell);
    return comma < 0 ? text.length + 1 : comma + 1;
  }

  /** Reads a quoted cell, or what this line has of it; gives where the next begins. */
  #readQuoted(text: string, start: number): number {
    const parts = this.#quoted ?? [];
    let at = this.#quoted ? start : start + 1;
    for (;;) {
      const quote = text.indexOf('"', at);
      if (quote < 0) {
        this.#quoted = parts;
        parts.push(text.slice(at), "\n");
        return text.length + 1;
      }
      parts.push(text.slice(at, quote));
      at = quote + 1;
      if (text[at] !== '"') break;
      parts.push('"');
      at += 1;
    }
    this.#quoted = undefined;
    this.#cells.push(parts.join(""));
    if (at >= endOf(text)) return text.length + 1;
    if (text[at] !== ",") this.refuse("there is text after the closing quote of a cell");
    return at + 1;
  }
}

/** Where the last cell of a line ends. */
function endOf(text: string): number {
  return text.endsWith("\r") ? text.length - 1 : text.length;
}
