import { BatonError, messageOf } from "../../core/errors.ts";
import { ConflictError } from "../../ports/store.ts";

/** Status codes of gRPC: https://grpc.io/docs/guides/status-codes/ */
const status = {
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  failedPrecondition: 9,
  unauthenticated: 16,
} as const;

const conflicts: ReadonlySet<number> = new Set([
  status.notFound,
  status.alreadyExists,
  status.failedPrecondition,
]);
const denials: ReadonlySet<number> = new Set([status.permissionDenied, status.unauthenticated]);

/** What a refused write means: its condition did not hold, or whether it was applied is open. */
export function writeError(thrown: unknown): Error {
  const code = codeOf(thrown);
  if (code !== undefined && conflicts.has(code))
    return new ConflictError(`A condition does not hold: ${messageOf(thrown)}`, { cause: thrown });
  return storeError(thrown);
}

export function storeError(thrown: unknown): BatonError {
  const code = codeOf(thrown);
  const context = { where: "Firestore", cause: thrown };
  if (code !== undefined && denials.has(code))
    return new BatonError("STORE_DENIED", messageOf(thrown), context);
  if (code === status.invalidArgument) return new BatonError("STORE_REFUSED", messageOf(thrown), context);
  if (code === status.failedPrecondition)
    return new BatonError("STORE_INDEX_MISSING", messageOf(thrown), context);
  if (code === status.notFound) return new BatonError("STORE_MISSING", messageOf(thrown), context);
  return new BatonError("STORE_FAILED", messageOf(thrown), context);
}

function codeOf(thrown: unknown): number | undefined {
  const isCoded = thrown instanceof Error && "code" in thrown && typeof thrown.code === "number";
  return isCoded ? Number(thrown.code) : undefined;
}
