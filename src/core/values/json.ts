import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import * as z from "zod";
import { limits } from "../limits.ts";

/** A key as JavaScript writes it in a path: `.name`, `[0]`. */
export function pathStep(key: PropertyKey): string {
  if (typeof key === "number") return `[${key}]`;
  const name = String(key);
  return /^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

type JsonPrimitive = string | number | boolean | null;
export type JsonValue = JsonPrimitive | JsonObject | readonly JsonValue[];
export type JsonObject = { readonly [key: string]: JsonValue };

/** Returns the value itself: a zod record would drop a key named `__proto__`, which JSON allows. */
export const JsonValueSchema: z.ZodType<JsonValue> = z.custom<JsonValue>().superRefine(refuseNonJson);
export const JsonObjectSchema: z.ZodType<JsonObject> = z
  .custom<JsonObject>((value) => typeof value === "object" && value !== null && !Array.isArray(value), {
    error: ({ input }) => `expected an object, received ${typeName(input)}`,
    abort: true,
  })
  .superRefine(refuseNonJson);

/**
 * JSON in a document or object of Baton's own. It was encoded from plain JSON and has just come from `JSON.parse`, so
 * its values are not checked again: that would take several times as long as to parse them.
 */
export const StoredJsonSchema: z.ZodType<JsonValue> = z.custom<JsonValue>((value) => value !== undefined);

/** A record with any keys. Unlike a zod record it keeps one named `__proto__`. */
export function recordSchema<Value>(values: z.ZodType<Value>): z.ZodType<Readonly<Record<string, Value>>> {
  return z.custom<Readonly<Record<string, Value>>>(
    (value) =>
      typeof value === "object" &&
      value !== null &&
      Object.values(value).every((item) => values.safeParse(item).success),
  );
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined if the text is no JSON. */
export function tryParseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON text, with its size in UTF-8. */
export interface JsonText {
  readonly text: string;
  readonly bytes: number;
}

export type JsonEncoding =
  | ({ readonly ok: true } & JsonText)
  | { readonly ok: false; readonly path: string; readonly problem: string };

/**
 * JSON without lone surrogates, for systems that refuse them. They are the only characters that JSON.stringify writes
 * as `\ud…`.
 */
export function wholeCharacterJson(value: JsonValue): string {
  return JSON.stringify(value).replace(/\\(?:\\|ud[89a-f][0-9a-f]{2})/g, (found) =>
    found === "\\\\" ? found : "\\ufffd",
  );
}

/**
 * Encodes the value that a task returned. Refuses values that JSON would silently change or drop: functions, symbols,
 * bigint, NaN, Map, Date and others. A result of `undefined` becomes null.
 */
export function encodeJson(value: unknown): JsonEncoding {
  if (value === undefined || value === null) return { ok: true, text: "null", bytes: 4 };
  const found = isPlainJson(value, limits.jsonDepth) ? undefined : findNonJson(value, new Set());
  if (found) return { ok: false, path: `$${found.path.map(pathStep).join("")}`, problem: found.problem };
  const text = JSON.stringify(value);
  return { ok: true, text, bytes: Buffer.byteLength(text) };
}

type NonJson = { readonly path: readonly PropertyKey[]; readonly problem: string };

function refuseNonJson(value: unknown, context: z.RefinementCtx): void {
  const found = isPlainJson(value, limits.jsonDepth) ? undefined : findNonJson(value, new Set());
  // Without `continue: false`, a union would accept a branch with issues.
  if (found)
    context.addIssue({ code: "custom", path: [...found.path], message: found.problem, continue: false });
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}

/**
 * Whether `findNonJson` would find nothing. It remembers no path and no ancestors, which makes it several times faster:
 * a value that contains itself is deeper than any limit.
 */
function isPlainJson(value: unknown, depthLeft: number): boolean {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || depthLeft === 0) return false;
  if (Array.isArray(value)) return isPlainArray(value, depthLeft - 1);
  return isPlainObject(value) && hasPlainFields(value, depthLeft - 1);
}

/** By index, because `every` would pass over the holes of a sparse array. */
function isPlainArray(items: readonly unknown[], depthLeft: number): boolean {
  for (let index = 0; index < items.length; index++) if (!isPlainJson(items[index], depthLeft)) return false;
  return true;
}

export function isPlainObject(value: object): value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * `for … in` makes no list of the keys. It also visits fields added to Object.prototype, which can only refuse more.
 */
function hasPlainFields(value: Readonly<Record<string, unknown>>, depthLeft: number): boolean {
  for (const key in value) {
    const item = value[key];
    if (item !== undefined && !isPlainJson(item, depthLeft)) return false;
  }
  return true;
}

function findNonJson(value: unknown, ancestors: Set<object>): NonJson | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number")
    return Number.isFinite(value) ? undefined : here(`${value} is not a JSON number`);
  if (typeof value !== "object") return here(`${typeof value} is not JSON`);
  if (ancestors.size >= limits.jsonDepth) return here(`it is nested deeper than ${limits.jsonDepth}`);
  if (ancestors.has(value)) return here("it contains itself");
  ancestors.add(value);
  const found = Array.isArray(value) ? findInArray(value, ancestors) : findInObject(value, ancestors);
  ancestors.delete(value);
  return found;
}

function here(problem: string): NonJson {
  return { path: [], problem };
}

function findInArray(items: readonly unknown[], ancestors: Set<object>): NonJson | undefined {
  for (const [index, item] of items.entries()) {
    const found = findNonJson(item, ancestors);
    if (found) return { path: [index, ...found.path], problem: found.problem };
  }
  return undefined;
}

function findInObject(value: object, ancestors: Set<object>): NonJson | undefined {
  if (!isPlainObject(value)) return here(`a ${className(value)} is not plain JSON`);
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const found = findNonJson(item, ancestors);
    if (found) return { path: [key, ...found.path], problem: found.problem };
  }
  return undefined;
}

/** Asks the prototype, because the value may have its own key `constructor`. */
export function className(value: object): string {
  const type: unknown = Object(Object.getPrototypeOf(value)).constructor;
  return typeof type === "function" && type.name !== "" ? type.name : "class instance";
}

/** Canonical JSON by RFC 8785: equal values have equal text, whatever the order of their keys. */
export function canonicalJson(value: JsonValue): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("A JSON value always has a canonical form");
  return text;
}

/** SHA-256 of the canonical JSON, in hexadecimal (64 characters). */
export function hashJson(value: JsonValue): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}
