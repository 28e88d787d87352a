import { BatonError, type ErrorCode } from "../../core/errors.ts";

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

/** An error of SQLite as a coded one that names the file. */
export function translateSqliteError(error: unknown, path: string): BatonError {
  if (error instanceof BatonError) return error;
  const extended = error instanceof Error && "errcode" in error ? Number(error.errcode) : 0;
  const message = error instanceof Error ? error.message : String(error);
  return new BatonError(codes[extended & 0xff] ?? "STORE_FAILED", message, { where: path, cause: error });
}
