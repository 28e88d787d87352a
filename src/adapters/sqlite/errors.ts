import type { ErrorCode } from "../../core/error-catalog.ts";
import { BatonError, codeOf, messageOf } from "../../core/errors.ts";

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const codes: Readonly<Record<number, ErrorCode>> = {
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
const folderCodes: Readonly<Record<string, ErrorCode>> = {
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
  return new BatonError(errorCodeOf(error) ?? "STORE_FAILED", messageOf(error), {
    where: path,
    cause: error,
  });
}

function errorCodeOf(error: unknown): ErrorCode | undefined {
  if (error instanceof Error && "errcode" in error) return codes[Number(error.errcode) & primaryCode];
  return folderCodes[String(codeOf(error))];
}
