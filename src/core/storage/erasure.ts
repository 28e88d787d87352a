import { deriveBatchId } from "../batch.ts";
import type { Execution } from "../idempotency-lock.ts";
import { isJsonObject, type JsonObject, type JsonValue, tryParseJson } from "../values/json.ts";

/** Ids of the batches to erase: all runs of one lineage. */
export type ErasedBatchIds = ReadonlySet<string>;

/**
 * What happens to the execution record of a key that an erased batch used:
 * `deleted`: an erased batch made its result, or failed last. The next call runs from its start.
 * `scrubbed`: the result is another batch's and stays, but the stored failure is an erased batch's and is removed.
 * `kept`: it holds no data of an erased batch.
 * `locked`: it holds data of an erased batch, but a call holds the lock and must not be disturbed.
 */
export type ErasureDecision = "deleted" | "scrubbed" | "kept" | "locked";

/** `hasSteps`: whether an erased batch has stored steps for the key. */
export function decideErasure(
  { state, holder, producedBy, lastFailure }: Execution,
  erased: ErasedBatchIds,
  hasSteps: boolean,
): ErasureDecision {
  const isErased = (by: { readonly batchId: string } | null) => by !== null && erased.has(by.batchId);
  if (state === "PROCESSING")
    return hasSteps || [holder, producedBy, lastFailure].some(isErased) ? "locked" : "kept";
  if (isErased(producedBy)) return "deleted";
  if (!isErased(lastFailure)) return "kept";
  return state === "SUCCESS" ? "scrubbed" : "deleted";
}

/**
 * Removes the stored failure. The result expires at the same time as before, although `dueSeconds` counts from the
 * write. `ageMs`: time since the last write, by the store's clock.
 */
export function eraseFailure(execution: Execution, ageMs: number, nonce: string): Execution {
  const dueSeconds = Math.max(0, execution.dueSeconds - ageMs / 1_000);
  return { ...execution, lastFailure: null, dueSeconds, nonce };
}

/**
 * Whether a message names an erased batch, or starts one by its key. It may be in the envelope of Pub/Sub or of a
 * CloudEvent, whose data are base64.
 */
export function hasBatchId(body: Uint8Array, erased: ErasedBatchIds): boolean {
  const message = tryParseJson(new TextDecoder().decode(body));
  if (message === undefined) return false;
  for (const object of objectsIn(message)) {
    const { batchId, workflowId, key, data, data_base64 } = object;
    if (typeof batchId === "string" && erased.has(batchId)) return true;
    if (
      typeof workflowId === "string" &&
      typeof key === "string" &&
      erased.has(deriveBatchId(workflowId, key))
    )
      return true;
    for (const inner of [data, data_base64])
      if (typeof inner === "string" && hasBatchId(Buffer.from(inner, "base64"), erased)) return true;
  }
  return false;
}

/** An object in a JSON value, such as the file that started the batch. */
export interface ObjectReference {
  readonly bucket: string;
  readonly object: string;
}

export function* referencedObjects(value: JsonValue): Generator<ObjectReference> {
  for (const { bucket, object } of objectsIn(value))
    if (typeof bucket === "string" && typeof object === "string") yield { bucket, object };
}

/** All objects in a value. Without recursion, because a refused message may be nested deeper than the stack allows. */
function* objectsIn(value: JsonValue): Generator<JsonObject> {
  const pending: JsonValue[] = [value];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (isJsonObject(next)) yield next;
    if (typeof next === "object" && next !== null)
      for (const inner of Object.values(next)) pending.push(inner);
  }
}
