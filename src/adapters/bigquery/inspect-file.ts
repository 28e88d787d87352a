import type { ColumnKind } from "../../core/files/column-values.ts";
import { FileProblem } from "../../core/files/column-values.ts";
import { type CsvScan, scanCsv } from "../../core/files/csv-scan.ts";
import { checkJsonLines } from "../../core/files/json-lines.ts";
import { decodeText, type Encoding } from "../../core/files/plain-text.ts";
import type { LoadJob } from "../../ports/warehouse.ts";
import { finalFailure } from "./errors.ts";
import type { TableSchema } from "./jobs.ts";
import type { Session } from "./session.ts";
import { assertSameColumns } from "./statements.ts";

/** What the configuration of a load job says of a file, beside where it is. */
export type FileConfiguration = Readonly<Record<string, unknown>>;

const types: Readonly<Record<ColumnKind, string>> = {
  boolean: "BOOL",
  integer: "INT64",
  decimal: "FLOAT64",
  date: "DATE",
  timestamp: "TIMESTAMP",
  text: "STRING",
};

/** The kinds of a table's columns. Of others BigQuery itself says what they hold. */
const kindsOfTypes: ReadonlyMap<string, ColumnKind> = new Map([
  ["BOOL", "boolean"],
  ["BOOLEAN", "boolean"],
  ["INT64", "integer"],
  ["INTEGER", "integer"],
  ["FLOAT64", "decimal"],
  ["FLOAT", "decimal"],
  ["DATE", "date"],
  ["TIMESTAMP", "timestamp"],
]);

/** In the header of a CSV file BigQuery has these, and what controls, for underscores. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a name may hold them in a file.
const invalidNameCharacters = /[!"$()*,./;?@[\\\]^`{}~\u0000-\u001f]/g;

/**
 * Reads a file through before BigQuery does. BigQuery guesses at what is not said: it takes a comma for the
 * delimiter, does not see a header above columns of text, takes 02215 for a number and 1 for true. So all of that is
 * said, and a file that the rules refuse is refused by line, before a job begins. Throws `FILE_UNREADABLE`,
 * `FILE_EMPTY` and `TABLE_MISMATCH`.
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
    decodeText(bytes, (found) => {
      encoding = found;
    }),
    (path) => existing?.fields.some(({ name, type }) => name === path && /^FLOAT/.test(type)) ?? false,
  );
  if (lines === 0) throw emptyFile(uri);
  const columns = existing && existing.fields.length > 0 ? { schema: existing } : { autodetect: true };
  return { ...columns, ...encodingOption(encoding) };
}

async function inspectCsv(
  session: Session,
  { uri, into, csv = {}, signal }: LoadJob,
  existing: TableSchema | undefined,
): Promise<FileConfiguration> {
  let encoding: Encoding = "utf-8";
  const bytes = session.objects.read(uri, signal);
  const fields = existing?.fields ?? [];
  const fieldOf = (name: string) => fields.find((field) => field.name.toLowerCase() === name.toLowerCase());
  const scan = await scanCsv(
    decodeText(bytes, (found) => {
      encoding = found;
    }),
    csv,
    (head) => {
      const names = toColumnNames(head.names);
      if (fields.length > 0)
        assertSameColumns(
          session.tableOf(into.table),
          fields.map(({ name }) => name),
          names,
        );
      return fields.length > 0
        ? names.map((name) => kindsOfTypes.get(fieldOf(name)?.type ?? "") ?? "text")
        : [];
    },
  );
  if (!scan) throw emptyFile(uri);
  const names = toColumnNames(scan.names);
  const isInOrder = fields.every(({ name }, index) => name.toLowerCase() === names[index]?.toLowerCase());
  if (!isInOrder && (scan.hasUnnamed || names.some((name, index) => name !== scan.names[index])))
    throw finalFailure(
      "TABLE_MISMATCH",
      `The columns of ${stagedFileName(uri)} stand in another order than those of table ${into.table}, and some have no name ` +
        "that BigQuery could find them by; name them, or put them in the table's order",
    );
  const found = names.map((name, index) => ({
    name,
    type: types[scan.kinds[index] ?? "text"],
    mode: "NULLABLE",
  }));
  return {
    schema: fields.length > 0 ? existing : { fields: found },
    ...(!isInOrder && { sourceColumnMatch: "NAME" }),
    fieldDelimiter: scan.delimiter,
    skipLeadingRows: 1,
    allowQuotedNewlines: true,
    ...nullMarkerOption(scan, csv.nullValues ?? []),
    ...(scan.hasTrailing && { ignoreUnknownValues: true }),
    ...encodingOption(encoding),
  };
}

function encodingOption(encoding: Encoding): FileConfiguration {
  return encoding === "utf-8" ? {} : { encoding: encoding.toUpperCase() };
}

/** Names that BigQuery takes. Throws a `FileProblem`. */
function toColumnNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((original) => {
    if (/[\r\n]/.test(original))
      throw new FileProblem(
        1,
        "a name in the header runs over several lines, which BigQuery does not take; write it on one",
      );
    const name = original.replace(invalidNameCharacters, "_");
    if (taken.has(name.toLowerCase()))
      throw new FileProblem(
        1,
        `column "${original}" would be called "${name}" in BigQuery, as another is; rename one of them`,
      );
    taken.add(name.toLowerCase());
    return name;
  });
}

/** BigQuery's markers count in every column. */
function nullMarkerOption(
  { missingWords, textWords }: CsvScan,
  nullValues: readonly string[],
): FileConfiguration {
  const words = [...missingWords].filter((word) => !nullValues.includes(word));
  const both = words.find((word) => textWords.has(word));
  if (both !== undefined)
    throw new FileProblem(
      undefined,
      `${JSON.stringify(both)} stands in columns of text and in others, and BigQuery can't keep it as text in the ones and ` +
        `have it mean NULL in the others; load it with nullValues: ${JSON.stringify([both])}, which means NULL in all of them`,
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
