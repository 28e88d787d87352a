import type { FileOptions } from "../core/files/file-options.ts";
import type { JsonObject, JsonValue } from "../core/values/json.ts";

export type FileFormat = "csv" | "jsonl" | "parquet";
export type WriteMode = "append" | "replace" | "merge";

/**
 * One text that every warehouse runs as it is, one text for each dialect, or one text in GoogleSQL. BigQuery runs that
 * as it is, and DuckDB in a translation that has the same answer.
 */
export type Sql =
  | string
  | { readonly duckdb?: string | undefined; readonly bigquery?: string | undefined }
  | { readonly googlesql: string };

export interface Destination {
  readonly table: string;
  readonly mode: WriteMode;
  /** The columns that identify a row, for mode `merge`. */
  readonly key: readonly string[];
}

export interface LoadJob {
  /** A job runs once. Later calls with its id return the first result. */
  readonly jobId: string;
  /**
   * The calling attempt. The attempt that started a job gets its error if it failed; another attempt starts it again.
   * Default: all callers count as one attempt.
   */
  readonly attempt?: string | undefined;
  readonly uri: string;
  readonly format: FileFormat;
  /** How to read the file. Default: detected. */
  readonly options?: FileOptions | undefined;
  readonly into: Destination;
  readonly signal: AbortSignal;
}

export interface QueryJob {
  readonly jobId: string;
  /** As in LoadJob. */
  readonly attempt?: string | undefined;
  readonly sql: Sql;
  readonly parameters: JsonObject;
  readonly into: Destination;
  /** A query that would be billed for more bytes fails. Default: the limit of the warehouse, if it has one. */
  readonly maximumBytesBilled?: number | undefined;
  readonly signal: AbortSignal;
}

export interface JobResult {
  readonly table: string;
  /** Rows read from the file or the query. */
  readonly rows: number;
  /** Rows in the table after the job, or now if the warehouse does not store that number. */
  readonly tableRows: number;
  /** Set if the warehouse charges by the byte. */
  readonly bytesBilled?: number;
}

/** The state of a job. A running job continues by itself; call again with the same job id. */
export type JobState =
  | { readonly kind: "done"; readonly result: JobResult }
  /** `percent`: the progress, if the warehouse reports it. */
  | { readonly kind: "running"; readonly percent?: number };

export type Row = { readonly [column: string]: JsonValue };

/**
 * Tables and SQL. Throws coded BatonErrors or TaskErrors: `FILE_EMPTY`, `FILE_UNREADABLE` (naming the row),
 * `SQL_FAILED`, `SQL_UNSUPPORTED`, `GOOGLESQL_PARSER_MISSING`, `TABLE_MISMATCH`, `QUERY_TOO_EXPENSIVE`,
 * `WAREHOUSE_DENIED`, `WAREHOUSE_JOB_STOPPED`, none of them retryable; `WAREHOUSE_LOCKED` and `WAREHOUSE_FAILED`,
 * retryable.
 *
 * `load` and `query` wait for a short while (`limits.warehouseWaitSeconds`) and then return that the job still runs.
 * Their signal ends the wait and, in some warehouses, also the job. Only `cancel` always ends the job.
 */
export interface Warehouse {
  load(job: LoadJob): Promise<JobState>;
  query(job: QueryJob): Promise<JobState>;
  /** Rows of a query, at most `limit`. */
  rows(sql: Sql, parameters: JsonObject, limit: number, signal: AbortSignal): Promise<readonly Row[]>;
  /** Cancels the job. Resolves also if it has ended or does not exist. */
  cancel(jobId: string): Promise<void>;
}

/** A table in the catalog of the warehouse. */
export interface WarehouseTable {
  readonly name: string;
  /** Its full name, quoted for SQL. */
  readonly sql: string;
  readonly dialect: "duckdb" | "bigquery";
  readonly columns: readonly string[];
}

export interface NewTable {
  readonly columns: readonly { readonly name: string; readonly type: "text" | "json" | "timestamp" }[];
  /** The table is partitioned by the day of this column, if the warehouse has partitions. */
  readonly partitionBy: string;
  /** The table is clustered by these columns, by which rows are looked up, if the warehouse has clusters. */
  readonly clusterBy: readonly string[];
}

export interface WriteStatement {
  /** If statements outlive the call, the warehouse runs a statement with this id once. */
  readonly id: string;
  /** The table, as errors show it. */
  readonly table: string;
  readonly sql: string;
  readonly parameters: Readonly<Record<string, string | number | null>>;
}

/** Baton's own tables in the warehouse. Throws the errors of `Warehouse`. */
export interface WarehouseTables extends Pick<Warehouse, "rows"> {
  /** Undefined if there is no such table. */
  findTable(name: string): Promise<WarehouseTable | undefined>;
  /** Creates the table and its schema if they do not exist. */
  createTable(name: string, table: NewTable): Promise<WarehouseTable>;
  /** Throws `TABLE_MISMATCH` if the rows do not fit the table. */
  write(statement: WriteStatement): Promise<void>;
}
