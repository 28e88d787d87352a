import { type FileHandle, open } from "node:fs/promises";
import { extname } from "node:path";
import { BatonError, messageOf } from "../../core/errors.ts";
import { parseExactJson } from "../../core/exact-json.ts";
import type { JsonValue } from "../../core/json.ts";
import { describeSyntaxError, findExcess } from "../../core/json-syntax.ts";
import { type CsvRecord, readCsv } from "./csv.ts";
import type { ItemSource, ReadItem, UnreadableItem } from "./items.ts";
import { type Line, readLines } from "./lines.ts";

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
    throw new BatonError("USAGE", `Can't read ${path}: ${messageOf(cause)}`, { cause });
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
  const excess = findExcess(Buffer.from(text));
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
