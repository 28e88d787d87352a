// A process of its own for the tests of the DuckDB warehouse: does what its one argument, JSON, says.
import { setInterval } from "node:timers";
import * as z from "zod";
import { DatabaseFile } from "../../src/adapters/duckdb/database-file.ts";
import { DuckDbWarehouse } from "../../src/adapters/duckdb/duckdb-warehouse.ts";
import type { JobResult, JobState } from "../../src/ports/warehouse.ts";

const CommandSchema = z.object({
  path: z.string(),
  /**
   * `hold` keeps the file busy until it is killed, `keep` does and never lets go of it; `load` loads one file under
   * one job id; `idle` leaves by itself.
   */
  action: z.enum(["hold", "keep", "load", "idle"]),
  uri: z.string().default(""),
  jobId: z.string().default(""),
});

function resultOf(state: JobState): JobResult | undefined {
  return state.kind === "done" ? state.result : undefined;
}

const command = CommandSchema.parse(JSON.parse(process.argv[2] ?? ""));
const forEver = command.action === "keep" ? { idleMs: 2 ** 31 - 1 } : {};
const warehouse = new DuckDbWarehouse(new DatabaseFile(command.path, forEver));
const { signal } = new AbortController();

if (command.action === "load") {
  const into = { table: "orders", mode: "append", key: [] } as const;
  const state = await warehouse.load({
    jobId: command.jobId,
    uri: command.uri,
    format: "csv",
    into,
    signal,
  });
  process.stdout.write(`${JSON.stringify(resultOf(state))}\n`);
} else {
  await warehouse.rows("SELECT 1 AS one", {}, 1, signal);
  process.stdout.write("open\n");
  if (command.action === "keep") setInterval(() => undefined, 60_000);
  if (command.action === "hold") setInterval(() => warehouse.rows("SELECT 1 AS one", {}, 1, signal), 20);
}
