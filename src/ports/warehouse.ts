import type { JsonObject, JsonValue } from "../core/json.ts";

export type FileFormat = "csv" | "jsonl" | "parquet";
export type WriteMode = "append" | "replace" | "merge";

/** SQL for every warehouse, or one text per dialect. */
export type Sql = string | { readonly duckdb?: string | undefined; readonly bigquery?: string | undefined };

export interface Destination {
  readonly table: string;
  readonly mode: WriteMode;
  /** With mode merge: the columns that identify a row. */
  readonly key: readonly string[];
}

export interface LoadJob {
  /** The same job id is done once, however often it is asked for; later calls give the first result. */
  readonly jobId: string;
  readonly uri: string;
  readonly format: FileFormat;
  readonly into: Destination;
  readonly signal: AbortSignal;
}

export interface QueryJob {
  readonly jobId: string;
  readonly sql: Sql;
  readonly parameters: JsonObject;
  readonly into: Destination;
  readonly signal: AbortSignal;
}

export interface JobResult {
  readonly table: string;
  /** Rows read from the file or the query. */
  readonly rows: number;
  /** Rows the table holds afterwards. */
  readonly tableRows: number;
}

export type Row = { readonly [column: string]: JsonValue };

/**
 * Tables and SQL. Throws coded BatonErrors or TaskErrors: `FILE_EMPTY`, `FILE_UNREADABLE` (naming the row), `SQL_FAILED`,
 * `TABLE_MISMATCH`, none of them retryable; `WAREHOUSE_LOCKED`, retryable.
 */
export interface Warehouse {
  load(job: LoadJob): Promise<JobResult>;
  query(job: QueryJob): Promise<JobResult>;
  /** Rows of a query, at most `limit`. */
  rows(sql: Sql, parameters: JsonObject, limit: number, signal: AbortSignal): Promise<readonly Row[]>;
}
