import type { DuckDBConnection, DuckDBPreparedStatement, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import * as z from "zod";
import type { ErrorCode } from "../../core/errors/error-catalog.ts";
import { errorMessage, TaskError } from "../../core/errors/errors.ts";

/** A TaskError that is not retried. */
export function permanentError(code: ErrorCode, message: string, cause?: unknown): TaskError {
  return new TaskError(message, { code, retryable: false, cause });
}

/** Whether another process holds the file: DuckDB's messages on Linux and macOS, and on Windows. */
export function isLockError(thrown: unknown): boolean {
  return /Could not set lock|being used by another process/i.test(errorMessage(thrown));
}

/** Whether DuckDB threw it: its messages begin with their kind, such as "Conversion Error: ". */
export function isDuckDbError(thrown: unknown): boolean {
  return /^[A-Za-z ]+ Error: /i.test(errorMessage(thrown));
}

/** Whether a name is of another object, or other objects depend on the table. */
export function isCatalogError(thrown: unknown): boolean {
  return /^(Catalog|Dependency) Error: /.test(errorMessage(thrown));
}

/** Whether the open database can't be used any more, or the machine ran out of memory or disk space. */
export function isMachineFailure(thrown: unknown): boolean {
  return /^(FATAL|INTERNAL|Out of Memory) Error|has been invalidated|No space left/i.test(
    errorMessage(thrown),
  );
}

export function machineFailure(path: string, thrown: unknown): TaskError {
  return new TaskError(`The warehouse ${path} failed: ${errorMessage(thrown)}`, {
    code: "WAREHOUSE_FAILED",
    retryable: true,
    cause: thrown,
  });
}

/** Converts an error of DuckDB to a TaskError with the code. TaskErrors and machine failures are returned unchanged. */
export function toTaskError(code: ErrorCode, prefix: string, thrown: unknown): unknown {
  if (thrown instanceof TaskError || isMachineFailure(thrown)) return thrown;
  return permanentError(code, `${prefix}: ${errorMessage(thrown).trim()}`, thrown);
}

export interface Column {
  readonly name: string;
  readonly type: string;
}

const ColumnSchema = z.object({ name: z.string(), type: z.string() });
/** A number of rows as DuckDB returns it. */
export const rowCount = z.bigint().transform(Number);
const CountSchema = z.tuple([z.object({ count: rowCount })]);
const ChangeSchema = z.tuple([z.object({ Count: rowCount })]);

interface TypedRows {
  readonly names: readonly string[];
  readonly types: readonly DuckDBType[];
  readonly rows: readonly (readonly DuckDBValue[])[];
}

/** Runs statements on one connection. None is started after the signal is aborted. */
export class Statements {
  readonly #connection: DuckDBConnection;
  readonly #signal: AbortSignal;

  constructor(connection: DuckDBConnection, signal: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
  }

  async run(sql: string, values?: Record<string, DuckDBValue>): Promise<void> {
    await this.rows(sql, values);
  }

  /** Runs a statement that writes rows. Returns their number. */
  async change(statement: string | DuckDBPreparedStatement): Promise<number> {
    if (typeof statement === "string") return ChangeSchema.parse(await this.rows(statement))[0].Count;
    this.#signal.throwIfAborted();
    return ChangeSchema.parse((await statement.runAndReadAll()).getRowObjects())[0].Count;
  }

  async rows(
    sql: string,
    values: Record<string, DuckDBValue> = {},
  ): Promise<readonly Record<string, DuckDBValue>[]> {
    const { names, rows } = await this.typedRows(sql, values);
    // Not by `getRowObjects`, which loses a column called `__proto__`.
    return rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? null])));
  }

  async typedRows(sql: string, values: Record<string, DuckDBValue> = {}): Promise<TypedRows> {
    this.#signal.throwIfAborted();
    const reader = await this.#connection.runAndReadAll(sql, values);
    return { names: reader.deduplicatedColumnNames(), types: reader.columnTypes(), rows: reader.getRows() };
  }

  async prepare(sql: string) {
    this.#signal.throwIfAborted();
    return this.#connection.prepare(sql);
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.run("BEGIN TRANSACTION");
    try {
      const result = await work();
      await this.run("COMMIT");
      return result;
    } catch (thrown) {
      // Closing the connection rolls back too, so a failed ROLLBACK must not hide the first error.
      await this.#connection.run("ROLLBACK").catch(() => undefined);
      throw thrown;
    }
  }

  async countRows(from: string): Promise<number> {
    return CountSchema.parse(await this.rows(`SELECT count(*) AS count FROM ${from}`))[0].count;
  }

  /** Columns of a table of the database file; undefined if there is no such table. */
  async findColumns(table: Table): Promise<readonly Column[] | undefined> {
    const columns = await this.rows(
      `SELECT column_name AS name, data_type AS type FROM duckdb_columns()
       WHERE database_name = current_database() AND lower(schema_name) = lower($schema)
         AND lower(table_name) = lower($table) ORDER BY column_index`,
      { schema: table.schema, table: table.table },
    );
    return columns.length === 0 ? undefined : z.array(ColumnSchema).parse(columns);
  }

  /** Columns of any expression that is valid after FROM. */
  async describe(from: string): Promise<readonly Column[]> {
    const columns = await this.rows(
      `SELECT column_name AS name, column_type AS type FROM (DESCRIBE ${from})`,
    );
    return z.array(ColumnSchema).parse(columns);
  }

  /** Creates the schema of a table unless it exists. Returns the table's name with its database. */
  async createSchemaOf(table: Table): Promise<string> {
    const name = await this.qualified(table);
    await this.run(`CREATE SCHEMA IF NOT EXISTS ${name.slice(0, name.lastIndexOf('."'))}`);
    return name;
  }

  /** The name with its database: DuckDB would read a schema called `temp` as the one of temporary tables. */
  async qualified(table: Table): Promise<string> {
    const [row] = await this.rows("SELECT current_database() AS name");
    const database = z.object({ name: z.string() }).parse(row).name;
    return [database, table.schema, table.table].map(quoteIdentifier).join(".");
  }
}

/** Prefix of Baton's own tables in the warehouse. */
const internalPrefix = "_baton_";

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export interface Table {
  /** As the author wrote it. */
  readonly name: string;
  readonly schema: string;
  readonly table: string;
}

/** `table` or `schema.table`. Throws `TASK_PARAMETERS_INVALID` for anything else. */
export function parseTable(name: string): Table {
  const part = "[\\p{L}_][\\p{L}\\p{N}_]{0,127}";
  const match = new RegExp(`^(?:(${part})\\.)?(${part})$`, "u").exec(name);
  const table = match?.[2];
  if (table === undefined)
    throw permanentError(
      "TASK_PARAMETERS_INVALID",
      `${JSON.stringify(name)} is not a table name: use letters, digits and "_", as in sales or shop.sales`,
    );
  if (table.toLowerCase().startsWith(internalPrefix))
    throw permanentError(
      "TASK_PARAMETERS_INVALID",
      `Tables that begin with ${internalPrefix} belong to Baton`,
    );
  return { name, schema: match?.[1] ?? "main", table };
}
