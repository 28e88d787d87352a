import type { TableKind } from "../../core/files/column-kinds.ts";
import { type CsvHead, namesInTable } from "../../core/files/csv-head.ts";
import { type CsvScan, scanCsv } from "../../core/files/csv-scan.ts";
import { compressionOf, decompress } from "../../core/files/decompress.ts";
import { FileProblem } from "../../core/files/file-problem.ts";
import { splitJson, toJsonLines } from "../../core/files/json-items.ts";
import { scanJson } from "../../core/files/json-lines.ts";
import { decodeText, type TextFormat } from "../../core/files/plain-text.ts";
import { rewriteCsv } from "../../core/files/rewrite-csv.ts";
import type { LoadJob } from "../../ports/warehouse.ts";
import { finalFailure } from "./api.ts";
import { kindOfType, nullText, toCsvFields, toJsonFields, unknownFields } from "./file-schema.ts";
import type { TableSchema } from "./jobs.ts";
import type { OpenObject } from "./object-reader.ts";
import type { Session } from "./session.ts";
import { assertSameColumns } from "./statements.ts";

/** How BigQuery gets the rows of a file. */
export interface FilePlan {
  /** The fields of a load job's configuration that describe the file. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** The generation of the object that was read. */
  readonly generation: string;
  /** What BigQuery loads in place of the object: its rows in a form that BigQuery reads as Baton does. */
  readonly content?: () => AsyncIterable<Uint8Array>;
}

/** A file that is being inspected. */
interface Inspection {
  readonly session: Session;
  readonly job: LoadJob;
  readonly object: OpenObject;
  /** The columns of the table, if it exists and keeps them. */
  readonly existing: TableSchema | undefined;
}

/**
 * Reads the whole file and describes it for BigQuery, which would guess otherwise: it assumes a comma as delimiter,
 * does not recognise a header above text columns, and reads 02215 as a number and 1 as true. An invalid file is refused
 * with the line, before a job starts. Throws `FILE_UNREADABLE`, `FILE_EMPTY` and `TABLE_MISMATCH`.
 */
export async function inspectFile(
  session: Session,
  job: LoadJob,
  existing: TableSchema | undefined,
): Promise<FilePlan> {
  const object = await session.objects.open(job.uri, job.signal);
  const fields = existing && existing.fields.length > 0 ? existing : undefined;
  const inspection = { session, job, object, existing: fields };
  try {
    if (job.format === "parquet") return await inspectParquet(inspection);
    return await (job.format === "csv" ? inspectCsv(inspection) : inspectJson(inspection));
  } catch (thrown) {
    if (!(thrown instanceof FileProblem)) throw thrown;
    throw finalFailure("FILE_UNREADABLE", `${stagedFileName(job.uri)}, ${thrown.message}`, thrown);
  } finally {
    await object.bytes.return(undefined);
  }
}

/** BigQuery reads Parquet files itself. A packed one is unpacked for it. */
async function inspectParquet(inspection: Inspection): Promise<FilePlan> {
  const { object } = inspection;
  const { value: first } = await object.bytes.next();
  const isPacked = first !== undefined && compressionOf(first) !== undefined;
  return {
    configuration: {
      sourceFormat: "PARQUET",
      parquetOptions: { enableListInference: true },
      decimalTargetTypes: ["NUMERIC", "BIGNUMERIC"],
    },
    generation: object.generation,
    ...(isPacked && { content: () => decompress(readAgain(inspection)) }),
  };
}

async function inspectJson(inspection: Inspection): Promise<FilePlan> {
  const { job, object, existing } = inspection;
  let format: TextFormat | undefined;
  let isArray = false;
  const text = decodeText(object.bytes, job.options?.encoding, (found) => {
    format = found;
  });
  const scan = await scanJson(
    watchFirst(text, (first) => {
      isArray = first.trimStart().startsWith("[");
    }),
    (path) => existing?.fields.some(({ name, type }) => name === path && /^FLOAT/.test(type)) ?? false,
  );
  if (scan.rows === 0) throw emptyFile(job.uri);
  const added = existing ? unknownFields(scan.fields, existing.fields) : [];
  if (added.length > 0)
    throw finalFailure(
      "TABLE_MISMATCH",
      `The columns do not fit table ${job.into.table}; not in the table: ${added.join(", ")}`,
    );
  const isReadable = !isArray && !format?.hasMark && isReadByBigQuery(format);
  return {
    configuration: {
      sourceFormat: "NEWLINE_DELIMITED_JSON",
      schema: existing ?? { fields: toJsonFields(scan.fields) },
      ...(isReadable && encodingOption(format)),
    },
    generation: object.generation,
    ...(!isReadable && { content: () => encode(toJsonLines(splitJson(readTextAgain(inspection)))) }),
  };
}

async function* watchFirst(texts: AsyncIterable<string>, onFirst: (text: string) => void) {
  let head = "";
  for await (const text of texts) {
    if (head.trim() === "") {
      head += text;
      onFirst(head);
    }
    yield text;
  }
}

/** The columns of a file, as the table has them. */
interface FileColumns {
  readonly names: readonly string[];
  /** In the order of the file. Undefined if the file decides them. */
  readonly kinds: readonly TableKind[] | undefined;
}

async function inspectCsv(inspection: Inspection): Promise<FilePlan> {
  const { job, object, existing } = inspection;
  const { uri, options = {} } = job;
  let format: TextFormat | undefined;
  const text = decodeText(object.bytes, options.encoding, (found) => {
    format = found;
  });
  let columns: FileColumns = { names: [], kinds: undefined };
  const scan = await scanCsv(text, options, (head) => {
    columns = matchColumns(inspection, head);
    return columns.kinds?.map((kind, index) => ({ name: columns.names[index] ?? "", kind }));
  });
  if (!scan) throw emptyFile(uri);
  const fields = existing?.fields ?? toCsvFields(scan.head.names, scan.kinds);
  const isInOrder = fields.every(
    ({ name }, index) => name.toLowerCase() === columns.names[index]?.toLowerCase(),
  );
  if (scan.isUnusual || !isInOrder || !isReadByBigQuery(format))
    return { ...rewrittenCsv(inspection, scan, columns, fields), generation: object.generation };
  return {
    configuration: {
      sourceFormat: "CSV",
      schema: { fields },
      fieldDelimiter: scan.head.delimiter,
      skipLeadingRows: 1,
      allowQuotedNewlines: true,
      ...nullMarkerOption(scan, options.nullValues ?? []),
      ...(scan.hasTrailing && { ignoreUnknownValues: true }),
      ...encodingOption(format),
    },
    generation: object.generation,
  };
}

/** Throws `TABLE_MISMATCH` unless the table has the columns of the file, and the file those that it may not lack. */
function matchColumns({ session, job, existing }: Inspection, head: CsvHead): FileColumns {
  if (!existing) return { names: head.names, kinds: undefined };
  const tableNames = existing.fields.map(({ name }) => name);
  const names = namesInTable(head, tableNames);
  const known = new Set(names.map((name) => name.toLowerCase()));
  const isExpected = (name: string) => !job.options?.allowMissing || known.has(name.toLowerCase());
  assertSameColumns(session.resolveTable(job.into.table), tableNames.filter(isExpected), names);
  const types = new Map(existing.fields.map(({ name, type }) => [name.toLowerCase(), type]));
  return { names, kinds: names.map((name) => kindOfType(types.get(name.toLowerCase()) ?? "")) };
}

/** A copy in the standard form, with the columns in the order of the table. */
function rewrittenCsv(
  inspection: Inspection,
  { head, kinds }: CsvScan,
  { names }: FileColumns,
  fields: TableSchema["fields"],
): Omit<FilePlan, "generation"> {
  const positions = new Map(names.map((name, index) => [name.toLowerCase(), index]));
  const columns = fields.map(({ name }) => {
    const from = positions.get(name.toLowerCase());
    return { from, kind: kinds[from ?? -1] ?? "other" };
  });
  const { options } = inspection.job;
  return {
    configuration: {
      sourceFormat: "CSV",
      schema: { fields },
      allowQuotedNewlines: true,
      nullMarker: nullText,
    },
    content: () => encode(rewriteCsv(readTextAgain(inspection), { head, columns }, { ...options, nullText })),
  };
}

function readAgain({ session, job, object }: Inspection): AsyncGenerator<Uint8Array> {
  return session.objects.read(job.uri, job.signal, object.generation);
}

function readTextAgain(inspection: Inspection): AsyncGenerator<string> {
  return decodeText(readAgain(inspection), inspection.job.options?.encoding);
}

async function* encode(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield Buffer.from(text);
}

/** Google documents for files that are loaded: gzip, UTF-8 and UTF-16. */
function isReadByBigQuery(format: TextFormat | undefined): boolean {
  const { compression, encoding = "utf-8", hasMark = false } = format ?? {};
  return compression !== "zstd" && (encoding === "utf-8" || (encoding.startsWith("utf-16") && hasMark));
}

function encodingOption(format: TextFormat | undefined): Readonly<Record<string, string>> {
  const encoding = format?.encoding ?? "utf-8";
  return encoding === "utf-8" ? {} : { encoding: encoding.toUpperCase() };
}

/** BigQuery applies a null marker to every column. */
function nullMarkerOption(
  { missingWords }: CsvScan,
  nullValues: readonly string[],
): Readonly<Record<string, unknown>> {
  const markers = [...new Set(["", ...nullValues, ...missingWords])];
  return markers.length > 1 ? { nullMarkers: markers } : {};
}

export function stagedFileName(uri: string): string {
  return uri.slice(uri.lastIndexOf("/") + 1);
}

export function emptyFile(uri: string): Error {
  return finalFailure("FILE_EMPTY", `${stagedFileName(uri)} holds no rows`);
}
