import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { onTestFinished } from "vitest";
import { DatabaseFile, type DatabaseFileOptions } from "../../src/adapters/duckdb/database-file.ts";
import { DuckDbWarehouse } from "../../src/adapters/duckdb/duckdb-warehouse.ts";
import type { Destination, FileFormat, JobResult, JobState, Row } from "../../src/ports/warehouse.ts";

export const never = new AbortController().signal;

/** What a job of DuckDB gave: it is over when its call is. */
export function resultOf(state: JobState): JobResult {
  if (state.kind === "running") throw new Error("jobs of DuckDB are done at once");
  return state.result;
}

/** A warehouse in a folder of its own that goes when the test ends. */
export async function makeWarehouse(options: DatabaseFileOptions = {}) {
  const folder = await mkdtemp(join(tmpdir(), "baton-duckdb-"));
  const path = join(folder, "warehouse.duckdb");
  const warehouse = new DuckDbWarehouse(new DatabaseFile(path, options));
  onTestFinished(async () => {
    await warehouse.close();
    await rm(folder, { recursive: true, force: true });
  });
  let jobs = 0;

  async function file(name: string, content: string | Uint8Array): Promise<string> {
    await writeFile(join(folder, name), content);
    return pathToFileURL(join(folder, name)).href;
  }

  async function load(
    uri: string,
    into: Partial<Destination> = {},
    options: { readonly format?: FileFormat; readonly jobId?: string } = {},
  ): Promise<JobResult> {
    jobs += 1;
    return resultOf(
      await warehouse.load({
        jobId: options.jobId ?? `job-${jobs}`,
        uri,
        format: options.format ?? "csv",
        into: { table: "orders", mode: "append", key: [], ...into },
        signal: never,
      }),
    );
  }

  /** Writes a CSV file and loads it. */
  async function loadText(text: string, into: Partial<Destination> = {}): Promise<JobResult> {
    return load(await file(`file-${jobs}.csv`, text), into);
  }

  async function rows(sql: string): Promise<readonly Row[]> {
    return warehouse.rows(sql, {}, 1_000, never);
  }

  async function kinds(table: string): Promise<readonly string[]> {
    const found = await rows(`SELECT column_type AS type FROM (DESCRIBE ${table})`);
    return found.map(({ type }) => kindOfType(String(type)));
  }

  return { folder, path, warehouse, file, load, loadText, rows, kinds };
}

const kindNames: Readonly<Record<string, string>> = {
  BOOLEAN: "boolean",
  BIGINT: "integer",
  DOUBLE: "decimal",
  DATE: "date",
  "TIMESTAMP WITH TIME ZONE": "timestamp",
  VARCHAR: "text",
  JSON: "json",
};

function kindOfType(type: string): string {
  if (type.endsWith("]")) return "list";
  return type.startsWith("STRUCT") ? "object" : (kindNames[type] ?? type);
}
