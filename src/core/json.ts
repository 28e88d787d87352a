import * as z from "zod";
import { limits } from "./limits.ts";

type JsonPrimitive = string | number | boolean | null;
export type JsonValue = JsonPrimitive | JsonObject | readonly JsonValue[];
export type JsonObject = { readonly [key: string]: JsonValue };

export const JsonValueSchema: z.ZodType<JsonValue> = z.json();
export const JsonObjectSchema: z.ZodType<JsonObject> = z.record(z.string(), JsonValueSchema);

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined for what is no JSON. */
export function jsonIn(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A JSON value as text, with its size in UTF-8. */
export interface JsonText {
  readonly text: string;
  readonly bytes: number;
}

export type JsonEncoding =
  | ({ readonly ok: true } & JsonText)
  | { readonly ok: false; readonly path: string; readonly problem: string };

/**
 * JSON for systems that take whole characters only: halves of surrogate pairs are replaced. JSON.stringify leaves only such
 * ones escaped.
 */
export function wholeCharacterJson(value: JsonValue): string {
  return JSON.stringify(value).replace(/\\(?:\\|ud[89a-f][0-9a-f]{2})/g, (found) =>
    found === "\\\\" ? found : "\\ufffd",
  );
}

/**
 * Encodes a value a task returned, refusing what JSON would silently change or drop
 * (functions, symbols, bigint, NaN, Map, Date …). `undefined` at the top means "no result": null.
 */
export function encodeJson(value: unknown): JsonEncoding {
  if (value === undefined || value === null) return { ok: true, text: "null", bytes: 4 };
  const problem = findNonJson(value, "$", new Set());
  if (problem) return { ok: false, ...problem };
  const text = JSON.stringify(value);
  return { ok: true, text, bytes: Buffer.byteLength(text) };
}

type NonJson = { readonly path: string; readonly problem: string };

function findNonJson(value: unknown, path: string, ancestors: Set<object>): NonJson | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number")
    return Number.isFinite(value) ? undefined : { path, problem: `${value} is not a JSON number` };
  if (typeof value !== "object") return { path, problem: `${typeof value} is not JSON` };
  if (ancestors.size >= limits.jsonDepth)
    return { path, problem: `it is nested deeper than ${limits.jsonDepth}` };
  if (ancestors.has(value)) return { path, problem: "it contains itself" };
  ancestors.add(value);
  const found = Array.isArray(value)
    ? findInArray(value, path, ancestors)
    : findInObject(value, path, ancestors);
  ancestors.delete(value);
  return found;
}

function findInArray(items: readonly unknown[], path: string, ancestors: Set<object>): NonJson | undefined {
  for (const [index, item] of items.entries()) {
    const found = findNonJson(item, `${path}[${index}]`, ancestors);
    if (found) return found;
  }
  return undefined;
}

function findInObject(value: object, path: string, ancestors: Set<object>): NonJson | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    return { path, problem: `a ${value.constructor.name} is not plain JSON` };
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const found = findNonJson(item, `${path}.${key}`, ancestors);
    if (found) return found;
  }
  return undefined;
}
