import { stat } from "node:fs/promises";
import { BatonError, messageOf, TaskError } from "../core/errors.ts";
import { type CheckGroup, judge } from "./check.ts";

/** How long another process that uses the file is waited for. */
const lockWaitMs = 2_000;

/** The file of the local warehouse: it is opened, and closed again. */
export function warehouseGroup(file: string): CheckGroup {
  return {
    id: "data.warehouse",
    subject: file,
    async run(signal) {
      const isThere = await stat(file).then(
        () => true,
        () => false,
      );
      const problem = isThere ? await openWarehouse(file, signal) : undefined;
      const isBusy = problem instanceof TaskError && problem.code === "WAREHOUSE_LOCKED";
      return [
        judge("data.warehouse", {
          subject: file,
          holds: problem === undefined,
          found: problem
            ? messageOf(problem)
            : isThere
              ? "it can be read"
              : "it is made with the first query",
          expected: "no such file yet, or a DuckDB file",
          otherwise: isBusy ? "warning" : "failed",
          remedy: isBusy
            ? "Another process uses it just now: run this again."
            : "Restore the file from a backup, or move it away to begin anew.",
        }),
      ];
    },
  };
}

/** What keeps it from being read. */
async function openWarehouse(file: string, signal: AbortSignal): Promise<unknown> {
  const { DatabaseFile } = await import("../adapters/duckdb/database-file.ts");
  const database = new DatabaseFile(file, { lockWaitMs });
  try {
    await database.use(signal, async (connection) => connection.run("SELECT 1"));
    return undefined;
  } catch (error) {
    if (error instanceof TaskError || error instanceof BatonError) return error;
    throw error;
  } finally {
    await database.close();
  }
}
