import type { ErrorCode } from "../../core/error-catalog.ts";
import { messageOf, TaskError } from "../../core/errors.ts";

/** A failure that another attempt cannot mend. */
export function refusal(code: ErrorCode, message: string, cause?: unknown): TaskError {
  return new TaskError(message, { code, retryable: false, cause });
}

/** DuckDB says it so on Linux and macOS, and on Windows. */
export function isLockedByOther(thrown: unknown): boolean {
  return /Could not set lock|being used by another process/i.test(messageOf(thrown));
}

/** After these the open database can't be used any more, or the machine ran out of something. */
export function isMachineFailure(thrown: unknown): boolean {
  return /^(FATAL|INTERNAL|Out of Memory) Error|has been invalidated|No space left/i.test(messageOf(thrown));
}

export function machineFailure(path: string, thrown: unknown): TaskError {
  return new TaskError(`The warehouse ${path} failed: ${messageOf(thrown)}`, {
    code: "WAREHOUSE_FAILED",
    retryable: true,
    cause: thrown,
  });
}

/** What DuckDB threw, under the given code; TaskErrors and failures of the machine stay what they are. */
export function translated(code: ErrorCode, prefix: string, thrown: unknown): unknown {
  if (thrown instanceof TaskError || isMachineFailure(thrown)) return thrown;
  return refusal(code, `${prefix}: ${messageOf(thrown).trim()}`, thrown);
}
