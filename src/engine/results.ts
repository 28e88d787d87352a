import { type JsonValue, JsonValueSchema } from "../core/json.ts";
import type { StoredResult } from "../core/records.ts";
import type { ObjectStore } from "../ports/objects.ts";

/** The value of a result, wherever it lives. */
export async function readResult(objects: ObjectStore, result: StoredResult | null): Promise<JsonValue> {
  if (result === null) return null;
  if ("value" in result) return result.value;
  const content = await objects.read({ bucket: result.bucket, object: result.object });
  return JsonValueSchema.parse(JSON.parse(new TextDecoder().decode(content)));
}
