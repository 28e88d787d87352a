import { BatonError } from "../core/errors.ts";
import { encodeJson, type JsonText } from "../core/json.ts";
import { limits } from "../core/limits.ts";

/** What a task returned: for whoever looks at it, and for its final callback. One and the same unless it says so. */
export interface Returned {
  readonly summary: JsonText;
  readonly result: JsonText;
}

/** Throws `TASK_RESULT_NOT_JSON`, `TASK_RESULT_TOO_LARGE`. */
export function readReturned(returned: unknown): Returned {
  if (!isSplit(returned)) {
    const whole = encode(returned, "result");
    return { summary: whole, result: whole };
  }
  return { summary: encode(returned.summary, "summary"), result: encode(returned.result, "result") };
}

/** An object of exactly these two fields. */
function isSplit(returned: unknown): returned is { readonly result: unknown; readonly summary: unknown } {
  if (typeof returned !== "object" || returned === null) return false;
  return Object.keys(returned).length === 2 && "result" in returned && "summary" in returned;
}

function encode(value: unknown, what: string): JsonText {
  const encoded = encodeJson(value);
  if (!encoded.ok)
    throw new BatonError(
      "TASK_RESULT_NOT_JSON",
      `The ${what} is not JSON: ${encoded.path}: ${encoded.problem}`,
    );
  if (encoded.bytes > limits.resultBytes)
    throw new BatonError(
      "TASK_RESULT_TOO_LARGE",
      `The ${what} has ${encoded.bytes} bytes; at most ${limits.resultBytes} are allowed`,
    );
  return encoded;
}
