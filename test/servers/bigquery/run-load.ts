import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import * as z from "zod";
import { type Database, quoted, textLiteral } from "./database.ts";
import { type BigQueryProblem, invalid, notFound } from "./problems.ts";
import { columnType, type Field, FieldSchema } from "./types.ts";

export const LoadSchema = z.object({
  sourceUris: z.tuple([z.string()]),
  sourceFormat: z.enum(["CSV", "NEWLINE_DELIMITED_JSON", "PARQUET"]),
  destinationTable: z.object({ datasetId: z.string(), tableId: z.string() }),
  writeDisposition: z.string(),
  schema: z.object({ fields: z.array(FieldSchema) }).optional(),
  autodetect: z.boolean().default(false),
  skipLeadingRows: z.coerce.number().default(0),
  sourceColumnMatch: z.string().default("POSITION"),
  fieldDelimiter: z.string().default(","),
  nullMarkers: z.array(z.string()).default([""]),
  ignoreUnknownValues: z.boolean().default(false),
  encoding: z.enum(["UTF-8", "UTF-16LE", "UTF-16BE"]).default("UTF-8"),
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

export async function runLoad(database: Database, load: Load, read: ReadObject): Promise<LoadOutcome> {
  const [uri] = load.sourceUris;
  const stored = await read(uri);
  if (!stored) throw notFound(`URI ${uri}`);
  const content = asText(load, stored);
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

/** Puts the file's rows into `typed`, in their order. */
async function readInto(
  database: Database,
  load: Load,
  path: string,
  content: Uint8Array,
): Promise<readonly Field[]> {
  if (content.length === 0) throw invalid("Schema has no field. Table: loaded");
  const file = textLiteral(path);
  const schema = load.schema?.fields;
  try {
    if (load.sourceFormat === "PARQUET")
      await database.run(`CREATE TEMP TABLE loaded AS FROM read_parquet(${file})`);
    else if (load.sourceFormat === "CSV") await readCsv(database, file, content, load);
    else await readJson(database, file);
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
  const values = schema.map((field) =>
    has(found, field)
      ? `TRY_CAST(${quoted(field.name)} AS ${columnType(field)}) AS ${quoted(field.name)}`
      : `CAST(NULL AS ${columnType(field)}) AS ${quoted(field.name)}`,
  );
  await database.run(`CREATE TEMP TABLE typed AS SELECT ${values.join(", ")} FROM temp.loaded`);
  return schema;
}

/**
 * As text first: DuckDB would rather guess another delimiter than say that a row is broken. Autodetection sees a
 * header only where it differs from the rows below by being text; otherwise the row that is skipped is lost, and
 * columns are numbered.
 */
async function readCsv(database: Database, file: string, content: Uint8Array, load: Load): Promise<void> {
  const header = firstLine(content).split(load.fieldDelimiter);
  const isByName = load.schema === undefined || load.sourceColumnMatch === "NAME";
  const inFile = header.map((name) => name.trim().replace(/^"(.*)"$/, "$1"));
  const names = isByName ? inFile : (load.schema?.fields ?? []).map(({ name }) => name);
  const form = `header = ${load.skipLeadingRows > 0}, delim = ${textLiteral(load.fieldDelimiter)},
    quote = '"', escape = '"',
    strict_mode = true, null_padding = false, allow_quoted_nulls = false,
    nullstr = [${load.nullMarkers.map(textLiteral).join(", ")}]`;
  if (!load.ignoreUnknownValues && hasTrailing(content, load.fieldDelimiter, names.length))
    throw invalid(`${prefix} CSV processing encountered too many errors, giving up. Rows: 1; errors: 1`, [
      `${prefix} Too many values in line. ` +
        `Found ${names.length + 1} column(s) while expected ${names.length}.; line_number: 2`,
    ]);
  const columns = names.map((name) => `${quoted(name)}: 'VARCHAR'`).join(", ");
  await database.run(
    `CREATE TEMP TABLE loaded AS FROM read_csv(${file}, ${form}, auto_detect = false, columns = {${columns}})`,
  );
  if (load.schema) return;
  await database.run(
    `CREATE OR REPLACE TEMP TABLE loaded AS FROM read_csv(${file}, ${form}, sample_size = -1)`,
  );
  const { fields } = await database.run("FROM temp.loaded LIMIT 0");
  if (fields.some(({ type }) => type !== "STRING")) return;
  const numbered = fields.map(({ name }, index) => `${quoted(name)} AS string_field_${index}`);
  await database.run(`CREATE OR REPLACE TEMP TABLE loaded AS SELECT ${numbered.join(", ")} FROM temp.loaded`);
}

/** DuckDB takes a row that ends in a delimiter; BigQuery counts one value more. */
function hasTrailing(content: Uint8Array, delimiter: string, columns: number): boolean {
  const lines = Buffer.from(content).toString().split(/\r?\n/);
  return lines.some(
    (line) => !line.includes('"') && line.split(delimiter).length > columns && line.endsWith(delimiter),
  );
}

/** Files in gzip are read as what is in them. */
function asText({ sourceFormat, encoding }: Load, stored: Uint8Array): Uint8Array {
  if (sourceFormat === "PARQUET") return stored;
  const bytes = stored[0] === 0x1f && stored[1] === 0x8b ? gunzipSync(stored) : stored;
  return encoding === "UTF-8" ? bytes : Buffer.from(new TextDecoder(encoding.toLowerCase()).decode(bytes));
}

async function readJson(database: Database, file: string): Promise<void> {
  await database.run(
    `CREATE TEMP TABLE loaded AS FROM read_json(${file}, format = 'newline_delimited', records = true, sample_size = -1,
       map_inference_threshold = -1)`,
  );
}

function firstLine(content: Uint8Array): string {
  return Buffer.from(content).toString().split(/\r?\n/, 1)[0] ?? "";
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
  const wrong = unknown ?? (load.sourceFormat === "CSV" ? missing : undefined);
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
