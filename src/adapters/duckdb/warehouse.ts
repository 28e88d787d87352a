import type { DuckDBConnection } from "@duckdb/node-api";
import type { JsonObject } from "../../core/json.ts";
import type { JobState, LoadJob, QueryJob, Row, Sql, Warehouse } from "../../ports/warehouse.ts";
import type { DatabaseFile } from "./database-file.ts";
import { once } from "./jobs.ts";
import { prepareLoad } from "./load.ts";
import { prepareQuery, selectRows } from "./query.ts";
import { Statements } from "./statements.ts";

/** The library, which the file has loaded by the time that it is open. */
const loaded = () => import("@duckdb/node-api");

/** Tables in one DuckDB file, which several processes share by taking turns. DuckDB is loaded at the first use. */
export class DuckDbWarehouse implements Warehouse {
  readonly #file: DatabaseFile;

  constructor(file: DatabaseFile) {
    this.#file = file;
  }

  async load(job: LoadJob): Promise<JobState> {
    const result = await this.#use(job.signal, (statements) =>
      once(statements, job.jobId, () => prepareLoad(statements, job)),
    );
    return { kind: "done", result };
  }

  async query(job: QueryJob): Promise<JobState> {
    const result = await this.#use(job.signal, (statements) =>
      once(statements, job.jobId, async () => prepareQuery(statements, await loaded(), job)),
    );
    return { kind: "done", result };
  }

  async rows(sql: Sql, parameters: JsonObject, limit: number, signal: AbortSignal): Promise<readonly Row[]> {
    return this.#use(signal, async (statements) =>
      selectRows(statements, await loaded(), { sql, parameters, limit }),
    );
  }

  /** A job lives no longer than the call that runs it, and that is ended by its signal. */
  async cancel(): Promise<void> {}

  /** Waits for what is running and lets go of the file. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  async #use<T>(signal: AbortSignal, work: (statements: Statements) => Promise<T>): Promise<T> {
    return this.#file.use(signal, async (connection: DuckDBConnection) => {
      const statements = new Statements(connection, signal);
      // Days must begin at the same moment on every machine.
      await statements.run("SET TimeZone = 'UTC'");
      return work(statements);
    });
  }
}
