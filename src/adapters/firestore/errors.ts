import { BatonError, messageOf } from "../../core/errors.ts";
import { ConflictError } from "../../ports/store.ts";
import { grpcCodeOf, grpcStatus, isDenied } from "../remote/grpc.ts";

const conflicts: ReadonlySet<number> = new Set([
  grpcStatus.notFound,
  grpcStatus.alreadyExists,
  grpcStatus.failedPrecondition,
]);

/** What a refused write means: its condition did not hold, or whether it was applied is open. */
export function writeError(thrown: unknown): Error {
  const code = grpcCodeOf(thrown);
  if (code !== undefined && conflicts.has(code))
    return new ConflictError(`A condition does not hold: ${messageOf(thrown)}`, { cause: thrown });
  return storeError(thrown);
}

export function storeError(thrown: unknown): BatonError {
  const code = grpcCodeOf(thrown);
  const context = { where: "Firestore", cause: thrown };
  if (isDenied(code)) return new BatonError("STORE_DENIED", messageOf(thrown), context);
  if (code === grpcStatus.invalidArgument) return new BatonError("STORE_REFUSED", messageOf(thrown), context);
  if (code === grpcStatus.failedPrecondition)
    return new BatonError("STORE_INDEX_MISSING", messageOf(thrown), context);
  if (code === grpcStatus.notFound) return new BatonError("STORE_MISSING", messageOf(thrown), context);
  return new BatonError("STORE_FAILED", messageOf(thrown), context);
}
