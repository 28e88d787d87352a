import { ownBuckets, type StoredResult } from "../../core/records.ts";
import { inlineResult } from "../../core/settlement.ts";
import { encodeJson, type JsonText, type JsonValue } from "../../core/values/json.ts";
import type { ObjectStore } from "../../ports/objects.ts";
import type { MaybePromise } from "../../ports/store.ts";

const bucket = ownBuckets.results;

/**
 * Stores a value. A small one becomes part of the document that refers to it. A large one becomes an object, which
 * exists before the document does.
 */
export function storeResult(
  objects: ObjectStore,
  object: string,
  json: JsonText,
): MaybePromise<StoredResult> {
  return inlineResult(json) ?? storeObject(objects, object, json);
}

async function storeObject(
  objects: ObjectStore,
  object: string,
  { text, bytes }: JsonText,
): Promise<StoredResult> {
  // mutation: large-result-is-stored-first
  await objects.write({ bucket, object }, Buffer.from(text), "application/json");
  return { bucket, object, bytes };
}

export async function readResult(objects: ObjectStore, result: StoredResult | null): Promise<JsonValue> {
  if (result === null) return null;
  if ("value" in result) return result.value;
  const content = await objects.read({ bucket: result.bucket, object: result.object });
  return JSON.parse(new TextDecoder().decode(content));
}

/** Encodes a value that is known to be JSON. */
export function jsonText(value: JsonValue): JsonText {
  const encoded = encodeJson(value);
  if (!encoded.ok) throw new TypeError(`Not JSON: ${encoded.path}: ${encoded.problem}`);
  return encoded;
}
