import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { DuckDbWarehouse } from "../../adapters/duckdb/duckdb-warehouse.ts";
import type { JsonObject } from "../../core/values/json.ts";
import type { JobState, LoadJob, QueryJob, Row, Sql, Warehouse } from "../../ports/warehouse.ts";
import type { MemoryObjects } from "./memory-objects.ts";

/** Longest delay of a timer: the database is kept for as long as the test uses it. */
const keptMs = 2_147_483_647;
const mostRows = 100_000;

/** The warehouse of a test: a DuckDB database in memory, opened at its first use. */
export class MemoryWarehouse implements Warehouse {
  readonly #objects: MemoryObjects;
  #opened: Promise<DuckDbWarehouse> | undefined;

  constructor(objects: MemoryObjects) {
    this.#objects = objects;
  }

  async load(job: LoadJob): Promise<JobState> {
    const warehouse = await this.#open();
    const content = this.#objects.contentAt(job.uri);
    if (!content) return warehouse.load(job);
    // DuckDB reads files, so the object is one for as long as the load takes.
    const folder = await mkdtemp(join(tmpdir(), "baton-testing-"));
    try {
      const path = join(folder, job.uri.split("/").at(-1) ?? "object");
      await writeFile(path, content);
      return await warehouse.load({ ...job, uri: pathToFileURL(path).href });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async query(job: QueryJob): Promise<JobState> {
    return (await this.#open()).query(job);
  }

  async rows(sql: Sql, parameters: JsonObject, limit: number, signal: AbortSignal): Promise<readonly Row[]> {
    return (await this.#open()).rows(sql, parameters, limit, signal);
  }

  /** A job ends with the call that runs it. */
  async cancel(): Promise<void> {}

  /** The rows of a query, for a test. */
  async select(sql: string, parameters: JsonObject = {}): Promise<readonly Row[]> {
    return this.rows(sql, parameters, mostRows, new AbortController().signal);
  }

  /** Stores the rows of a query as a table: `fill("sales", "SELECT 1 AS id")`. */
  async fill(table: string, sql: string): Promise<void> {
    await this.query({
      jobId: `fill ${table}`,
      attempt: String(performance.now()),
      sql,
      parameters: {},
      into: { table, mode: "replace", key: [] },
      signal: new AbortController().signal,
    });
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened) await (await opened).close();
  }

  #open(): Promise<DuckDbWarehouse> {
    this.#opened ??= open();
    return this.#opened;
  }
}

async function open(): Promise<DuckDbWarehouse> {
  const { DatabaseFile } = await import("../../adapters/duckdb/database-file.ts");
  const { DuckDbWarehouse } = await import("../../adapters/duckdb/duckdb-warehouse.ts");
  const file = new DatabaseFile("memory", {
    inMemory: true,
    idleMs: keptMs,
    holdMs: Number.POSITIVE_INFINITY,
  });
  return new DuckDbWarehouse(file);
}
