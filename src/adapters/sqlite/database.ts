import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ErrorCode } from "../../core/errors/error-catalog.ts";
import { BatonError, errorCode, errorMessage } from "../../core/errors/errors.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { upgradeLayout } from "./layout.ts";

/** A connection to a database file. */
export type Database = DatabaseSync;

/** The path of a database without a file. It is empty and ends with the process. */
export const inMemory = ":memory:";

export interface DatabaseOptions {
  readonly path: string;
  /**
   * `full`: a commit is on the disk before it is acknowledged, so it survives a power cut.
   * `normal`: a commit survives a crash of the process. A power cut may lose the last commits.
   */
  readonly durability: "full" | "normal";
  /** How long a write waits for another process before STORE_LOCKED. */
  readonly lockTimeoutSeconds: number;
  readonly logger: Logger;
}

/** Pages (of 4 KiB) in the write-ahead log before it is copied into the file and reused: a reused log syncs faster. */
const walPages = 4_000;
const cacheKibibytes = 4_096;

/** Throws the coded `STORE_…` errors if the file system does not answer. */
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

/** Returns the result of `use`. If `use` throws, the database is closed. */
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
  { path, durability, lockTimeoutSeconds, logger }: DatabaseOptions,
): DatabaseSync {
  assertOwnDatabase(database, path);
  // SQLite does not wait for this lock: if several processes open a new file, only one gets it.
  const useLog = () => database.exec("PRAGMA journal_mode = WAL");
  try {
    useLog();
  } catch (error) {
    waitForLock(useLog, lockTimeoutSeconds * 1_000, error);
  }
  database.exec(`
    PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"};
    PRAGMA wal_autocheckpoint = ${walPages};
    PRAGMA cache_size = -${cacheKibibytes};
    PRAGMA temp_store = MEMORY;
  `);
  markAsOwn(database);
  upgradeLayout(database, path, logger);
  return database;
}

/**
 * Marks a file as Baton's: "Batn" in ASCII. Stored in the file's header (sqlite.org/pragma.html#pragma_application_id).
 */
const applicationId = 0x4261746e;

/** True for a table of messages or of documents, by which files without the mark are recognised: those before 0.2. */
const ownTableCondition = "(m.name = 'messages' AND c.name = 'visible_at') OR c.name = 'arrays'";

/** Throws `STORE_CORRUPT` for the database of another program, before anything is written to it. */
function assertOwnDatabase(database: DatabaseSync, path: string): void {
  const schema = "sqlite_schema AS m, pragma_table_info(m.name) AS c";
  // The tables are read before the mark: a process that is creating the file now writes the mark before any table.
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  if (tables.length === 0 || readApplicationId(database) === applicationId) return;
  if (database.prepare(`SELECT m.name FROM ${schema} WHERE ${ownTableCondition}`).get() !== undefined) return;
  const names = tables.map(({ name }) => String(name)).slice(0, 5);
  throw new BatonError("STORE_CORRUPT", `It is the database of another program: it has ${names.join(", ")}`, {
    where: path,
  });
}

function markAsOwn(database: DatabaseSync): void {
  if (readApplicationId(database) !== applicationId)
    database.exec(`PRAGMA application_id = ${applicationId}`);
}

function readApplicationId(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA application_id").get()?.application_id);
}

const busy = 5;
/** Most transactions of another process are shorter than the first waits; the longest are those of a slow disk. */
const waitMs = { first: 0.05, longest: 0.2 };
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Repeats a statement that has thrown an error, until no other process holds the lock that it needs. It must be one
 * that has no effect then. The event loop stands still meanwhile, as it does while SQLite waits.
 */
export function waitForLock<Result>(statement: () => Result, timeoutMs: number, thrown: unknown): Result {
  const deadline = performance.now() + timeoutMs;
  let error = thrown;
  for (let ms = waitMs.first; isBusy(error); ms = Math.min(2 * ms, waitMs.longest)) {
    if (performance.now() > deadline) break;
    Atomics.wait(never, 0, 0, ms);
    try {
      return statement();
    } catch (again) {
      error = again;
    }
  }
  throw error;
}

/** Whether a statement failed only because another process holds the lock that it needs. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (Number(error.errcode) & primaryCode) === busy;
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

/** Errors of the file system while the file's folder is created. */
const folderErrorCodes: Readonly<Record<string, ErrorCode>> = {
  EACCES: "STORE_READ_ONLY",
  EEXIST: "STORE_READ_ONLY",
  ENOTDIR: "STORE_READ_ONLY",
  EPERM: "STORE_READ_ONLY",
  EROFS: "STORE_READ_ONLY",
  ENOSPC: "STORE_DISK_FULL",
};

/** Converts an error of SQLite or of the file's folder to a coded error that names the file. */
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
