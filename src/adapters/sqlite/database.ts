import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { translateSqliteError } from "./errors.ts";

export interface DatabaseOptions {
  readonly path: string;
  /**
   * `full`: a commit is on the disk before it is acknowledged, so it survives a power cut.
   * `normal`: it survives the death of the process, but the last moments may be lost with the power.
   */
  readonly durability: "full" | "normal";
  /** How long a write waits for another process before STORE_LOCKED. */
  readonly lockTimeoutSeconds: number;
}

/** Pages (of 4 KiB) the write-ahead log holds before it is copied back and begun anew: a reused log syncs faster. */
const walPages = 4_000;
const cacheKibibytes = 4_096;

/** Opens or creates the database file. Throws the coded `STORE_…` errors. */
export function openDatabase(options: DatabaseOptions): DatabaseSync {
  try {
    mkdirSync(dirname(options.path), { recursive: true });
    const database = new DatabaseSync(options.path, { timeout: options.lockTimeoutSeconds * 1_000 });
    enterWal(database, options.lockTimeoutSeconds);
    database.exec(`
      PRAGMA synchronous = ${options.durability === "full" ? "FULL" : "NORMAL"};
      PRAGMA wal_autocheckpoint = ${walPages};
      PRAGMA cache_size = -${cacheKibibytes};
      PRAGMA temp_store = MEMORY;
    `);
    return database;
  } catch (error) {
    throw translateSqliteError(error, options.path);
  }
}

const busy = 5;
const lookAgainMs = 10;

/** SQLite does not wait for this lock: of several processes that open a new file at once, one alone gets it. */
function enterWal(database: DatabaseSync, timeoutSeconds: number): void {
  const deadline = performance.now() + timeoutSeconds * 1_000;
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
