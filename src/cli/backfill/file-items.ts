import { type FileHandle, open } from "node:fs/promises";
import { extname } from "node:path";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { parseExactJson } from "../../core/values/exact-json.ts";
import type { JsonValue } from "../../core/values/json.ts";
import { describeSyntaxError, findLimitViolation } from "../../core/values/json-syntax.ts";
import type { ItemSource, ReadItem, UnreadableItem } from "./items.ts";

/** A physical line of a text file. */
interface Line {
  /** 1 for the first. */
  readonly number: number;
  /** Without its line feed; with the carriage return before it, if there is one. */
  readonly text: string;
  /** Why it has no text. */
  readonly problem?: string;
}

const newline = 0x0a;
const pieceBytes = 64 * 1024;
const byteOrderMark = "\uFEFF";
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The lines of a file, from its beginning. Holds one line and one piece of the file at a time. */
async function* readLines(file: FileHandle): AsyncGenerator<Line> {
  const pending = new PendingLine();
  let number = 0;
  const finish = (end: Uint8Array): Line => {
    number += 1;
    return lineOf(number, pending.take(end));
  };
  for await (const piece of readPieces(file)) {
    let begin = 0;
    for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, begin)) {
      yield finish(piece.subarray(begin, end));
      begin = end + 1;
    }
    pending.add(piece.subarray(begin));
  }
  if (pending.bytes > 0) yield finish(new Uint8Array());
}

async function* readPieces(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(pieceBytes), { position });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

/** The beginning of a line whose end has not been read yet. */
class PendingLine {
  #pieces: Uint8Array[] = [];
  bytes = 0;

  /** Of a line that is too long anyway, only the length is kept. */
  add(piece: Uint8Array): void {
    this.bytes += piece.length;
    if (this.bytes > limits.messageBytes) this.#pieces = [];
    else if (piece.length > 0) this.#pieces.push(piece);
  }

  /** The line with its end; undefined when it is too long. */
  take(end: Uint8Array): Uint8Array | undefined {
    this.add(end);
    const line = this.bytes > limits.messageBytes ? undefined : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.bytes = 0;
    return line;
  }
}

function lineOf(number: number, bytes: Uint8Array | undefined): Line {
  if (!bytes) return { number, text: "", problem: `it is longer than ${limits.messageBytes} bytes` };
  try {
    const text = decoder.decode(bytes);
    return { number, text: number === 1 && text.startsWith(byteOrderMark) ? text.slice(1) : text };
  } catch {
    return { number, text: "", problem: "it is not UTF-8 text" };
  }
}

/** One record of a CSV file, which may run over several lines. */
interface CsvRecord {
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
async function* readCsv(lines: AsyncIterable<Line>): AsyncGenerator<CsvRecord> {
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

type Readings = AsyncGenerator<ReadItem | UnreadableItem>;

const formats: ReadonlyMap<string, (lines: AsyncIterable<Line>) => Readings> = new Map([
  [".ndjson", readNdjson],
  [".jsonl", readNdjson],
  [".csv", readCsvItems],
]);

/**
 * The items of a file: one JSON value per line, or the rows of a table with a header, all values text. The file stays
 * open, so that it is the same one each time it is read. Throws `USAGE`.
 */
export async function fileItems(path: string): Promise<ItemSource> {
  const readItems = formats.get(extname(path).toLowerCase());
  if (!readItems)
    throw new BatonError("USAGE", `Can't tell what ${path} is: name it .ndjson, .jsonl or .csv`);
  const file = await openFile(path);
  return { read: () => readItems(readLines(file)), close: () => file.close() };
}

async function openFile(path: string): Promise<FileHandle> {
  const file = await open(path).catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't read ${path}: ${errorMessage(cause)}`, { cause });
  });
  // It is read twice.
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new BatonError("USAGE", `Can't read ${path}: it is not a file`);
}

async function* readNdjson(lines: AsyncIterable<Line>): Readings {
  for await (const { number, text, problem } of lines) {
    const where = `line ${number}`;
    if (problem !== undefined) yield { where, problem };
    else if (text.trim() !== "") yield { where, ...parseJson(text) };
  }
}

function parseJson(text: string): { readonly value: JsonValue } | { readonly problem: string } {
  const excess = findLimitViolation(Buffer.from(text));
  if (excess !== undefined) return { problem: excess };
  try {
    return { value: parseExactJson(text, "$") };
  } catch (error) {
    if (error instanceof BatonError) return { problem: `${error.message}; send it as a string, in quotes` };
    return { problem: `it is not JSON: ${describeSyntaxError(text)}` };
  }
}

async function* readCsvItems(lines: AsyncIterable<Line>): Readings {
  let names: readonly string[] | undefined;
  for await (const record of readCsv(lines)) {
    if (names) yield itemOf(names, record);
    else names = namesOf(record);
  }
}

/** Without its header, nothing can be said of any row. */
function namesOf({ line, cells, problem }: CsvRecord): readonly string[] {
  const repeated = cells.find((name, column) => cells.indexOf(name) !== column);
  const wrong =
    problem ??
    (cells.includes("") ? "a column of the header has no name" : undefined) ??
    (repeated === undefined ? undefined : `two columns of the header are named "${repeated}"`);
  if (wrong === undefined) return cells;
  throw new BatonError("ITEMS_INVALID", `The header is invalid: ${wrong}`, { where: `line ${line}` });
}

function itemOf(names: readonly string[], { line, cells, problem }: CsvRecord): ReadItem | UnreadableItem {
  const where = `line ${line}`;
  if (problem !== undefined) return { where, problem };
  if (cells.length !== names.length)
    return { where, problem: `it has ${cells.length} cells, and the header ${names.length}` };
  return { where, value: Object.fromEntries(names.map((name, column) => [name, cells[column] ?? ""])) };
}
