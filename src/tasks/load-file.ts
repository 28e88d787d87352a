import * as z from "zod";
import { BatonError, errorCode, TaskError } from "../core/errors/errors.ts";
import { dateFormatTokens, parseDateFormat } from "../core/files/cell-formats.ts";
import { type ColumnKind, columnKinds } from "../core/files/column-kinds.ts";
import { type ColumnOption, type Encoding, encodings, type FileOptions } from "../core/files/file-options.ts";
import { limits } from "../core/limits.ts";
import type { ObjectInfo, ObjectName, ObjectStore } from "../ports/objects.ts";
import type { FileFormat } from "../ports/warehouse.ts";
import { taskOfType } from "../runtime/task-parameters.ts";
import type { TaskContext, TaskSpec, TaskType } from "../runtime/task-type.ts";
import {
  awaitResult,
  cancelJob,
  checkKey,
  type FileParameter,
  FileParameterSchema,
  jobName,
  keySchema,
  modeSchema,
  type NeededInput,
  resolveFile,
  type TableResult,
  tableSchema,
} from "./warehouse-job.ts";

export interface LoadFileParameters {
  /** `sales` or `shop.sales`. Created by the first load. */
  readonly table: string;
  /**
   * Default: by the file's extension: .csv, .tsv, .jsonl, .ndjson, .json, .parquet. A trailing .gz or .zst
   * is ignored. `json`: JSON lines, or one array of objects.
   */
  readonly format?: "csv" | "json" | "jsonl" | "parquet";
  /** `append` (default), `replace` the whole table, or `merge`: update rows of the same key and add the others. */
  readonly mode?: "append" | "replace" | "merge";
  /**
   * With mode merge: the columns that identify a row. Of a file's rows with the same key the last one counts (BigQuery:
   * up to 10 MB; larger files must not have such rows).
   */
  readonly key?: readonly string[];
  /** Of a CSV file: the character between its cells. Default: detected, if it is one of `,` `;` `|` or a tab. */
  readonly delimiter?: string;
  /** Of a CSV file: the character around cells that hold a delimiter, or `""` if there is none. Default: `"`. */
  readonly quote?: string;
  /** Of a CSV file: whether its first row holds the names of the columns. Default: true. */
  readonly header?: boolean;
  /** Of a text file. Default: UTF-8, or what a byte order mark says. */
  readonly encoding?: Encoding;
  /** Of a CSV file: the decimal point of its numbers. With `","`, `1.234,50` is a number. Default: `"."`. */
  readonly decimal?: "." | ",";
  /** Of a CSV file: how it writes dates and times, such as `DD.MM.YYYY`, or a list of it. Default: ISO 8601. */
  readonly dateFormat?: string | readonly string[];
  /** Of a CSV file: texts that mean NULL in every column, besides empty cells, such as `["NA", "-"]`. */
  readonly nullValues?: readonly string[];
  /**
   * Of a CSV file: the types of some columns, such as `{ zip: "text" }`, or with `header: false` the names of all, such
   * as `["id", "name"]`. A list may hold `{ name, type }` too. The types of a table that exists stay as they are.
   */
  readonly columns?: ColumnTypes | readonly (string | ColumnOption)[];
  /** Of a CSV file: whether rows may lack cells at their end, and the file columns of its table. They are NULL. */
  readonly allowMissing?: boolean;
  /** Of a CSV file: the number of lines above its header. Default: 0. */
  readonly skipRows?: number;
  /** Default: the file whose drop started the workflow. */
  readonly file?: FileParameter;
}

/** Types of columns by their names. */
type ColumnTypes = Readonly<Record<string, ColumnKind>>;

const oneCharacter = (what: string) =>
  z.string().regex(/^[^\r\n\u0080-\uffff]$/, `one character of ASCII, such as ${what}, and not a line end`);
const delimiterSchema = oneCharacter('";" or "\\t"').refine((text) => text !== '"', "not a quote");
const quoteSchema = z.union([z.literal(""), oneCharacter('"\'"')]);
const dateFormatSchema = z.string().refine((text) => parseDateFormat(text) !== undefined, {
  error: `a date such as DD.MM.YYYY, or a time such as "M/D/YYYY h:mm A", of ${dateFormatTokens}`,
});
const kindSchema = z.enum(columnKinds);
const columnSchema = z.union([
  z.string().min(1),
  z.strictObject({ name: z.string().min(1), type: kindSchema.optional() }),
]);

const ParametersSchema = z
  .strictObject({
    table: tableSchema.describe("The table its rows go to: `sales` or `shop.sales`"),
    format: z
      .enum(["csv", "json", "jsonl", "parquet"])
      .optional()
      .describe("Default: by the file's extension: .csv, .tsv, .jsonl, .ndjson, .json, .parquet"),
    mode: modeSchema
      .default("append")
      .describe(
        "`append` (default), `replace` the whole table, or `merge`: update rows of the same key and add the others",
      ),
    key: keySchema.optional().describe("With mode merge: the columns that identify a row"),
    delimiter: delimiterSchema.optional().describe("Of a CSV file: the character between its cells"),
    quote: quoteSchema
      .optional()
      .describe('Of a CSV file: the character around cells that hold a delimiter, or `""` if there is none.'),
    header: z
      .boolean()
      .optional()
      .describe("Of a CSV file: whether its first row holds the names of the columns. Default: true"),
    encoding: z
      .enum(encodings)
      .optional()
      .describe("Of a text file. Default: UTF-8, or what a byte order mark says"),
    decimal: z
      .enum([".", ","])
      .optional()
      .describe(
        'Of a CSV file: the decimal point of its numbers. With `","`, `1.234,50` is a number. Default: `"."`',
      ),
    dateFormat: z
      .union([dateFormatSchema, z.array(dateFormatSchema).min(1)])
      .optional()
      .describe("Of a CSV file: how it writes dates and times, such as `DD.MM.YYYY`, or a list of it."),
    nullValues: z
      .array(z.string())
      .max(limits.nullValues)
      .optional()
      .describe(
        'Of a CSV file: texts that mean NULL in every column, besides empty cells, such as `["NA", "-"]`',
      ),
    columns: z
      .union([z.record(z.string(), kindSchema), z.array(columnSchema).min(1)], {
        error: `types by name, such as { zip: "text" }, or a list of names; types are ${columnKinds.join(", ")}`,
      })
      .optional()
      .describe("Types of columns by their names, or, of a file without a header, the names in order"),
    allowMissing: z
      .boolean()
      .optional()
      .describe("Of a CSV file: whether rows may lack cells at their end, and the file columns of its table"),
    skipRows: z
      .int()
      .min(0)
      .max(limits.skippedRows)
      .optional()
      .describe("Of a CSV file: the number of lines above its header. Default: 0"),
    file: FileParameterSchema.optional().describe("Default: the file whose drop started the workflow"),
  })
  .superRefine(checkKey)
  .superRefine(checkFormats);
type Parameters = z.infer<typeof ParametersSchema>;

function checkFormats(
  { delimiter, quote = '"', decimal, header, columns }: Parameters,
  context: z.RefinementCtx,
) {
  if (quote !== "" && delimiter === quote)
    context.addIssue({ code: "custom", path: ["quote"], message: "the quote is not the delimiter" });
  if (decimal === "," && delimiter === ",")
    context.addIssue({
      code: "custom",
      path: ["decimal"],
      message: "the decimal comma is not the delimiter",
    });
  const names = columnOptions(columns).map(({ name }) => name.toLowerCase());
  if (new Set(names).size < names.length)
    context.addIssue({ code: "custom", path: ["columns"], message: "a column appears twice" });
  if (header === false && columns !== undefined && !Array.isArray(columns))
    context.addIssue({
      code: "custom",
      path: ["columns"],
      message: "without a header the columns are a list, in the order of the file",
    });
}

export const loadFileType: TaskType<Parameters, TableResult> = {
  type: "loadFile",
  summary: "Loads a CSV, JSON or Parquet file into a table",
  parameters: ParametersSchema,
  run: load,
  cancel: cancelJob,
};

/** Loads a file into a table of the warehouse. Retries do not load it twice. Columns are matched by name. */
export function loadFile<File extends FileParameter | undefined = undefined>(
  parameters: LoadFileParameters & { readonly file?: File },
): TaskSpec<TableResult, LoadFileParameters, NeededInput<File>> {
  return taskOfType(loadFileType, parameters);
}

async function load(context: TaskContext, parameters: Parameters): Promise<TableResult> {
  const { warehouse, objects } = context.services;
  const name = resolveFile(context, parameters.file);
  const file = await objects.stat(name);
  const { format: given = formatOf(file.object) } = parameters;
  const format = given === "json" ? "jsonl" : given;
  try {
    const state = await warehouse.load({
      ...jobName(context),
      uri: file.uri,
      format,
      options: optionsFor(format, parameters),
      into: { table: parameters.table, mode: parameters.mode, key: parameters.key ?? [] },
    });
    return awaitResult(context, state);
  } catch (error) {
    if (errorCode(error) === "FILE_MISSING") await refuseIfMoved(objects, name, file);
    throw error;
  }
}

/** Another workflow may archive the file during the load. Then the next attempt loads it from the archive. */
async function refuseIfMoved(objects: ObjectStore, name: ObjectName, before: ObjectInfo): Promise<void> {
  const now = await objects.stat(name);
  if (now.uri === before.uri) return;
  throw new BatonError("FILE_BEING_MOVED", `${before.object} was moved to ${now.object} while it was loaded`);
}

/** Throws `TASK_PARAMETERS_INVALID` for options that such a file does not have. */
function optionsFor(format: FileFormat, parameters: Parameters): FileOptions {
  const { encoding, delimiter, quote, header, decimal, dateFormat, nullValues, columns } = parameters;
  const { allowMissing, skipRows } = parameters;
  const forCsv = {
    delimiter,
    quote,
    header,
    decimal,
    dateFormat,
    nullValues,
    columns,
    allowMissing,
    skipRows,
  };
  const given = Object.entries({
    ...(format === "parquet" && { encoding }),
    ...(format !== "csv" && forCsv),
  });
  const [wrong] = given.find(([, value]) => value !== undefined) ?? [];
  if (wrong !== undefined)
    throw new TaskError(
      `The option ${wrong} is for ${wrong === "encoding" ? "text" : "CSV"} files; this one is ${format}`,
      {
        code: "TASK_PARAMETERS_INVALID",
        retryable: false,
      },
    );
  const dateFormats = typeof dateFormat === "string" ? [dateFormat] : dateFormat;
  return {
    ...{ encoding, delimiter, quote, header, decimal, nullValues, allowMissing, skipRows, dateFormats },
    ...(columns && { columns: columnOptions(columns) }),
  };
}

function columnOptions(columns: Parameters["columns"]): readonly ColumnOption[] {
  if (columns === undefined) return [];
  if (!Array.isArray(columns)) return Object.entries(columns).map(([name, type]) => ({ name, type }));
  return columns.map((column) => (typeof column === "string" ? { name: column } : column));
}

const formats: Readonly<Record<string, FileFormat>> = {
  csv: "csv",
  tsv: "csv",
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "jsonl",
  parquet: "parquet",
};

function formatOf(object: string): FileFormat {
  const extension = /\.([^./]+)(?:\.(?:gz|zst))?$/i.exec(object)?.[1]?.toLowerCase() ?? "";
  const format = Object.hasOwn(formats, extension) ? formats[extension] : undefined;
  if (!format)
    throw new TaskError(`The name ${object} does not say what kind of file it is`, {
      code: "FILE_FORMAT_UNKNOWN",
      retryable: false,
    });
  return format;
}
