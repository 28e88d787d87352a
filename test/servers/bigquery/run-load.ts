import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import * as z from "zod";
import { type Database, quoted, textLiteral } from "./database.ts";
import { type BigQueryProblem, invalid, notFound } from "./problems.ts";
import { readCsv } from "./read-csv.ts";
import { columnType, type Field, FieldSchema } from "./types.ts";

export const LoadSchema = z.strictObject({
  sourceUris: z.tuple([z.string()]).optional(),
  sourceFormat: z.enum(["CSV", "NEWLINE_DELIMITED_JSON", "PARQUET"]).default("CSV"),
  destinationTable: z.object({ datasetId: z.string(), tableId: z.string() }),
  writeDisposition: z.string(),
  createDisposition: z.string().optional(),
  schema: z.object({ fields: z.array(FieldSchema) }).optional(),
  autodetect: z.boolean().default(false),
  skipLeadingRows: z.coerce.number().default(0),
  sourceColumnMatch: z.string().default("POSITION"),
  fieldDelimiter: z.string().default(","),
  quote: z.string().default('"'),
  nullMarker: z.string().optional(),
  nullMarkers: z.array(z.string()).optional(),
  allowQuotedNewlines: z.boolean().default(false),
  allowJaggedRows: z.boolean().default(false),
  ignoreUnknownValues: z.boolean().default(false),
  encoding: z.enum(["UTF-8", "ISO-8859-1", "UTF-16LE", "UTF-16BE"]).default("UTF-8"),
  columnNameCharacterMap: z.string().optional(),
  decimalTargetTypes: z.array(z.string()).optional(),
  parquetOptions: z.object({ enableListInference: z.boolean() }).optional(),
  timePartitioning: z.looseObject({}).optional(),
  rangePartitioning: z.looseObject({}).optional(),
  clustering: z.looseObject({}).optional(),
});
type Load = z.infer<typeof LoadSchema>;

/** The content of an object, by its `gs://` URI; undefined when there is none. */
export type ReadObject = (uri: string) => Promise<Uint8Array | undefined>;

export interface LoadOutcome {
  readonly outputRows: number;
  readonly outputBytes: number;
  readonly inputFileBytes: number;
}

const prefix = "Error while reading data, error message:";
let files = 0;

/** `uploaded`: the content that came with the job, in place of an object. */
export async function runLoad(
  database: Database,
  load: Load,
  read: ReadObject,
  uploaded?: Uint8Array,
): Promise<LoadOutcome> {
  const content = asText(load, uploaded ?? (await contentOf(load, read)));
  const path = join(tmpdir(), `baton-bigquery-${process.pid}-${files++}`);
  await writeFile(path, content);
  try {
    await database.run("DROP TABLE IF EXISTS temp.loaded");
    await database.run("DROP TABLE IF EXISTS temp.typed");
    const fields = await readInto(database, load, path, content);
    const { rows } = await database.run("SELECT count(*) FROM temp.typed");
    await database.write(load.destinationTable, "temp.typed", fields, load.writeDisposition);
    return {
      outputRows: Number(rows[0]?.[0]),
      outputBytes: content.length,
      inputFileBytes: content.length,
    };
  } finally {
    await rm(path, { force: true });
  }
}

async function contentOf({ sourceUris }: Load, read: ReadObject): Promise<Uint8Array> {
  const uri = sourceUris?.[0];
  if (uri === undefined) throw invalid("Required parameter is missing: sourceUris");
  const stored = await read(uri);
  if (!stored) throw notFound(`URI ${uri}`);
  return stored;
}

/** Puts the file's rows into `typed`, in their order. */
async function readInto(
  database: Database,
  load: Load,
  path: string,
  content: Uint8Array,
): Promise<readonly Field[]> {
  if (content.length === 0) throw invalid("Schema has no field. Table: loaded");
  if (!load.schema && !load.autodetect && load.sourceFormat !== "PARQUET")
    throw invalid("No schema specified on job or table.");
  const file = textLiteral(path);
  const schema =
    load.sourceFormat === "CSV" ? await readCsvInto(database, path, content, load) : load.schema?.fields;
  try {
    if (load.sourceFormat === "PARQUET")
      await database.run(`CREATE TEMP TABLE loaded AS FROM read_parquet(${file})`);
    if (load.sourceFormat === "NEWLINE_DELIMITED_JSON") await readJson(database, file);
  } catch (thrown) {
    throw unreadable(thrown);
  }
  const { fields: found } = await database.run("FROM temp.loaded LIMIT 0");
  if (!schema) {
    await database.run("CREATE TEMP TABLE typed AS FROM temp.loaded");
    return found;
  }
  checkNames(load, schema, found);
  await checkValues(database, load, schema, found);
  const isJson = load.sourceFormat === "NEWLINE_DELIMITED_JSON";
  const from = isJson
    ? `read_json(${file}, ${jsonOptions}, columns = {${jsonColumns(schema)}})`
    : "temp.loaded";
  const values = schema.map((field) =>
    isJson || has(found, field)
      ? `TRY_CAST(${quoted(field.name)} AS ${columnType(field)}) AS ${quoted(field.name)}`
      : `CAST(NULL AS ${columnType(field)}) AS ${quoted(field.name)}`,
  );
  await database.run(`CREATE TEMP TABLE typed AS SELECT ${values.join(", ")} FROM ${from}`);
  return schema;
}

/** Of the types of the schema, not of those that DuckDB finds. Times are read as text, as they are. */
function jsonColumns(schema: readonly Field[]): string {
  const isTime = ({ type, mode }: Field) => /^(DATE|TIME)/.test(type) && mode !== "REPEATED";
  return schema
    .map((field) => `${quoted(field.name)}: ${textLiteral(isTime(field) ? "VARCHAR" : columnType(field))}`)
    .join(", ");
}

async function readCsvInto(
  database: Database,
  path: string,
  content: Uint8Array,
  load: Load,
): Promise<readonly Field[]> {
  const nullMarkers = load.nullMarkers ?? [load.nullMarker ?? ""];
  const text = new TextDecoder("utf-8").decode(content);
  const { fields, rows } = readCsv(text, { ...load, nullMarkers }, load.schema?.fields);
  const columns = fields.map((_, index) => `column_${index}: 'VARCHAR'`);
  const names = fields.map(({ name }, index) => `column_${index} AS ${quoted(name)}`);
  const lines = rows.map((row) =>
    JSON.stringify(Object.fromEntries(row.map((cell, at) => [`column_${at}`, cell]))),
  );
  await writeFile(path, lines.join("\n"));
  await database.run(
    `CREATE TEMP TABLE loaded AS SELECT ${names.join(", ")} FROM read_json(${textLiteral(path)},
       ${jsonOptions}, columns = {${columns.join(", ")}})`,
  );
  return fields;
}

/** Files in gzip are read as what is in them; other compressions are not known. Bytes that are no text are replaced. */
function asText({ sourceFormat, encoding }: Load, stored: Uint8Array): Uint8Array {
  if (sourceFormat === "PARQUET") return stored;
  const bytes = stored[0] === 0x1f && stored[1] === 0x8b ? gunzipSync(stored) : stored;
  if (encoding === "ISO-8859-1") return Buffer.from(Buffer.from(bytes).toString("latin1"));
  return encoding === "UTF-8" ? bytes : Buffer.from(new TextDecoder(encoding.toLowerCase()).decode(bytes));
}

const jsonOptions = `format = 'newline_delimited', records = true, maximum_object_size = ${100 * 1024 ** 2}`;

async function readJson(database: Database, file: string): Promise<void> {
  await database.run(
    `CREATE TEMP TABLE loaded AS FROM read_json(${file}, ${jsonOptions}, sample_size = -1,
       map_inference_threshold = -1)`,
  );
}

function has(fields: readonly Field[], { name }: Field): boolean {
  return fields.some((field) => field.name.toLowerCase() === name.toLowerCase());
}

/** CSV goes by the names of its header, as `sourceColumnMatch` NAME asks for; the others go by name anyway. */
function checkNames(load: Load, schema: readonly Field[], found: readonly Field[]): void {
  const unknown = found.find((field) => !has(schema, field));
  if (unknown && load.sourceFormat === "NEWLINE_DELIMITED_JSON")
    throw invalid(`${prefix} JSON processing encountered too many errors, giving up. Rows: 1; errors: 1`, [
      `${prefix} JSON parsing error in row starting at position 0: No such field: ${unknown.name}.`,
    ]);
  const nested = load.sourceFormat === "NEWLINE_DELIMITED_JSON" ? fieldBeyond(found, schema, "") : undefined;
  if (nested !== undefined)
    throw invalid(`${prefix} JSON processing encountered too many errors, giving up. Rows: 1; errors: 1`, [
      `${prefix} JSON parsing error in row starting at position 0: No such field: ${nested}.`,
    ]);
  const shape = load.sourceFormat === "NEWLINE_DELIMITED_JSON" ? otherShape(found, schema) : undefined;
  if (shape !== undefined)
    throw invalid(`${prefix} JSON processing encountered too many errors, giving up. Rows: 1; errors: 1`, [
      `${prefix} JSON parsing error in row starting at position 0: ${shape}.`,
    ]);
  const missing = schema.find((field) => !has(found, field));
  const wrong = load.sourceFormat === "CSV" ? (unknown ?? missing) : undefined;
  if (wrong)
    throw invalid(
      `Provided Schema does not match Table test:${load.destinationTable.tableId}. Field ${wrong.name} is not in both.`,
    );
}

/** The path of a field inside an object that the table does not have. */
function fieldBeyond(found: readonly Field[], schema: readonly Field[], path: string): string | undefined {
  for (const field of found) {
    const known = schema.find(({ name }) => name.toLowerCase() === field.name.toLowerCase());
    if (!known) return `${path}${field.name}`;
    const inside =
      known.fields && field.fields ? fieldBeyond(field.fields, known.fields, `${field.name}.`) : undefined;
    if (inside !== undefined) return inside;
  }
  return undefined;
}

/** An object or a list where the table has neither. */
function otherShape(found: readonly Field[], schema: readonly Field[]): string | undefined {
  for (const field of found) {
    const known = schema.find(({ name }) => name.toLowerCase() === field.name.toLowerCase());
    if (!known || known.type === "JSON") continue;
    if (field.mode === "REPEATED" && known.mode !== "REPEATED")
      return `Array specified for non-repeated field: ${known.name}`;
    if (field.fields && !known.fields) return `JSON object specified for non-record field: ${known.name}`;
  }
  return undefined;
}

async function checkValues(
  database: Database,
  load: Load,
  schema: readonly Field[],
  found: readonly Field[],
): Promise<void> {
  for (const field of schema.filter((one) => has(found, one))) {
    const name = quoted(field.name);
    const isFraction = found.some((other) => other.name === field.name && other.type === "FLOAT");
    const isRounded = isFraction && field.type.startsWith("INT") ? `${name} <> floor(${name})` : "false";
    const { rows } = await database.run(
      `SELECT row, value FROM (SELECT row_number() OVER () - 1 AS row, CAST(${name} AS VARCHAR) AS value,
         ${name} IS NOT NULL AND (TRY_CAST(${name} AS ${columnType(field)}) IS NULL OR ${isRounded}) AS is_wrong
       FROM temp.loaded) WHERE is_wrong ORDER BY row LIMIT 1`,
    );
    const [row] = rows;
    if (!row) continue;
    const line = Number(row[0]) + 1 + load.skipLeadingRows;
    throw invalid(
      `${prefix} ${load.sourceFormat} processing encountered too many errors, giving up. Rows: 1; errors: 1`,
      [
        `${prefix} Could not parse '${row[1]}' as ${field.type} for field ${field.name}; ` +
          `line_number: ${line} column_name: "${field.name}" value: "${row[1]}"`,
      ],
    );
  }
}

function unreadable(thrown: unknown): BigQueryProblem {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const line = /CSV Error on Line: (\d+)|in line (\d+)/.exec(message);
  const summary = message.split("\n")[0] ?? message;
  return invalid(`${prefix} processing encountered too many errors, giving up. Rows: 1; errors: 1`, [
    line ? `${prefix} ${summary}; line_number: ${line[1] ?? line[2]}` : `${prefix} ${summary}`,
  ]);
}
