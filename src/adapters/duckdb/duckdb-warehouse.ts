import type { DuckDBConnection } from "@duckdb/node-api";
import { errorMessage } from "../../core/errors/errors.ts";
import type { JsonObject } from "../../core/values/json.ts";
import type {
  JobState,
  LoadJob,
  NewTable,
  QueryJob,
  Row,
  Sql,
  Warehouse,
  WarehouseTable,
  WarehouseTables,
  WriteStatement,
} from "../../ports/warehouse.ts";
import type { DatabaseFile } from "./database-file.ts";
import { runJobOnce } from "./destination.ts";
import { loadFile } from "./load.ts";
import { runQuery, selectRows } from "./query.ts";
import { machineFailure, parseTable, quoteIdentifier, Statements, toTaskError } from "./statements.ts";

/** Opening the file has loaded the library before. */
const loadDuckDb = () => import("@duckdb/node-api");

/** The warehouse in one DuckDB file, which processes open in turn. The library is loaded at the first use. */
export class DuckDbWarehouse implements Warehouse, WarehouseTables {
  readonly #file: DatabaseFile;

  constructor(file: DatabaseFile) {
    this.#file = file;
  }

  async load(job: LoadJob): Promise<JobState> {
    const result = await this.#use(job.signal, (statements) =>
      runJobOnce(statements, job.jobId, (commit) => loadFile(statements, job, commit)),
    );
    return { kind: "done", result };
  }

  async query(job: QueryJob): Promise<JobState> {
    const result = await this.#use(job.signal, (statements) =>
      runJobOnce(statements, job.jobId, async (commit) =>
        runQuery(statements, await loadDuckDb(), job, commit),
      ),
    );
    return { kind: "done", result };
  }

  async rows(sql: Sql, parameters: JsonObject, limit: number, signal: AbortSignal): Promise<readonly Row[]> {
    return this.#use(signal, async (statements) => {
      // A SELECT may call functions that write, such as nextval.
      await statements.run("BEGIN TRANSACTION READ ONLY");
      return selectRows(statements, await loadDuckDb(), { sql, parameters, limit });
    });
  }

  /** Does nothing: a job ends with the call that runs it, and the signal of that call cancels it. */
  async cancel(): Promise<void> {}

  findTable(name: string): Promise<WarehouseTable | undefined> {
    return this.#use(new AbortController().signal, (statements) => findTable(statements, name));
  }

  createTable(name: string, table: NewTable): Promise<WarehouseTable> {
    return this.#use(new AbortController().signal, (statements) => createTable(statements, name, table));
  }

  write(statement: WriteStatement): Promise<void> {
    const { path } = this.#file;
    return this.#use(new AbortController().signal, (statements) => write(statements, statement, path));
  }

  /** Waits for the running job and closes the file. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  async #use<T>(signal: AbortSignal, work: (statements: Statements) => Promise<T>): Promise<T> {
    return this.#file.use(signal, async (connection: DuckDBConnection) => {
      const statements = new Statements(connection, signal);
      // Days must start at the same moment on every machine.
      await statements.run("SET TimeZone = 'UTC'");
      // As BigQuery orders: the same rows come first, also with LIMIT and in windows.
      await statements.run("SET default_null_order = 'nulls_first_on_asc_last_on_desc'");
      return work(statements);
    });
  }
}

const types = { text: "VARCHAR", json: "JSON", timestamp: "TIMESTAMP" } as const;

async function findTable(statements: Statements, name: string): Promise<WarehouseTable | undefined> {
  const table = parseTable(name);
  const columns = await statements.findColumns(table);
  if (!columns) return undefined;
  const sql = await statements.qualified(table);
  return { name, sql, dialect: "duckdb", columns: columns.map((column) => column.name) };
}

/** Creates the table unless it exists. */
async function createTable(
  statements: Statements,
  name: string,
  { columns }: NewTable,
): Promise<WarehouseTable> {
  const sql = await statements.qualified(parseTable(name));
  const declared = columns.map((column) => `${quoteIdentifier(column.name)} ${types[column.type]}`);
  await statements.transaction(async () => {
    await statements.createSchemaOf(parseTable(name));
    await statements.run(`CREATE TABLE IF NOT EXISTS ${sql} (${declared.join(", ")})`);
  });
  return { name, sql, dialect: "duckdb", columns: columns.map((column) => column.name) };
}

/** Runs the statement. `path`: of the warehouse's file, for errors. */
async function write(
  statements: Statements,
  { table, sql, parameters }: WriteStatement,
  path: string,
): Promise<void> {
  try {
    await statements.run(sql, { ...parameters });
  } catch (thrown) {
    // A task is writing to the same rows; a retry will succeed.
    if (/conflict/i.test(errorMessage(thrown))) throw machineFailure(path, thrown);
    throw toTaskError("TABLE_MISMATCH", `The row does not fit table ${table}`, thrown);
  }
}
