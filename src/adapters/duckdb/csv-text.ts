import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { refusal } from "./errors.ts";

const longestHeaderBytes = 1024 * 1024;
const newline = 0x0a;
const carriageReturn = 0x0d;
const quote = 0x22;
const delimiters = [",", ";", "\t"] as const;
const delimiterBytes = new Set(delimiters.map((delimiter) => delimiter.charCodeAt(0)));

export interface CsvHeader {
  readonly delimiter: string;
  readonly names: readonly string[];
}

/**
 * The first line of a CSV file. Baton reads it itself: DuckDB's sniffer would rather change the delimiter or skip
 * the header than say that a row is broken. Throws `FILE_UNREADABLE`.
 */
export async function readCsvHeader(path: string): Promise<CsvHeader> {
  const bytes = await firstBytes(path, longestHeaderBytes);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, endOfRecord(bytes)));
  } catch (thrown) {
    throw refusal("FILE_UNREADABLE", `${basename(path)}, line 1: it is not UTF-8 text`, thrown);
  }
  const bare = text.replace(/"(?:[^"]|"")*"/g, "");
  const count = (delimiter: string) => bare.split(delimiter).length;
  const delimiter = delimiters.reduce((best, other) => (count(other) > count(best) ? other : best));
  const names = splitRecord(text, delimiter).map((name) => name.trim());
  checkNames(names, basename(path));
  return { delimiter, names };
}

/** Which row to find: the rows of a table are counted without blank lines, the records of DuckDB's errors with them. */
export interface RowPlace {
  /** 0 for the header or, where there is none, the first row. */
  readonly row: number;
  readonly countBlank: boolean;
  /** Whether quoted cells may run over several lines. */
  readonly quoted: boolean;
}

/** The line on which a row begins, 1 for the first. */
export async function lineOfRow(path: string, place: RowPlace): Promise<number> {
  let rows = 0;
  let line = 1;
  for await (const record of recordsOf(path, place.quoted)) {
    line = record.line;
    if (record.blank && !place.countBlank) continue;
    if (rows === place.row) break;
    rows += 1;
  }
  return line;
}

async function* recordsOf(path: string, quoted: boolean): AsyncGenerator<{ line: number; blank: boolean }> {
  const cells = new CellScanner(quoted);
  let line = 1;
  let record = { line, blank: true };
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    for (const byte of chunk) {
      const inside = cells.next(byte);
      if (byte === newline) line += 1;
      if (!inside && byte === newline) {
        yield record;
        record = { line, blank: true };
      } else record.blank &&= byte === carriageReturn;
    }
  }
  if (!record.blank) yield record;
}

/** Tells the line breaks inside quoted cells from those that end a row. */
class CellScanner {
  readonly #quoted: boolean;
  #inQuotes = false;
  #cellStart = true;

  constructor(quoted: boolean) {
    this.#quoted = quoted;
  }

  /** Whether the byte is inside a quoted cell. */
  next(byte: number): boolean {
    const opens = !this.#inQuotes && this.#quoted && this.#cellStart && byte === quote;
    const closes = this.#inQuotes && byte === quote;
    // A quote right after the closing one was a doubled quote: it opens the cell again.
    this.#cellStart = closes || (!this.#inQuotes && (byte === newline || delimiterBytes.has(byte)));
    this.#inQuotes = opens || (this.#inQuotes && !closes);
    return this.#inQuotes;
  }
}

async function firstBytes(path: string, length: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function endOfRecord(bytes: Uint8Array): number {
  let inQuotes = false;
  for (const [index, byte] of bytes.entries()) {
    if (byte === quote) inQuotes = !inQuotes;
    else if (!inQuotes && (byte === newline || byte === carriageReturn)) return index;
  }
  return bytes.length;
}

function splitRecord(text: string, delimiter: string): readonly string[] {
  const cell = new RegExp(`(?:^|${delimiter})(?:"((?:[^"]|"")*)"|([^${delimiter}]*))`, "g");
  return [...text.matchAll(cell)].map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? "");
}

function checkNames(names: readonly string[], file: string): void {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (name === "") throw refusal("FILE_UNREADABLE", `${file}, line 1: column ${index + 1} has no name`);
    if (seen.has(name.toLowerCase()))
      throw refusal("FILE_UNREADABLE", `${file}, line 1: column "${name}" appears twice`);
    seen.add(name.toLowerCase());
  }
}
