import { isJsonObject, type JsonValue } from "../core/json.ts";
import { findExcess, findSyntaxError } from "../core/json-syntax.ts";
import { refusal } from "./refusal.ts";

/**
 * The JSON value in the bytes. Its numbers are finite, its depth and number of values within `limits`.
 * Throws `BODY_NOT_JSON` with the position, or `BODY_NOT_AN_EVENT` for JSON no message can hold.
 */
export function parseJson(bytes: Uint8Array, where: string): JsonValue {
  const text = decodeUtf8(bytes, where);
  if (text.trim() === "") throw refusal("BODY_NOT_JSON", "There is nothing in it", where);
  const excess = findExcess(bytes);
  if (excess !== undefined) throw refusal("BODY_NOT_AN_EVENT", excess, where);
  const value = parseText(text, where);
  const infinite = findInfinite(value);
  if (infinite !== undefined)
    throw refusal("BODY_NOT_AN_EVENT", "The number is too large", `${where}${infinite}`);
  return value;
}

/** The bytes of strict base64 (RFC 4648: standard alphabet, padded, nothing else). Throws `BODY_NOT_BASE64`. */
export function decodeBase64(text: string, where: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") === text) return bytes;
  const position = text.search(/[^A-Za-z0-9+/=]/);
  const problem =
    position < 0 ? "It is cut short or wrongly padded" : `It has a wrong character at position ${position}`;
  throw refusal("BODY_NOT_BASE64", problem, where);
}

function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refusal("BODY_NOT_JSON", "It is not UTF-8 text", where);
  }
}

function parseText(text: string, where: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch {
    // The engine's own message gives the position only now and then.
    throw refusal("BODY_NOT_JSON", describeSyntaxError(text), where);
  }
}

function describeSyntaxError(text: string): string {
  const position = findSyntaxError(text);
  if (position >= text.length) return `It ends too early, at position ${position}`;
  const found = JSON.stringify(String.fromCodePoint(text.codePointAt(position) ?? 0));
  const lines = text.slice(0, position).split("\n");
  const column = (lines.at(-1)?.length ?? 0) + 1;
  return `Unexpected ${found} at position ${position} (line ${lines.length}, column ${column})`;
}

/** Path of a number that JSON allows and a double does not hold, such as 1e400. Makes no copy of a large array. */
function findInfinite(value: JsonValue): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : "";
  if (Array.isArray(value))
    return findAmong(
      value.keys(),
      (index) => value[index],
      (index) => `[${index}]`,
    );
  if (!isJsonObject(value)) return undefined;
  return findAmong(
    Object.keys(value),
    (key) => value[key],
    (key) => `.${key}`,
  );
}

function findAmong<Key>(
  keys: Iterable<Key>,
  itemAt: (key: Key) => JsonValue | undefined,
  step: (key: Key) => string,
): string | undefined {
  for (const key of keys) {
    const found = findInfinite(itemAt(key) ?? null);
    if (found !== undefined) return step(key) + found;
  }
  return undefined;
}
