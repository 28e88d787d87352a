import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** How long a write waits for another process. */
const waitMs = 10_000;
const busy = 5;
const lookAgainMs = 10;

/** Opens or creates a SQLite file that several processes write to, and creates its tables. */
export function openSqliteFile(path: string, schema: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true });
  const database = new DatabaseSync(path, { timeout: waitMs });
  try {
    enterWal(database);
    // A write transaction: two processes that create the tables at once do it one after the other.
    database.exec(`PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE; ${schema}; COMMIT`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** SQLite does not wait for this lock: of several processes that open a new file at once, one alone gets it. */
function enterWal(database: DatabaseSync): void {
  const deadline = performance.now() + waitMs;
  for (;;)
    try {
      database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      const isBusy = error instanceof Error && "errcode" in error && Number(error.errcode) === busy;
      if (!isBusy || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookAgainMs);
    }
}
