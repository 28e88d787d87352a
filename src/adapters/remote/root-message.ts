import { messageOf } from "../../core/errors.ts";

/** Why a request got no answer: fetch wraps what the connection threw, and a host may have been tried at several addresses. */
export function rootMessageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return rootMessageOf(error.errors[0]);
  return error instanceof Error && error.cause !== undefined ? rootMessageOf(error.cause) : messageOf(error);
}
