import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { CsvHead } from "../../core/files/csv-head.ts";
import { CsvRows } from "../../core/files/csv-scan.ts";
import { compressionOf, decompress } from "../../core/files/decompress.ts";
import type { Encoding, FileOptions } from "../../core/files/file-options.ts";
import { splitJson } from "../../core/files/json-items.ts";
import { decodeText, detectTextFormat } from "../../core/files/plain-text.ts";
import type { FileFormat } from "../../ports/warehouse.ts";

/** The text of a file, unpacked and decoded. */
export function readText(path: string, encoding?: Encoding): AsyncGenerator<string> {
  return decodeText(createReadStream(path), encoding);
}

/** The bytes of a file, unpacked. */
export function readBytes(path: string): AsyncGenerator<Uint8Array> {
  return decompress(createReadStream(path));
}

/** Whether DuckDB can read the file itself: not compressed; text in UTF-8, with a byte order mark in CSV files only. */
export async function isPlain(path: string, format: FileFormat, encoding?: Encoding): Promise<boolean> {
  for await (const chunk of createReadStream(path, { end: 4_095 }) as AsyncIterable<Buffer>) {
    if (format === "parquet") return compressionOf(chunk) === undefined;
    const found = detectTextFormat(chunk, encoding);
    const isArray = format === "jsonl" && chunk.toString().trimStart().startsWith("[");
    return (
      found.compression === undefined &&
      found.encoding === "utf-8" &&
      (format === "csv" || !found.hasMark) &&
      !isArray
    );
  }
  return true;
}

/** Runs the work on a temporary file with this content. */
export async function withCopy<T>(
  content: AsyncIterable<string | Uint8Array>,
  work: (copy: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "baton-file-"));
  try {
    const copy = join(folder, "file");
    await pipeline(Readable.from(content), createWriteStream(copy));
    return await work(copy);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A text with another text in place of its first `length` characters. */
export async function* replaceBeginning(
  texts: AsyncIterable<string>,
  length: number,
  beginning: string,
): AsyncGenerator<string> {
  yield beginning;
  let left = length;
  for await (const text of texts) {
    if (left < text.length) yield text.slice(left);
    left = Math.max(0, left - text.length);
  }
}

/** A file, and how its rows are found. */
export interface RowFile {
  readonly path: string;
  readonly options: FileOptions;
  /** Of a CSV file. */
  readonly head: CsvHead | undefined;
}

/** The line on which a row starts, 1 for the first. `row`: 0 for the first. */
export async function lineOfRow(file: RowFile, row: number): Promise<number> {
  let rows = 0;
  let line = 1;
  for await (const found of file.head ? csvLines(file, file.head) : jsonLines(file)) {
    line = found;
    if (rows === row) break;
    rows += 1;
  }
  return line;
}

async function* jsonLines({ path, options }: RowFile): AsyncGenerator<number> {
  for await (const { line } of splitJson(readText(path, options.encoding))) yield line;
}

async function* csvLines({ path, options }: RowFile, head: CsvHead): AsyncGenerator<number> {
  const rows = new CsvRows(head, options);
  const texts = readText(path, options.encoding);
  for await (const text of replaceBeginning(texts, head.length, ""))
    for (const { line } of rows.push(text)) yield line;
  for (const { line } of rows.end()) yield line;
}
