import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FileProblem } from "../../core/files/column-values.ts";
import { CsvParser } from "../../core/files/csv-parser.ts";
import { splitLines } from "../../core/files/json-lines.ts";
import { decodeText, detectEncoding, isGzip } from "../../core/files/plain-text.ts";
import { limits } from "../../core/limits.ts";
import type { FileFormat } from "../../ports/warehouse.ts";

/** The text of a file, unpacked and decoded. */
export function readText(path: string): AsyncGenerator<string> {
  return decodeText(createReadStream(path));
}

/** Whether DuckDB can read the file itself: UTF-8, not compressed, and a byte order mark in CSV files only. */
export async function isPlain(path: string, format: FileFormat): Promise<boolean> {
  for await (const chunk of createReadStream(path, { end: 4_095 }) as AsyncIterable<Buffer>) {
    if (isGzip(chunk)) return false;
    const { encoding, hasMark } = detectEncoding(chunk);
    return encoding === "utf-8" && (format === "csv" || !hasMark);
  }
  return true;
}

/** Text that replaces the first `length` characters of a file in its copy. */
export interface FileHeader {
  readonly length: number;
  readonly text: string;
}

/** Runs the work on a temporary copy of the file in UTF-8. Throws a `FileProblem` if it would be too large. */
export async function withPlainCopy<T>(
  path: string,
  beginning: FileHeader,
  work: (copy: string) => Promise<T>,
  mostBytes: number = limits.unpackedFileBytes,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "baton-file-"));
  try {
    const copy = join(folder, "file");
    await pipeline(
      Readable.from(limited(readWithHeader(path, beginning), mostBytes)),
      createWriteStream(copy, { encoding: "utf-8" }),
    );
    return await work(copy);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A small file can be packed so that it fills the disk. */
async function* limited(texts: AsyncIterable<string>, mostBytes: number): AsyncGenerator<string> {
  let bytes = 0;
  for await (const text of texts) {
    bytes += Buffer.byteLength(text);
    if (bytes > mostBytes) {
      const most = `${mostBytes / 1024 ** 3} GiB`;
      throw new FileProblem(
        undefined,
        `it is larger than ${most} when it is unpacked; split it into several files`,
      );
    }
    yield text;
  }
}

async function* readWithHeader(path: string, { length, text: first }: FileHeader): AsyncGenerator<string> {
  yield first;
  let left = length;
  for await (const text of readText(path)) {
    if (left < text.length) yield text.slice(left);
    left = Math.max(0, left - text.length);
  }
}

export interface RowLocation {
  /** 0 for the first row below the header, if there is one. */
  readonly row: number;
  /** Of a CSV file. */
  readonly csv?: { readonly delimiter: string; readonly columns: number } | undefined;
}

/** The line on which a row starts, 1 for the first. A blank line counts as a row only if there is one column. */
export async function lineOfRow(path: string, { row, csv }: RowLocation): Promise<number> {
  let rows = 0;
  let line = 1;
  for await (const found of csv ? csvLines(path, csv) : jsonLines(path)) {
    line = found;
    if (rows === row) break;
    rows += 1;
  }
  return line;
}

async function* jsonLines(path: string): AsyncGenerator<number> {
  for await (const { number } of splitLines(readText(path))) yield number;
}

async function* csvLines(
  path: string,
  { delimiter, columns }: NonNullable<RowLocation["csv"]>,
): AsyncGenerator<number> {
  const parser = new CsvParser(delimiter);
  let isHeader = true;
  const linesIn = (records: ReturnType<CsvParser["push"]>) =>
    records.flatMap(({ line, isBlank }) => {
      if (isBlank && (isHeader || columns > 1)) return [];
      if (!isHeader) return [line];
      isHeader = false;
      return [];
    });
  for await (const text of readText(path)) yield* linesIn(parser.push(text));
  yield* linesIn(parser.end());
}
