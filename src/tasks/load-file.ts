import * as z from "zod";
import { BatonError, codeOf, TaskError } from "../core/errors.ts";
import type { ObjectInfo, ObjectName, ObjectStore } from "../ports/objects.ts";
import type { FileFormat } from "../ports/warehouse.ts";
import type { TaskContext, TaskSpec, TaskType } from "../runtime/task-type.ts";
import { spec } from "./define.ts";
import { checkKey, keySchema, modeSchema, type TableResult, tableSchema } from "./destination.ts";
import { type FileParameter, FileParameterSchema, fileOf } from "./file-parameter.ts";
import { cancelJob, jobOf, resultOf } from "./warehouse-job.ts";

export interface LoadFileParameters {
  /** `sales` or `shop.sales`. Made by the first load. */
  readonly table: string;
  /** Default: by the file's extension: .csv, .jsonl, .ndjson, .json (JSON lines), .parquet. */
  readonly format?: "csv" | "jsonl" | "parquet";
  /** `append` (default), `replace` the whole table, or `merge`: update rows of the same key and add the others. */
  readonly mode?: "append" | "replace" | "merge";
  /** With mode merge: the columns that identify a row. Of a file's rows with the same key the last one counts (BigQuery: up to 10 MB; larger files must not have such rows). */
  readonly key?: readonly string[];
  /** Default: the file whose drop started the workflow. */
  readonly file?: FileParameter;
}

const ParametersSchema = z
  .strictObject({
    table: tableSchema,
    format: z.enum(["csv", "jsonl", "parquet"]).optional(),
    mode: modeSchema.default("append"),
    key: keySchema.optional(),
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

/** Loads a file into a table of the warehouse, once, however often the task is tried. Columns go by name. */
export function loadFile(parameters: LoadFileParameters): TaskSpec<TableResult> {
  return spec(loadFileType, parameters);
}

async function load(context: TaskContext, parameters: Parameters): Promise<TableResult> {
  const { warehouse, objects } = context.services;
  const name = fileOf(context, parameters.file);
  const file = await objects.stat(name);
  try {
    const state = await warehouse.load({
      ...jobOf(context),
      uri: file.uri,
      format: parameters.format ?? formatOf(file.object),
      into: { table: parameters.table, mode: parameters.mode, key: parameters.key ?? [] },
    });
    return resultOf(context, state);
  } catch (error) {
    if (codeOf(error) === "FILE_MISSING") await refuseIfMoved(objects, name, file);
    throw error;
  }
}

/** Another workflow may archive the file while it is loaded: then the next attempt loads it from there. */
async function refuseIfMoved(objects: ObjectStore, name: ObjectName, before: ObjectInfo): Promise<void> {
  const now = await objects.stat(name);
  if (now.uri === before.uri) return;
  throw new BatonError("FILE_BEING_MOVED", `${before.object} was moved to ${now.object} while it was loaded`);
}

const formats: Readonly<Record<string, FileFormat>> = {
  csv: "csv",
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "jsonl",
  parquet: "parquet",
};

function formatOf(object: string): FileFormat {
  const extension = /\.([^./]+)$/.exec(object)?.[1]?.toLowerCase() ?? "";
  const format = Object.hasOwn(formats, extension) ? formats[extension] : undefined;
  if (!format)
    throw new TaskError(`The name ${object} does not say what kind of file it is`, {
      code: "FILE_FORMAT_UNKNOWN",
      retryable: false,
    });
  return format;
}
