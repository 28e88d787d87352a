import { type FileHandle, open } from "node:fs/promises";
import { extname } from "node:path";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import type { JsonValue } from "../../core/values/json.ts";
import { describeSyntaxError, findLimitViolation } from "../../core/values/json-syntax.ts";
import { parseExactJson } from "../../core/values/json-text.ts";
import type { ItemSource, ReadItem, UnreadableItem } from "./items.ts";

interface Line {
  /** Counted from 1. */
  readonly number: number;
  /** Without its line feed, but with a carriage return before it. */
  readonly text: string;
  /** Why the line can't be read; then `text` is empty. */
  readonly problem?: string;
}

const newline = 0x0a;
const chunkBytes = 64 * 1024;
const byteOrderMark = "\uFEFF";
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The lines of a file. Holds one line and one chunk of the file at a time. */
async function* readLines(file: FileHandle): AsyncGenerator<Line> {
  const pending = new PendingLine();
  let number = 0;
  const finish = (end: Uint8Array): Line => {
    number += 1;
    return decodeLine(number, pending.take(end));
  };
  for await (const chunk of readChunks(file)) {
    let begin = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, begin)) {
      yield finish(chunk.subarray(begin, end));
      begin = end + 1;
    }
    pending.add(chunk.subarray(begin));
  }
  if (pending.bytes > 0) yield finish(new Uint8Array());
}

async function* readChunks(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(chunkBytes), { position });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

/** A line whose end has not been read yet. */
class PendingLine {
  #chunks: Uint8Array[] = [];
  bytes = 0;

  /** Keeps only the length of a line that is too long. */
  add(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (this.bytes > limits.messageBytes) this.#chunks = [];
    else if (chunk.length > 0) this.#chunks.push(chunk);
  }

  /** Completes the line. Returns undefined if it is too long. */
  take(end: Uint8Array): Uint8Array | undefined {
    this.add(end);
    const line = this.bytes > limits.messageBytes ? undefined : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.bytes = 0;
    return line;
  }
}

function decodeLine(number: number, bytes: Uint8Array | undefined): Line {
  if (!bytes) return { number, text: "", problem: `it is longer than ${limits.messageBytes} bytes` };
  try {
    const text = decoder.decode(bytes);
    return { number, text: number === 1 && text.startsWith(byteOrderMark) ? text.slice(1) : text };
  } catch {
    return { number, text: "", problem: "it is not UTF-8 text" };
  }
}

/** A record of a CSV file, which may span several lines. */
interface CsvRecord {
  /** The number of its first line. */
  readonly line: number;
  readonly cells: readonly string[];
  /** Why the record can't be read. */
  readonly problem?: string;
}

/**
 * The records of comma-separated text by RFC 4180: quoted cells may contain commas, doubled quotes and line ends. Blank
 * lines are skipped. After a malformed record it continues with the next line.
 */
async function* readCsv(lines: AsyncIterable<Line>): AsyncGenerator<CsvRecord> {
  let open: OpenRecord | undefined;
  for await (const { number, text, problem } of lines) {
    if (!open && problem === undefined && isBlank(text)) continue;
    open ??= new OpenRecord(number);
    if (problem === undefined) open.read(text);
    else open.reject(problem);
    if (open.continues) continue;
    yield open.close();
    open = undefined;
  }
  if (!open) return;
  open.reject("the quote of a cell is never closed");
  yield open.close();
}

function isBlank(text: string): boolean {
  return text === "" || text === "\r";
}

/** A record whose last line may not have been read yet. */
class OpenRecord {
  readonly #line: number;
  readonly #cells: string[] = [];
  /** The part of a quoted cell that continues on the next line. */
  #quoted: string[] | undefined;
  #characters = 0;
  #problem: string | undefined;

  constructor(line: number) {
    this.#line = line;
  }

  get continues(): boolean {
    return this.#quoted !== undefined && this.#problem === undefined;
  }

  reject(problem: string): void {
    this.#problem ??= problem;
  }

  close(): CsvRecord {
    const problem = this.#problem;
    return { line: this.#line, cells: this.#cells, ...(problem !== undefined && { problem }) };
  }

  /** Reads the next line of the record. */
  read(text: string): void {
    this.#characters += text.length + 1;
    if (this.#characters > limits.messageBytes)
      this.reject(`it is longer than ${limits.messageBytes} characters: is a quote never closed?`);
    let at = 0;
    while (at <= text.length && this.#problem === undefined)
      at = this.#quoted || text[at] === '"' ? this.#readQuoted(text, at) : this.#readPlain(text, at);
  }

  /** Reads a cell without quotes. Returns the start of the next cell. */
  #readPlain(text: string, at: number): number {
    const comma = text.indexOf(",", at);
    const end = comma < 0 ? lineEnd(text) : comma;
    const cell = text.slice(at, Math.max(at, end));
    if (cell.includes('"')) this.reject("there is a quote inside a cell that does not begin with one");
    this.#cells.push(cell);
    return comma < 0 ? text.length + 1 : comma + 1;
  }

  /** Reads a quoted cell, or its part on this line. Returns the start of the next cell. */
  #readQuoted(text: string, start: number): number {
    const segments = this.#quoted ?? [];
    let at = this.#quoted ? start : start + 1;
    for (;;) {
      const quote = text.indexOf('"', at);
      if (quote < 0) {
        this.#quoted = segments;
        segments.push(text.slice(at), "\n");
        return text.length + 1;
      }
      segments.push(text.slice(at, quote));
      at = quote + 1;
      if (text[at] !== '"') break;
      segments.push('"');
      at += 1;
    }
    this.#quoted = undefined;
    this.#cells.push(segments.join(""));
    if (at >= lineEnd(text)) return text.length + 1;
    if (text[at] !== ",") this.reject("there is text after the closing quote of a cell");
    return at + 1;
  }
}

/** The end of the last cell of a line. */
function lineEnd(text: string): number {
  return text.endsWith("\r") ? text.length - 1 : text.length;
}

type ItemStream = AsyncGenerator<ReadItem | UnreadableItem>;

const formats: ReadonlyMap<string, (lines: AsyncIterable<Line>) => ItemStream> = new Map([
  [".ndjson", readNdjson],
  [".jsonl", readNdjson],
  [".csv", readCsvItems],
]);

/**
 * The items of a file: a JSON value per line, or the rows of a table with a header, whose values are all strings. The
 * file stays open, so that both passes read the same file. Throws `USAGE`.
 */
export async function fileItems(path: string): Promise<ItemSource> {
  const readItems = formats.get(extname(path).toLowerCase());
  if (!readItems)
    throw new BatonError("USAGE", `The format of ${path} is unknown: name it .ndjson, .jsonl or .csv`);
  const file = await openFile(path);
  return { read: () => readItems(readLines(file)), close: () => file.close() };
}

async function openFile(path: string): Promise<FileHandle> {
  const file = await open(path).catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't read ${path}: ${errorMessage(cause)}`, { cause });
  });
  // A pipe can't be read twice.
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new BatonError("USAGE", `Can't read ${path}: it is not a file`);
}

async function* readNdjson(lines: AsyncIterable<Line>): ItemStream {
  for await (const { number, text, problem } of lines) {
    const where = `line ${number}`;
    if (problem !== undefined) yield { where, problem };
    else if (text.trim() !== "") yield { where, ...parseJson(text) };
  }
}

function parseJson(text: string): { readonly value: JsonValue } | { readonly problem: string } {
  const violation = findLimitViolation(Buffer.from(text));
  if (violation !== undefined) return { problem: violation };
  try {
    return { value: parseExactJson(text, "$") };
  } catch (error) {
    if (error instanceof BatonError) return { problem: `${error.message}. ${error.remedy}` };
    return { problem: `it is not JSON: ${describeSyntaxError(text)}` };
  }
}

async function* readCsvItems(lines: AsyncIterable<Line>): ItemStream {
  let names: readonly string[] | undefined;
  for await (const record of readCsv(lines)) {
    if (names) yield toItem(names, record);
    else names = parseHeader(record);
  }
}

/** Throws `ITEMS_INVALID`: without a valid header no row can be read. */
function parseHeader({ line, cells, problem }: CsvRecord): readonly string[] {
  const repeated = cells.find((name, column) => cells.indexOf(name) !== column);
  const headerProblem =
    problem ??
    (cells.includes("") ? "a column of the header has no name" : undefined) ??
    (repeated === undefined ? undefined : `two columns of the header are named "${repeated}"`);
  if (headerProblem === undefined) return cells;
  throw new BatonError("ITEMS_INVALID", `The header is invalid: ${headerProblem}`, { where: `line ${line}` });
}

function toItem(names: readonly string[], { line, cells, problem }: CsvRecord): ReadItem | UnreadableItem {
  const where = `line ${line}`;
  if (problem !== undefined) return { where, problem };
  if (cells.length !== names.length)
    return { where, problem: `it has ${cells.length} cells, but the header has ${names.length}` };
  return { where, value: Object.fromEntries(names.map((name, column) => [name, cells[column] ?? ""])) };
}
