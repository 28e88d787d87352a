import { invalid } from "./problems.ts";
import type { Field } from "./types.ts";

/** What a load job says of a CSV file. */
export interface CsvOptions {
  readonly fieldDelimiter: string;
  readonly quote: string;
  readonly allowQuotedNewlines: boolean;
  readonly allowJaggedRows: boolean;
  readonly ignoreUnknownValues: boolean;
  readonly skipLeadingRows: number;
  readonly nullMarkers: readonly string[];
  readonly sourceColumnMatch: string;
}

interface Cell {
  readonly text: string;
  readonly isQuoted: boolean;
}

interface Row {
  readonly line: number;
  readonly cells: readonly Cell[];
}

export interface CsvTable {
  readonly fields: readonly Field[];
  /** Texts of values; null is NULL. */
  readonly rows: readonly (readonly (string | null)[])[];
}

const prefix = "Error while reading data, error message:";
const detectedRows = 500;

function unreadable(line: number, message: string) {
  return invalid(`${prefix} CSV processing encountered too many errors, giving up. Rows: 1; errors: 1`, [
    `${prefix} ${message}; line_number: ${line}`,
  ]);
}

/** Nothing that Google documents says what happens; a caller must not count on any of it. */
function undocumented(what: string, line: number) {
  return unreadable(line, `${what}: no documentation says how it is read`);
}

/**
 * Reads a CSV file as Google documents it, https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv:
 * a comma unless the job says otherwise; rows of the schema's width; NULL where a cell is a null marker; an empty text
 * where it is quoted. What is not documented is refused.
 */
export function readCsv(text: string, options: CsvOptions, schema: readonly Field[] | undefined): CsvTable {
  const all = parse(text.replace(/^\uFEFF/, ""), options);
  const rows = all.slice(options.skipLeadingRows);
  const fields = schema ?? detect(all, options);
  const positions = columnPositions(fields, all, options);
  return { fields, rows: rows.map((row) => valuesOf(row, fields, positions, options)) };
}

function columnPositions(
  fields: readonly Field[],
  [header]: readonly Row[],
  { sourceColumnMatch, skipLeadingRows }: CsvOptions,
): readonly number[] {
  if (sourceColumnMatch !== "NAME") return fields.map((_, index) => index);
  if (skipLeadingRows === 0) throw invalid("Matching columns by name needs a header");
  const names = header?.cells.map((cell) => cell.text.toLowerCase()) ?? [];
  return fields.map(({ name }) => names.indexOf(name.toLowerCase()));
}

function parse(text: string, options: CsvOptions): readonly Row[] {
  const zero = text.indexOf("\0");
  if (zero !== -1) throw unreadable(lineAt(text, zero), "Bad character (ASCII 0) encountered");
  const rows: Row[] = [];
  for (let at = 0, line = 1; at < text.length; ) {
    const { cells, next } = parseRow(text, at, line, options);
    if (/^\r?\n$/.test(text.slice(at, next))) throw undocumented("A blank line", line);
    rows.push({ line, cells });
    line += lineAt(text.slice(at, next), next - at) - 1;
    at = next;
  }
  return rows;
}

function parseRow(text: string, from: number, line: number, options: CsvOptions) {
  const { fieldDelimiter: delimiter, quote } = options;
  const cells: Cell[] = [];
  for (let at = from; ; at += delimiter.length) {
    const isQuoted = quote !== "" && text[at] === quote;
    const end = isQuoted ? endOfQuoted(text, at, line, options) : endOfBare(text, at, delimiter);
    const inside = isQuoted
      ? text.slice(at + 1, end - 1).replaceAll(quote + quote, quote)
      : text.slice(at, end);
    cells.push({ text: inside, isQuoted });
    at = end;
    if (text.startsWith(delimiter, at)) continue;
    const ending = /^(?:\r\n|\n|$)/.exec(text.slice(at, at + 2))?.[0];
    if (at < text.length && !ending)
      throw text[at] === "\r"
        ? undocumented("A carriage return alone", line)
        : unreadable(line, `Data between close double quote (") and field separator`);
    return { cells, next: at + (ending?.length ?? 0) };
  }
}

function endOfQuoted(
  text: string,
  from: number,
  line: number,
  { quote, allowQuotedNewlines }: CsvOptions,
): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\n" && !allowQuotedNewlines) break;
    if (text[at] !== quote) continue;
    if (text[at + 1] !== quote) return at + 1;
    at += 1;
  }
  throw unreadable(line, 'Missing close double quote (") character');
}

function endOfBare(text: string, from: number, delimiter: string): number {
  const lineEnd = /\r?\n|\r/g;
  lineEnd.lastIndex = from;
  const ends = [text.indexOf(delimiter, from), lineEnd.exec(text)?.index ?? -1].filter((at) => at >= from);
  return Math.min(text.length, ...ends);
}

function valuesOf(
  { line, cells }: Row,
  fields: readonly Field[],
  positions: readonly number[],
  options: CsvOptions,
): readonly (string | null)[] {
  const { length } = fields;
  if (cells.length > length && !options.ignoreUnknownValues)
    throw unreadable(
      line,
      `Too many values in line. Found ${cells.length} column(s) while expected ${length}.`,
    );
  if (cells.length < length && !options.allowJaggedRows)
    throw unreadable(
      line,
      `Error detected while parsing row: Too few values. Found ${cells.length} column(s) while expected ${length}.`,
    );
  return fields.map((field, index) => toValue(cells[positions[index] ?? -1], field, line, options));
}

function toValue(
  cell: Cell | undefined,
  field: Field,
  line: number,
  { nullMarkers }: CsvOptions,
): string | null {
  if (!cell) return null;
  const { text, isQuoted } = cell;
  const isMarker = nullMarkers.includes(text);
  const isText = field.type === "STRING" || field.type === "BYTES";
  if (isMarker && isQuoted) {
    if (text === "" && isText) return text;
    throw undocumented(`The null marker ${JSON.stringify(text)} in quotes`, line);
  }
  if (isMarker) return null;
  if (text === "" && !isText) throw wrong(text, field, line);
  if (!isText && !fits(text, field.type)) throw wrong(text, field, line);
  return text;
}

function wrong(text: string, { name, type }: Field, line: number) {
  return unreadable(
    line,
    `Could not parse '${text}' as ${type} for field ${name}; ` +
      `line_number: ${line} column_name: "${name}" value: "${text}"`,
  );
}

const day = "\\d{4}-\\d{2}-\\d{2}";
const time = "\\d{1,2}:\\d{1,2}:\\d{1,2}(?:\\.\\d{1,6})?";
const patterns: Readonly<Record<string, RegExp>> = {
  BOOL: /^(?:1|0|true|false|t|f|yes|no|y|n)$/i,
  INT64: /^[-+]?\d+$/,
  FLOAT64: /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?$|^(?:nan|[-+]?inf(?:inity)?)$/i,
  NUMERIC: /^[-+]?(?:\d{1,29}(?:\.\d{0,9})?|\.\d{1,9})$/,
  DATE: new RegExp(`^${day}$`),
  TIMESTAMP: new RegExp(`^${day}(?:[ T]${time}(?:Z| ?[-+]\\d{2}:\\d{2}| UTC)?)?$`),
  DATETIME: new RegExp(`^${day}[ T]${time}$`),
  TIME: new RegExp(`^${time}$`),
};
const names: Readonly<Record<string, string>> = { BOOLEAN: "BOOL", INTEGER: "INT64", FLOAT: "FLOAT64" };

function fits(text: string, type: string): boolean {
  return patterns[names[type] ?? type]?.test(text) ?? true;
}

/** By the first 500 rows. A header is seen where it is text above something else; columns are numbered otherwise. */
function detect(all: readonly Row[], { skipLeadingRows }: CsvOptions): readonly Field[] {
  const rows = all.slice(skipLeadingRows, skipLeadingRows + detectedRows);
  const header = all[Math.max(0, skipLeadingRows - 1)];
  const width = header?.cells.length ?? 0;
  const types = Array.from({ length: width }, (_, index) => {
    const texts = rows.map(({ cells }) => cells[index]?.text ?? "").filter((text) => text !== "");
    const order = ["BOOL", "INT64", "FLOAT64", "DATE", "TIMESTAMP", "TIME"];
    const type = order.find((name) => texts.every((text) => fits(text, name)));
    return texts.length === 0 ? "STRING" : (type ?? "STRING");
  });
  const isHeader = types.some((type) => type !== "STRING");
  return types.map((type, index) => ({
    name: (isHeader && header?.cells[index]?.text) || `${type.toLowerCase()}_field_${index}`,
    type,
    mode: "NULLABLE",
  }));
}

function lineAt(text: string, end: number): number {
  return text.slice(0, end).split("\n").length;
}
