import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ErrorCode } from "../../core/errors/error-catalog.ts";
import { BatonError, errorCode, errorMessage } from "../../core/errors/errors.ts";

/** A connection to a database file. */
export type Database = DatabaseSync;

/** The path of a database that is in no file: empty, and gone with the process. */
export const inMemory = ":memory:";

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

/** Whether there is such a file. Throws the coded `STORE_…` errors when that can't be told. */
export function databaseExists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw translateSqliteError(error, path);
  }
}

/** Opens or creates the database file. Throws the coded `STORE_…` errors. */
export function openDatabase(options: DatabaseOptions): DatabaseSync {
  try {
    if (options.path !== inMemory) mkdirSync(dirname(options.path), { recursive: true });
    const database = new DatabaseSync(options.path, { timeout: options.lockTimeoutSeconds * 1_000 });
    return closeOnError(database, () => configure(database, options));
  } catch (error) {
    throw translateSqliteError(error, options.path);
  }
}

/** Gives what `use` gives. When that throws, the database is closed. */
export function closeOnError<Result>(database: DatabaseSync, use: () => Result): Result {
  try {
    return use();
  } catch (error) {
    database.close();
    throw error;
  }
}

function configure(
  database: DatabaseSync,
  { path, durability, lockTimeoutSeconds }: DatabaseOptions,
): DatabaseSync {
  assertOwnDatabase(database, path);
  enterWal(database, lockTimeoutSeconds);
  database.exec(`
    PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"};
    PRAGMA wal_autocheckpoint = ${walPages};
    PRAGMA cache_size = -${cacheKibibytes};
    PRAGMA temp_store = MEMORY;
  `);
  return database;
}

/** What tables of Baton's have, that of messages and those of documents. */
const ownTableCondition = "(m.name = 'messages' AND c.name = 'visible_at') OR c.name = 'arrays'";

/** Before anything is changed in it. */
function assertOwnDatabase(database: DatabaseSync, path: string): void {
  const schema = "sqlite_schema AS m, pragma_table_info(m.name) AS c";
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const own = database.prepare(`SELECT m.name FROM ${schema} WHERE ${ownTableCondition}`).get();
  if (tables.length === 0 || own !== undefined) return;
  const names = tables.map(({ name }) => String(name)).slice(0, 5);
  throw new BatonError("STORE_CORRUPT", `It is the database of another program: it has ${names.join(", ")}`, {
    where: path,
  });
}

const busy = 5;
const walRetryMs = 10;

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
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, walRetryMs);
    }
}

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const errorCodes: Readonly<Record<number, ErrorCode>> = {
  5: "STORE_LOCKED",
  6: "STORE_LOCKED",
  8: "STORE_READ_ONLY",
  10: "STORE_FAILED",
  11: "STORE_CORRUPT",
  13: "STORE_DISK_FULL",
  14: "STORE_READ_ONLY",
  26: "STORE_CORRUPT",
};

/** The low byte of an extended result code. */
const primaryCode = 0xff;

/** Errors of the file system, met when the folder of the file is made. */
const folderErrorCodes: Readonly<Record<string, ErrorCode>> = {
  EACCES: "STORE_READ_ONLY",
  EEXIST: "STORE_READ_ONLY",
  ENOTDIR: "STORE_READ_ONLY",
  EPERM: "STORE_READ_ONLY",
  EROFS: "STORE_READ_ONLY",
  ENOSPC: "STORE_DISK_FULL",
};

/** An error of SQLite, or of the folder it is in, as a coded one that names the file. */
export function translateSqliteError(error: unknown, path: string): BatonError {
  if (error instanceof BatonError) return error;
  return new BatonError(errorCodeOf(error) ?? "STORE_FAILED", errorMessage(error), {
    where: path,
    cause: error,
  });
}

function errorCodeOf(error: unknown): ErrorCode | undefined {
  if (error instanceof Error && "errcode" in error) return errorCodes[Number(error.errcode) & primaryCode];
  return folderErrorCodes[String(errorCode(error))];
}
