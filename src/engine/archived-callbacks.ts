import { type ErrorCode, errorCatalog } from "../core/error-catalog.ts";
import { BatonError, TaskError } from "../core/errors.ts";
import type { ArchivedCallback, CallbackArchive, CallbackCondition } from "../ports/callbacks.ts";

export interface FoundCallbacks {
  readonly callbacks: readonly ArchivedCallback[];
  /** More match than were asked for. */
  readonly hasMore: boolean;
}

/** Callbacks of a table of the archive, oldest first. Throws `SQL_FAILED`, `TABLE_MISMATCH`, and what the warehouse throws. */
export async function findArchived(
  archive: CallbackArchive,
  table: string,
  condition: CallbackCondition,
  limit: number,
): Promise<FoundCallbacks> {
  try {
    const found = await archive.find(table, condition, limit + 1);
    return { callbacks: found.slice(0, limit), hasMore: found.length > limit };
  } catch (thrown) {
    throw codedError(thrown);
  }
}

/** The archive speaks to tasks; who asks here is a person. */
function codedError(thrown: unknown): unknown {
  if (!(thrown instanceof TaskError) || !isErrorCode(thrown.code)) return thrown;
  return new BatonError(thrown.code, thrown.message, { cause: thrown });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalog, code);
}
