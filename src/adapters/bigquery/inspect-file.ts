import type { ColumnKind } from "../../core/files/column-values.ts";
import { FileProblem } from "../../core/files/column-values.ts";
import { type CsvScan, scanCsv } from "../../core/files/csv-scan.ts";
import { checkJsonLines } from "../../core/files/json-lines.ts";
import { decodeText, type Encoding } from "../../core/files/plain-text.ts";
import type { LoadJob } from "../../ports/warehouse.ts";
import { finalFailure } from "./api.ts";
import type { TableSchema } from "./jobs.ts";
import type { Session } from "./session.ts";
import { assertSameColumns } from "./statements.ts";

/** The fields of a load job's configuration that describe the file. */
export type FileConfiguration = Readonly<Record<string, unknown>>;

const types: Readonly<Record<ColumnKind, string>> = {
  boolean: "BOOL",
  integer: "INT64",
  decimal: "FLOAT64",
  date: "DATE",
  timestamp: "TIMESTAMP",
  text: "STRING",
};

/** The column types that Baton checks. Values of other types are checked by BigQuery alone. */
const kindByType: ReadonlyMap<string, ColumnKind> = new Map([
  ["BOOL", "boolean"],
  ["BOOLEAN", "boolean"],
  ["INT64", "integer"],
  ["INTEGER", "integer"],
  ["FLOAT64", "decimal"],
  ["FLOAT", "decimal"],
  ["DATE", "date"],
  ["TIMESTAMP", "timestamp"],
]);

/** BigQuery replaces these, and control characters, by underscores in the header of a CSV file. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a name may hold them in a file.
const invalidNameCharacters = /[!"$()*,./;?@[\\\]^`{}~\u0000-\u001f]/g;

/**
 * Reads the whole file and describes it for BigQuery, which would guess otherwise: it assumes a comma as delimiter,
 * does not recognise a header above text columns, and reads 02215 as a number and 1 as true. An invalid file is refused
 * with the line, before a job starts. Throws `FILE_UNREADABLE`, `FILE_EMPTY` and `TABLE_MISMATCH`.
 */
export async function inspectFile(
  session: Session,
  job: LoadJob,
  existing: TableSchema | undefined,
): Promise<FileConfiguration> {
  if (job.format === "parquet") return { parquetOptions: { enableListInference: true } };
  try {
    return job.format === "csv"
      ? await inspectCsv(session, job, existing)
      : await inspectJson(session, job, existing);
  } catch (thrown) {
    if (!(thrown instanceof FileProblem)) throw thrown;
    throw finalFailure("FILE_UNREADABLE", `${stagedFileName(job.uri)}, ${thrown.message}`, thrown);
  }
}

async function inspectJson(
  session: Session,
  { uri, signal }: LoadJob,
  existing: TableSchema | undefined,
): Promise<FileConfiguration> {
  let encoding: Encoding = "utf-8";
  const bytes = session.objects.read(uri, signal);
  const lines = await checkJsonLines(
    decodeText(bytes, (detected) => {
      encoding = detected;
    }),
    (path) => existing?.fields.some(({ name, type }) => name === path && /^FLOAT/.test(type)) ?? false,
  );
  if (lines === 0) throw emptyFile(uri);
  const columns = existing && existing.fields.length > 0 ? { schema: existing } : { autodetect: true };
  return { ...columns, ...encodingOption(encoding) };
}

async function inspectCsv(
  session: Session,
  job: LoadJob,
  existing: TableSchema | undefined,
): Promise<FileConfiguration> {
  const { uri, csv = {}, signal } = job;
  let encoding: Encoding = "utf-8";
  const bytes = session.objects.read(uri, signal);
  const text = decodeText(bytes, (detected) => {
    encoding = detected;
  });
  const scan = await scanCsv(text, csv, (head) =>
    existingKinds(session, job, existing?.fields ?? [], toColumnNames(head.names)),
  );
  if (!scan) throw emptyFile(uri);
  return {
    ...columnOptions(job, scan, existing),
    fieldDelimiter: scan.delimiter,
    skipLeadingRows: 1,
    allowQuotedNewlines: true,
    ...nullMarkerOption(scan, csv.nullValues ?? []),
    ...(scan.hasTrailing && { ignoreUnknownValues: true }),
    ...encodingOption(encoding),
  };
}

/** The kinds of the table's columns, in the file's order. Empty if the file decides them. Throws `TABLE_MISMATCH`. */
function existingKinds(
  session: Session,
  { into }: LoadJob,
  fields: TableSchema["fields"],
  names: readonly string[],
): readonly ColumnKind[] {
  if (fields.length === 0) return [];
  assertSameColumns(
    session.resolveTable(into.table),
    fields.map(({ name }) => name),
    names,
  );
  const types = new Map(fields.map(({ name, type }) => [name.toLowerCase(), type]));
  return names.map((name) => kindByType.get(types.get(name.toLowerCase()) ?? "") ?? "text");
}

/** The columns of the table, or of a new one. Throws `TABLE_MISMATCH`. */
function columnOptions(
  { uri, into }: LoadJob,
  scan: CsvScan,
  existing: TableSchema | undefined,
): FileConfiguration {
  const fields = existing?.fields ?? [];
  const names = toColumnNames(scan.names);
  const isInOrder = fields.every(({ name }, index) => name.toLowerCase() === names[index]?.toLowerCase());
  if (!isInOrder && (scan.hasUnnamed || names.some((name, index) => name !== scan.names[index])))
    throw finalFailure(
      "TABLE_MISMATCH",
      `The columns of ${stagedFileName(uri)} have another order than those of table ${into.table}, and BigQuery ` +
        "can't match all of them by name; give each column a name that BigQuery allows, or use the table's order",
    );
  const detected = names.map((name, index) => ({
    name,
    type: types[scan.kinds[index] ?? "text"],
    mode: "NULLABLE",
  }));
  return {
    schema: fields.length > 0 ? existing : { fields: detected },
    ...(!isInOrder && { sourceColumnMatch: "NAME" }),
  };
}

function encodingOption(encoding: Encoding): FileConfiguration {
  return encoding === "utf-8" ? {} : { encoding: encoding.toUpperCase() };
}

/** The names that BigQuery gives the columns. Throws a `FileProblem`. */
function toColumnNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((original) => {
    if (/[\r\n]/.test(original))
      throw new FileProblem(
        1,
        "a name in the header runs over several lines, which BigQuery does not allow; write it on one line",
      );
    const name = original.replace(invalidNameCharacters, "_");
    if (taken.has(name.toLowerCase()))
      throw new FileProblem(
        1,
        `column "${original}" would become "${name}" in BigQuery, like another column; rename one of them`,
      );
    taken.add(name.toLowerCase());
    return name;
  });
}

/** BigQuery applies a null marker to every column. */
function nullMarkerOption(
  { missingWords, textWords }: CsvScan,
  nullValues: readonly string[],
): FileConfiguration {
  const words = [...missingWords].filter((word) => !nullValues.includes(word));
  const both = words.find((word) => textWords.has(word));
  if (both !== undefined)
    throw new FileProblem(
      undefined,
      `${JSON.stringify(both)} is in text columns and in others, and BigQuery can't keep it as text in some columns ` +
        `and read it as NULL in others; load it with nullValues: ${JSON.stringify([both])}, which makes it NULL in all`,
    );
  const markers = [...new Set(["", ...nullValues, ...words])];
  return markers.length > 1 ? { nullMarkers: markers } : {};
}

export function stagedFileName(uri: string): string {
  return uri.slice(uri.lastIndexOf("/") + 1);
}

export function emptyFile(uri: string): Error {
  return finalFailure("FILE_EMPTY", `${stagedFileName(uri)} holds no rows`);
}
