import * as z from "zod";
import { type JsonObject, JsonObjectSchema } from "../core/values/json.ts";
import type { Sql } from "../ports/warehouse.ts";
import { taskOfType } from "../runtime/task-parameters.ts";
import type { TaskContext, TaskSpec, TaskType } from "../runtime/task-type.ts";
import {
  awaitResult,
  cancelJob,
  checkKey,
  jobName,
  keySchema,
  modeSchema,
  sqlSchema,
  type TableResult,
  tableSchema,
} from "./warehouse-job.ts";

export interface RunQueryParameters {
  /**
   * One SELECT, or one per dialect: `{ duckdb, bigquery }`. `{ googlesql }` is one text for both engines, with the same
   * answer on both.
   */
  readonly sql: Sql;
  /** The table its rows go to: `daily` or `shop.daily`. */
  readonly into: string;
  /** `replace` the whole table (default), `append`, or `merge`: update rows of the same key and add the others. */
  readonly mode?: "append" | "replace" | "merge";
  /** With mode merge: the columns that identify a row. */
  readonly key?: readonly string[];
  /** Values of `$name` (DuckDB) or `@name` (BigQuery, GoogleSQL). They are bound, never pasted into the text. */
  readonly parameters?: JsonObject;
  /**
   * BigQuery: a query that would be billed for more bytes fails without running. Default: the limit of the project, if
   * set.
   */
  readonly maximumBytesBilled?: number;
}

const ParametersSchema = z
  .strictObject({
    sql: sqlSchema.describe(
      "One SELECT for both engines, as `{ googlesql }`, or one for each: `{ duckdb, bigquery }`",
    ),
    into: tableSchema.describe("The table its rows go to: `daily` or `shop.daily`"),
    mode: modeSchema
      .default("replace")
      .describe(
        "`replace` the whole table (default), `append`, or `merge`: update rows of the same key and add the others",
      ),
    key: keySchema.optional().describe("With mode merge: the columns that identify a row"),
    parameters: JsonObjectSchema.default({}).describe(
      "Values of `$name` (DuckDB) or `@name` (BigQuery, GoogleSQL)",
    ),
    maximumBytesBilled: z
      .int()
      .positive()
      .optional()
      .describe("BigQuery: a query that would be billed for more bytes fails without running"),
  })
  .superRefine(checkKey);
type Parameters = z.infer<typeof ParametersSchema>;

export const runQueryType: TaskType<Parameters, TableResult> = {
  type: "runQuery",
  summary: "Writes the rows of a query into a table",
  parameters: ParametersSchema,
  sqlParameters: ["sql"],
  run: query,
  cancel: cancelJob,
};

/** Writes the rows of a SELECT into a table of the warehouse. Retries do not write them twice. */
export function runQuery(parameters: RunQueryParameters): TaskSpec<TableResult, RunQueryParameters> {
  return taskOfType(runQueryType, parameters);
}

async function query(context: TaskContext, parameters: Parameters): Promise<TableResult> {
  const state = await context.services.warehouse.query({
    ...jobName(context),
    sql: parameters.sql,
    parameters: parameters.parameters,
    into: { table: parameters.into, mode: parameters.mode, key: parameters.key ?? [] },
    maximumBytesBilled: parameters.maximumBytesBilled,
  });
  return awaitResult(context, state);
}
