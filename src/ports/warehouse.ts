import type { CsvOptions } from "../core/files/csv-scan.ts";
import type { JsonObject, JsonValue } from "../core/values/json.ts";

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
  /**
   * Who asks. A job that failed is told as it is to the attempt that began it, and begun anew for any other. Default:
   * all callers are the same.
   */
  readonly attempt?: string | undefined;
  readonly uri: string;
  readonly format: FileFormat;
  /** Of a CSV file. Default: found out. */
  readonly csv?: CsvOptions | undefined;
  readonly into: Destination;
  readonly signal: AbortSignal;
}

export interface QueryJob {
  readonly jobId: string;
  /** As of a LoadJob. */
  readonly attempt?: string | undefined;
  readonly sql: Sql;
  readonly parameters: JsonObject;
  readonly into: Destination;
  /** A query that would be billed for more is not run. Default: the limit of the warehouse, if it has one. */
  readonly maximumBytesBilled?: number | undefined;
  readonly signal: AbortSignal;
}

export interface JobResult {
  readonly table: string;
  /** Rows read from the file or the query. */
  readonly rows: number;
  /** Rows the table holds afterwards, or when it was asked for where the warehouse does not keep that. */
  readonly tableRows: number;
  /** What the warehouse charges for, when it charges by the byte. */
  readonly bytesBilled?: number;
}

/** How far a job is. One that still runs goes on by itself: ask again for it with the same job id. */
export type JobState =
  | { readonly kind: "done"; readonly result: JobResult }
  /** `percent`: how much is done, where the warehouse says so. */
  | { readonly kind: "running"; readonly percent?: number };

export type Row = { readonly [column: string]: JsonValue };

/**
 * Tables and SQL. Throws coded BatonErrors or TaskErrors: `FILE_EMPTY`, `FILE_UNREADABLE` (naming the row),
 * `SQL_FAILED`, `TABLE_MISMATCH`, `QUERY_TOO_EXPENSIVE`, `WAREHOUSE_DENIED`, `WAREHOUSE_JOB_STOPPED`, none of them
 * retryable; `WAREHOUSE_LOCKED` and `WAREHOUSE_FAILED`, retryable.
 *
 * `load` and `query` wait for a short while (`limits.warehouseWaitSeconds`) and then say that the job still runs. Their
 * signal ends the wait; whether it ends the job too is up to the warehouse: only `cancel` is sure to.
 */
export interface Warehouse {
  load(job: LoadJob): Promise<JobState>;
  query(job: QueryJob): Promise<JobState>;
  /** Rows of a query, at most `limit`. */
  rows(sql: Sql, parameters: JsonObject, limit: number, signal: AbortSignal): Promise<readonly Row[]>;
  /** Ends the job with this id if it runs. Resolves as well when there is no such job, or it has ended. */
  cancel(jobId: string): Promise<void>;
}

/** A table as the catalog of the warehouse has it. */
export interface WarehouseTable {
  readonly name: string;
  /** Its full name as SQL, quoted. */
  readonly sql: string;
  /** Which SQL the warehouse speaks. */
  readonly dialect: "duckdb" | "bigquery";
  readonly columns: readonly string[];
}

export interface NewTable {
  readonly columns: readonly { readonly name: string; readonly type: "text" | "json" | "timestamp" }[];
  /** Rows are kept apart by the day of this column, where the warehouse does so. */
  readonly partitionBy: string;
  /** Columns that rows are looked up by: rows that are alike in them are kept together, where the warehouse does so. */
  readonly clusterBy: readonly string[];
}

/** One statement that writes rows of a table. */
export interface WriteStatement {
  /** A warehouse whose statements outlive the call runs the same one once. */
  readonly id: string;
  /** The table, for errors. */
  readonly table: string;
  readonly sql: string;
  readonly parameters: Readonly<Record<string, string | number | null>>;
}

/** Tables that Baton itself keeps in the warehouse. Throws what `Warehouse` throws. */
export interface WarehouseTables extends Pick<Warehouse, "rows"> {
  /** Undefined when there is no such table. */
  findTable(name: string): Promise<WarehouseTable | undefined>;
  /** Creates the table, and its schema, unless it exists. */
  createTable(name: string, table: NewTable): Promise<WarehouseTable>;
  /** Throws `TABLE_MISMATCH` when what it writes does not fit the table. */
  write(statement: WriteStatement): Promise<void>;
}
