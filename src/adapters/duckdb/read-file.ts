import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { messageOf } from "../../core/errors.ts";
import type { FileFormat } from "../../ports/warehouse.ts";
import { type CsvHeader, lineOfRow, readCsvHeader } from "./csv-text.ts";
import { isMachineFailure, refusal } from "./errors.ts";
import { quoteIdentifier, quoteLiteral } from "./identifiers.ts";
import type { Statements } from "./statements.ts";

/** Where a file's rows are before they are converted, in the order of the file. */
export const rawTable = "temp.main._baton_raw";

/** A file whose rows are in `rawTable`. */
export interface RawFile {
  readonly path: string;
  readonly format: FileFormat;
  /** Of a CSV file: its cells are all text. */
  readonly header: CsvHeader | undefined;
}

/** Reads all rows of a file. Throws `FILE_UNREADABLE` with the line, and `FILE_EMPTY` when it has none. */
export async function readFile(statements: Statements, path: string, format: FileFormat): Promise<RawFile> {
  if (await isBlank(path)) throw empty(path);
  const header = format === "csv" ? await readCsvHeader(path) : undefined;
  try {
    await statements.run(`CREATE TEMP TABLE _baton_raw AS FROM ${reader(path, format, header)}`);
  } catch (thrown) {
    if (isMachineFailure(thrown)) throw thrown;
    const problem = /expected records/.test(messageOf(thrown))
      ? await firstNonObject(statements, path)
      : await explain(path, header, messageOf(thrown));
    throw refusal("FILE_UNREADABLE", `${basename(path)}, ${problem}`, thrown);
  }
  if ((await statements.countRows(rawTable)) === 0) throw empty(path);
  return { path, format, header };
}

function empty(path: string): Error {
  return refusal("FILE_EMPTY", `${basename(path)} holds no rows`);
}

/** Whether a file has nothing but white space; it is seldom read further than its first block. */
async function isBlank(path: string): Promise<boolean> {
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>)
    if (chunk.some((byte) => byte > 0x20)) return false;
  return true;
}

/** Where the n-th row (from 0) of `rawTable` is in its file, for people. */
export async function placeOfRow(file: RawFile, row: number): Promise<string> {
  if (file.format === "parquet") return `row ${row + 1}`;
  const place = file.header
    ? { row: row + 1, countBlank: file.header.names.length === 1, quoted: true }
    : { row, countBlank: false, quoted: false };
  return `line ${await lineOfRow(file.path, place)}`;
}

function reader(path: string, format: FileFormat, header: CsvHeader | undefined): string {
  const file = pathLiteral(path);
  if (format === "parquet") return `read_parquet(${file}, hive_partitioning = false)`;
  if (!header)
    return `read_json(${file}, format = 'newline_delimited', records = true, sample_size = -1, hive_partitioning = false)`;
  const columns = header.names.map((name) => `${quoteIdentifier(name)}: 'VARCHAR'`).join(", ");
  return `read_csv(${file}, auto_detect = false, header = true, delim = ${quoteLiteral(header.delimiter)}, quote = '"',
    escape = '"', strict_mode = true, null_padding = false, hive_partitioning = false, columns = {${columns}})`;
}

/** DuckDB takes a path for a pattern. */
function pathLiteral(path: string): string {
  return quoteLiteral(path.replaceAll(/[*?[]/g, "[$&]"));
}

async function firstNonObject(statements: Statements, path: string): Promise<string> {
  await statements.run(
    `CREATE TEMP TABLE _baton_raw AS SELECT json FROM read_ndjson_objects(${pathLiteral(path)})`,
  );
  const [found] = await statements.rows(
    `SELECT rowid AS row FROM ${rawTable} WHERE json_type(json) <> 'OBJECT' ORDER BY rowid LIMIT 1`,
  );
  const place = await placeOfRow({ path, format: "jsonl", header: undefined }, Number(found?.row ?? 0));
  return `${place}: every line has to be one JSON object`;
}

/** DuckDB's complaint in few words: the line, and what is wrong with it. */
async function explain(path: string, header: CsvHeader | undefined, complaint: string): Promise<string> {
  const json = /at byte (\d+) in line (\d+): ([^.\n]*)/.exec(complaint);
  if (json) return `line ${json[2]}: this is not JSON at byte ${json[1]}: ${json[3]}`;
  const summary = (complaint.split(/\n\s*(?:Possible|LINE 1|Try setting)/)[0] ?? complaint)
    .replace(/^[A-Za-z ]+ Error: /, "")
    .trim();
  const record = /CSV Error on Line: (\d+)/.exec(complaint)?.[1];
  if (header && record !== undefined) {
    const line = await lineOfRow(path, { row: Number(record) - 1, countBlank: true, quoted: true });
    return `line ${line}: ${csvReason(complaint, header) ?? summary}`;
  }
  return /state machine reached an invalid state/.test(complaint)
    ? "some of its lines end in LF and others in CRLF, or it is not a CSV file"
    : summary;
}

function csvReason(complaint: string, header: CsvHeader): string | undefined {
  const columns = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(complaint);
  if (columns) {
    const [, expected, found] = columns;
    const missing = Number(found) < Number(expected) ? `; "${header.names[Number(found)]}" is missing` : "";
    return `it has ${found} columns where the header has ${expected}${missing}`;
  }
  if (/unterminated quote/i.test(complaint)) return "a quoted cell does not end, or text follows its end";
  if (/Invalid unicode/i.test(complaint)) return "it is not UTF-8 text";
  return undefined;
}
