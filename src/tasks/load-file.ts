import * as z from "zod";
import { BatonError, errorCode, TaskError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import type { ObjectInfo, ObjectName, ObjectStore } from "../ports/objects.ts";
import type { FileFormat, LoadJob } from "../ports/warehouse.ts";
import type { TaskContext, TaskSpec, TaskType } from "../runtime/task-type.ts";
import { defineTaskType } from "./define.ts";
import {
  awaitResult,
  cancelJob,
  checkKey,
  type FileParameter,
  FileParameterSchema,
  jobName,
  keySchema,
  modeSchema,
  resolveFile,
  type TableResult,
  tableSchema,
} from "./warehouse-job.ts";

export interface LoadFileParameters {
  /** `sales` or `shop.sales`. Created by the first load. */
  readonly table: string;
  /**
   * Default: by the file's extension: .csv, .tsv, .jsonl, .ndjson, .json (JSON lines), .parquet. A trailing .gz is
   * ignored.
   */
  readonly format?: "csv" | "jsonl" | "parquet";
  /** `append` (default), `replace` the whole table, or `merge`: update rows of the same key and add the others. */
  readonly mode?: "append" | "replace" | "merge";
  /**
   * With mode merge: the columns that identify a row. Of a file's rows with the same key the last one counts (BigQuery:
   * up to 10 MB; larger files must not have such rows).
   */
  readonly key?: readonly string[];
  /** Of a CSV file: the character between its cells. Default: detected, if it is one of `,` `;` `|` or a tab. */
  readonly delimiter?: string;
  /** Of a CSV file: texts that mean NULL in every column, besides empty cells, such as `["NA", "-"]`. */
  readonly nullValues?: readonly string[];
  /** Default: the file whose drop started the workflow. */
  readonly file?: FileParameter;
}

const delimiterSchema = z
  .string()
  .regex(
    /^[^"\r\n\u0080-\uffff]$/,
    'one character of ASCII, such as ";" or "\\t", and not a quote or a line end',
  );

const ParametersSchema = z
  .strictObject({
    table: tableSchema,
    format: z.enum(["csv", "jsonl", "parquet"]).optional(),
    mode: modeSchema.default("append"),
    key: keySchema.optional(),
    delimiter: delimiterSchema.optional(),
    nullValues: z.array(z.string()).max(limits.nullValues).optional(),
    file: FileParameterSchema.optional(),
  })
  .superRefine(checkKey);
type Parameters = z.infer<typeof ParametersSchema>;

export const loadFileType: TaskType<Parameters, TableResult> = {
  type: "loadFile",
  summary: "Loads a CSV, JSON lines or Parquet file into a table",
  parameters: ParametersSchema,
  run: load,
  cancel: cancelJob,
};

/** Loads a file into a table of the warehouse. Retries do not load it twice. Columns are matched by name. */
export function loadFile(parameters: LoadFileParameters): TaskSpec<TableResult> {
  return defineTaskType(loadFileType, parameters);
}

async function load(context: TaskContext, parameters: Parameters): Promise<TableResult> {
  const { warehouse, objects } = context.services;
  const name = resolveFile(context, parameters.file);
  const file = await objects.stat(name);
  const format = parameters.format ?? formatOf(file.object);
  try {
    const state = await warehouse.load({
      ...jobName(context),
      uri: file.uri,
      format,
      ...csvOf(format, parameters),
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

function csvOf(format: FileFormat, { delimiter, nullValues }: Parameters): Pick<LoadJob, "csv"> {
  if (delimiter === undefined && nullValues === undefined) return {};
  if (format === "csv") return { csv: { delimiter, nullValues } };
  throw new TaskError(`A delimiter and nullValues are for CSV files; this one is ${format}`, {
    code: "TASK_PARAMETERS_INVALID",
    retryable: false,
  });
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
  const extension = /\.([^./]+)(?:\.gz)?$/i.exec(object)?.[1]?.toLowerCase() ?? "";
  const format = Object.hasOwn(formats, extension) ? formats[extension] : undefined;
  if (!format)
    throw new TaskError(`The name ${object} does not say what kind of file it is`, {
      code: "FILE_FORMAT_UNKNOWN",
      retryable: false,
    });
  return format;
}
