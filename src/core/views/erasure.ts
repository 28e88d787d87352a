import { deriveBatchId } from "../batch.ts";
import type { Execution } from "../execution-record.ts";
import { isJsonObject, type JsonObject, type JsonValue, tryParseJson } from "../values/json.ts";

/** Ids of the batches that are to be forgotten: all runs of one lineage. */
export type ErasedBatchIds = ReadonlySet<string>;

/**
 * What becomes of the record of a key that a forgotten batch called:
 * `deleted` — a forgotten batch made its result, or was the last to fail: the next call runs from the beginning;
 * `scrubbed` — the result is another batch's and stays; the failure that it remembers is a forgotten one, and goes;
 * `kept` — it tells nothing of a forgotten batch;
 * `locked` — somebody has the lock, and it tells of a forgotten batch: nothing may be changed under him.
 */
export type ErasureDecision = "deleted" | "scrubbed" | "kept" | "locked";

/** `hasSteps`: a forgotten batch has stored steps of the call that the record is of. */
export function decideErasure(
  { state, holder, producedBy, lastFailure }: Execution,
  forgotten: ErasedBatchIds,
  hasSteps: boolean,
): ErasureDecision {
  const isForgotten = (by: { readonly batchId: string } | null) => by !== null && forgotten.has(by.batchId);
  if (state === "PROCESSING")
    return hasSteps || [holder, producedBy, lastFailure].some(isForgotten) ? "locked" : "kept";
  if (isForgotten(producedBy)) return "deleted";
  if (!isForgotten(lastFailure)) return "kept";
  return state === "SUCCESS" ? "scrubbed" : "deleted";
}

/**
 * Its result counts for as long as it did: what is due counts from the write. `ageMs`: since the last write, by the
 * store's clock.
 */
export function eraseFailure(execution: Execution, ageMs: number, nonce: string): Execution {
  const dueSeconds = Math.max(0, execution.dueSeconds - ageMs / 1_000);
  return { ...execution, lastFailure: null, dueSeconds, nonce };
}

/**
 * Whether a message names a forgotten batch, or starts one by its key. It may be in the envelope of Pub/Sub or of a
 * CloudEvent, whose data are base64.
 */
export function hasBatchId(body: Uint8Array, forgotten: ErasedBatchIds): boolean {
  const message = tryParseJson(new TextDecoder().decode(body));
  if (message === undefined) return false;
  for (const object of objectsIn(message)) {
    const { batchId, workflowId, key, data, data_base64 } = object;
    if (typeof batchId === "string" && forgotten.has(batchId)) return true;
    if (
      typeof workflowId === "string" &&
      typeof key === "string" &&
      forgotten.has(deriveBatchId(workflowId, key))
    )
      return true;
    for (const inner of [data, data_base64])
      if (typeof inner === "string" && hasBatchId(Buffer.from(inner, "base64"), forgotten)) return true;
  }
  return false;
}

/** An object that a value names, such as the file that a batch began with. */
export interface ObjectReference {
  readonly bucket: string;
  readonly object: string;
}

export function* referencedObjects(value: JsonValue): Generator<ObjectReference> {
  for (const { bucket, object } of objectsIn(value))
    if (typeof bucket === "string" && typeof object === "string") yield { bucket, object };
}

/** All objects of a value, however deep: what was refused may be deeper than a function can call itself. */
function* objectsIn(value: JsonValue): Generator<JsonObject> {
  const left: JsonValue[] = [value];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (isJsonObject(next)) yield next;
    if (typeof next === "object" && next !== null) for (const inner of Object.values(next)) left.push(inner);
  }
}
