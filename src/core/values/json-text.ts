import { BatonError } from "../errors/errors.ts";
import { type JsonValue, pathStep } from "./json.ts";
import { findRepeatedKeys, withoutMembers } from "./json-keys.ts";

const decimalPattern = /^-?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** The smallest double with full precision. */
const smallestNormal = 2 ** -1022;

/**
 * Fractions of up to this number of digits are usually amounts, which must be exact. Longer ones are usually printed
 * doubles and quotients.
 */
const exactDigits = 16;

/**
 * Whether a decimal number survives the conversion to a double. A whole number and a fraction of up to 16 digits must
 * keep all digits. A longer fraction may be rounded after its 15th digit, as in every JSON parser, but its whole part
 * must be exact.
 */
export function isExactNumber(source: string): boolean {
  const value = Number(source);
  if (!Number.isFinite(value)) return false;
  const decimal = toDecimal(source);
  if (hasAllDigits(value, decimal)) return true;
  if (decimal.exponent >= 0 || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  if (Math.abs(value) < smallestNormal) return false;
  return decimal.digits.length > exactDigits || isPrintedForm(value, decimal);
}

function hasAllDigits(value: number, { digits, exponent }: Decimal): boolean {
  const shortest = toDecimal(String(value));
  return digits === shortest.digits && exponent === shortest.exponent;
}

/**
 * Whether a program that prints the double with this number of digits writes these, even if fewer would identify it.
 */
function isPrintedForm(value: number, { digits, exponent }: Decimal): boolean {
  const print = toDecimal(value.toPrecision(digits.length));
  return print.digits === digits && print.exponent === exponent;
}

/** The number, or its text if it is not exact as a double. Whole numbers beyond 2^53 always become text. */
export function numberOrText(source: string): number | string {
  const value = Number(source);
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : source;
  return isExactNumber(source) ? value : source;
}

/**
 * A decimal of SQL as a number, or as text without trailing zeros if a double lacks any of its digits. Unlike a
 * fraction in JSON, it may not be rounded: decimals are exact.
 */
export function decimalOrText(source: string): number | string {
  const short = source.includes(".") ? source.replace(/\.?0+$/, "") : source;
  if (!short.includes(".")) return numberOrText(short);
  return hasAllDigits(Number(short), toDecimal(short)) ? Number(short) : short;
}

interface Decimal {
  /** Without leading and trailing zeros. */
  readonly digits: string;
  /** Power of ten of the last digit. */
  readonly exponent: number;
}

function toDecimal(source: string): Decimal {
  const [, whole = "", fraction = "", power = "0"] = decimalPattern.exec(source) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = withoutTrailingZeros(digits);
  if (significant === "") return { digits: "", exponent: 0 };
  return {
    digits: significant,
    exponent: Number(power) - fraction.length + digits.length - significant.length,
  };
}

/** A loop, because a pattern such as /0+$/ takes quadratic time on long runs of zeros. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}

/** Only a text that matches can hold a number that is not exact as a double: 16 digits, or an exponent of three. */
export const mayHoldInexactNumber = /\d[\d.]{15}|[eE][+-]?\d{3}/;

const shownCharacters = 60;

/**
 * Parses JSON from outside. Throws `NUMBER_NOT_EXACT`, with the path, for a number that a double would change (with
 * `text`, such numbers and whole numbers beyond 2^53 become text), `KEY_REPEATED` for a key that appears twice in its
 * object, and the SyntaxError of `JSON.parse`.
 */
export function parseExactJson(
  text: string,
  where: string,
  largeNumbers: "refuse" | "text" = "refuse",
): JsonValue {
  const value = largeNumbers === "text" ? parseWithTexts(text) : parseWithExactNumbers(text, where);
  const [repeated] = findRepeatedKeys(text, value);
  if (!repeated) return value;
  throw new BatonError("KEY_REPEATED", `An object has the key ${JSON.stringify(repeated.key)} twice`, {
    where: `${where}${repeated.path}`,
  });
}

function parseWithExactNumbers(text: string, where: string): JsonValue {
  if (!mayHoldInexactNumber.test(text)) return JSON.parse(text);
  const value: unknown = parseWithSources(text, (item, source) =>
    source === undefined || isExactNumber(source) ? item : new ChangedNumber(source),
  );
  const found = findChanged(value);
  if (found) throw notExact(found.source, `${where}${found.path}`);
  // Without a ChangedNumber, the value is plain JSON.
  return value as JsonValue;
}

/**
 * Parses JSON of a database, with text in place of every number that is not exact and of whole numbers beyond 2^53. Of
 * a repeated key the first value counts, as in BigQuery.
 */
export function parseStoredJson(text: string): JsonValue {
  const value = parseWithTexts(text);
  const repeated = findRepeatedKeys(text, value);
  return repeated.length === 0 ? value : parseWithTexts(withoutMembers(text, repeated));
}

function parseWithTexts(text: string): JsonValue {
  if (!mayHoldInexactNumber.test(text)) return JSON.parse(text);
  return parseWithSources(text, (item, source) => (source === undefined ? item : numberOrText(source)));
}

/** `convert` gets each value, and the text of a number. */
function parseWithSources(text: string, convert: (item: unknown, source?: string) => unknown) {
  return JSON.parse(text, (_key: string, item: unknown, context?: ReviverContext) =>
    convert(item, numberSource(item, context)),
  );
}

function notExact(source: string, where: string): BatonError {
  return new BatonError("NUMBER_NOT_EXACT", describeChange(source), { where });
}

/** The message for a number that a double would change. */
export function describeChange(source: string): string {
  const shown = source.length > shownCharacters ? `${source.slice(0, shownCharacters)}…` : source;
  const value = Number(source);
  const change = Number.isFinite(value) ? `would become ${value}` : "is too large";
  return `The number ${shown} ${change}`;
}

interface ReviverContext {
  readonly source?: string;
}

function numberSource(item: unknown, context: ReviverContext | undefined): string | undefined {
  return typeof item === "number" ? context?.source : undefined;
}

/** Replaces a number that would be changed, until its path is known. */
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
