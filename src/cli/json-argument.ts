import { BatonError } from "../core/errors.ts";
import { encodeJson, type JsonValue } from "../core/json.ts";
import { limits } from "../core/limits.ts";
import { readJson } from "./arguments.ts";
import type { Session } from "./session.ts";

/** The JSON of `<text>` or `@<file>`, as it can be stored. Throws `USAGE`, `NUMBER_NOT_EXACT`. */
export async function readStorableJson(session: Session, argument: string, name: string): Promise<JsonValue> {
  const json = await readJson(session, argument, name);
  const encoded = encodeJson(json);
  if (!encoded.ok)
    throw new BatonError("USAGE", `${name} can't be stored: ${encoded.path}: ${encoded.problem}`);
  if (encoded.bytes > limits.resultBytes)
    throw new BatonError("USAGE", `${name} has ${encoded.bytes} bytes; ${limits.resultBytes} are allowed`);
  return json;
}
