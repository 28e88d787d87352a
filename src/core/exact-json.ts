import { BatonError } from "./errors.ts";
import { isKept, numberOrText } from "./exact-number.ts";
import type { JsonValue } from "./json.ts";
import { pathStep } from "./path-step.ts";

/** Only such a text can hold a number that a double does not: 16 digits, or an exponent of three. */
export const suspicious = /\d[\d.]{15}|[eE][+-]?\d{3}/;

const shownCharacters = 60;

/**
 * The value of a JSON text from outside. Throws `NUMBER_NOT_EXACT`, naming the path, for a number that would be
 * changed, and the SyntaxError of `JSON.parse` for what is no JSON.
 */
export function parseExactJson(text: string, where: string): JsonValue {
  if (!suspicious.test(text)) return JSON.parse(text);
  const value: unknown = JSON.parse(text, (_key: string, item: unknown, context?: ReviverContext) => {
    const source = sourceOf(item, context);
    return source === undefined || isKept(source) ? item : new ChangedNumber(source);
  });
  const found = findChanged(value);
  if (found) throw notExact(found.source, `${where}${found.path}`);
  // Without a changed number in it, it is what JSON.parse gives.
  return value as JsonValue;
}

/** The same, with every number that would be changed, and every whole number beyond 2^53, as text. */
export function parseJsonWithTexts(text: string): JsonValue {
  if (!suspicious.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key: string, item: unknown, context?: ReviverContext) => {
    const source = sourceOf(item, context);
    return source === undefined ? item : numberOrText(source);
  });
}

function notExact(source: string, where: string): BatonError {
  return new BatonError("NUMBER_NOT_EXACT", changeOf(source), { where });
}

/** What would become of a number that is not kept as it was written. */
export function changeOf(source: string): string {
  const shown = source.length > shownCharacters ? `${source.slice(0, shownCharacters)}…` : source;
  const value = Number(source);
  const change = Number.isFinite(value) ? `would become ${value}` : "is too large";
  return `The number ${shown} ${change}`;
}

interface ReviverContext {
  readonly source?: string;
}

function sourceOf(item: unknown, context: ReviverContext | undefined): string | undefined {
  return typeof item === "number" ? context?.source : undefined;
}

/** Takes the place of a number that was changed, until the path to it is known. */
class ChangedNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

interface FoundNumber {
  readonly source: string;
  readonly path: string;
}

function findChanged(value: unknown): FoundNumber | undefined {
  if (value instanceof ChangedNumber) return { source: value.source, path: "" };
  if (typeof value !== "object" || value === null) return undefined;
  const isList = Array.isArray(value);
  for (const [key, item] of Object.entries(value)) {
    const found = findChanged(item);
    if (found) return { source: found.source, path: pathStep(isList ? Number(key) : key) + found.path };
  }
  return undefined;
}
