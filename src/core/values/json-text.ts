import { BatonError } from "../errors/errors.ts";
import { limits } from "../limits.ts";
import { type JsonValue, pathStep } from "./json.ts";

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const opening = new Set([0x5b, 0x7b]);
const closing = new Set([0x5d, 0x7d]);

/**
 * The limit that a JSON text exceeds. Checks the text before it is parsed, because the parsed value can take sixty
 * times the memory of the text, and its validated copy as much again.
 */
export function findLimitViolation(text: Uint8Array): string | undefined {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? 0;
    if (byte === quote) at = endOfString(text, at);
    else if (byte === comma) values++;
    else if (opening.has(byte)) {
      values++;
      depth++;
    } else if (closing.has(byte)) depth--;
    if (depth > limits.jsonDepth) return `It nests deeper than ${limits.jsonDepth} levels`;
    if (values > limits.jsonValues) return `It holds more than ${limits.jsonValues} values`;
  }
  return undefined;
}

function endOfString(text: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== quote) at += text[at] === backslash ? 2 : 1;
  return at;
}

type Expected = "value" | "key" | "colon" | "next";

interface Cursor {
  at: number;
  expected: Expected;
  /** Directly after an opening bracket, where the closing one may follow. */
  mayClose: boolean;
  readonly closers: string[];
}

/** Describes a syntax error with its position, which JSON.parse does not always give. */
export function describeSyntaxError(text: string): string {
  const position = findSyntaxError(text);
  if (position >= text.length) return `It ends too early, at position ${position}`;
  const found = JSON.stringify(String.fromCodePoint(text.codePointAt(position) ?? 0));
  const lines = text.slice(0, position).split("\n");
  const column = (lines.at(-1)?.length ?? 0) + 1;
  return `Unexpected ${found} at position ${position} (line ${lines.length}, column ${column})`;
}

/** The position of the first syntax error, in characters. It is the length of a text that ends too early. */
export function findSyntaxError(text: string): number {
  const cursor: Cursor = { at: 0, expected: "value", mayClose: false, closers: [] };
  do {
    while (" \t\n\r".includes(text[cursor.at] ?? "end")) cursor.at++;
  } while (steps[cursor.expected](text, cursor));
  return cursor.at;
}

const steps: Readonly<Record<Expected, (text: string, cursor: Cursor) => boolean>> = {
  value: (text, cursor) => {
    const character = text[cursor.at];
    if (character === "[") return open(cursor, "]", "value");
    if (character === "{") return open(cursor, "}", "key");
    if (cursor.mayClose && close(text, cursor)) return true;
    cursor.expected = "next";
    return character === '"' ? takeString(text, cursor) : takeWord(text, cursor);
  },
  key: (text, cursor) => {
    if (cursor.mayClose && close(text, cursor)) return true;
    cursor.expected = "colon";
    return text[cursor.at] === '"' && takeString(text, cursor);
  },
  colon: (text, cursor) => {
    cursor.expected = "value";
    cursor.mayClose = false;
    return take(":", text, cursor);
  },
  next: (text, cursor) => {
    if (close(text, cursor)) return true;
    cursor.expected = cursor.closers.at(-1) === "}" ? "key" : "value";
    cursor.mayClose = false;
    return cursor.closers.length > 0 && take(",", text, cursor);
  },
};

function open(cursor: Cursor, closer: string, expected: Expected): boolean {
  cursor.closers.push(closer);
  cursor.expected = expected;
  cursor.mayClose = true;
  cursor.at++;
  return true;
}

function close(text: string, cursor: Cursor): boolean {
  const closer = cursor.closers.at(-1);
  if (closer === undefined || !take(closer, text, cursor)) return false;
  cursor.closers.pop();
  cursor.expected = "next";
  return true;
}

function take(word: string, text: string, cursor: Cursor): boolean {
  if (!text.startsWith(word, cursor.at)) return false;
  cursor.at += word.length;
  return true;
}

const escapeSequence = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

function takeString(text: string, cursor: Cursor): boolean {
  cursor.at++;
  while (cursor.at < text.length) {
    const character = text[cursor.at] ?? "";
    if (character === '"') return take('"', text, cursor);
    if (character === "\\") {
      if (!takeMatch(escapeSequence, text, cursor)) return false;
    } else if (character < " ") return false;
    else cursor.at++;
  }
  return false;
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function takeWord(text: string, cursor: Cursor): boolean {
  if (takeMatch(number, text, cursor)) return true;
  return ["true", "false", "null"].some((word) => take(word, text, cursor));
}

function takeMatch(pattern: RegExp, text: string, cursor: Cursor): boolean {
  pattern.lastIndex = cursor.at;
  if (!pattern.test(text)) return false;
  cursor.at = pattern.lastIndex;
  return true;
}

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
 * Parses JSON from outside. Throws `NUMBER_NOT_EXACT`, with the path, for a number that a double would change, and the
 * SyntaxError of `JSON.parse`.
 */
export function parseExactJson(text: string, where: string): JsonValue {
  if (!mayHoldInexactNumber.test(text)) return JSON.parse(text);
  const value: unknown = JSON.parse(text, (_key: string, item: unknown, context?: ReviverContext) => {
    const source = numberSource(item, context);
    return source === undefined || isExactNumber(source) ? item : new ChangedNumber(source);
  });
  const found = findChanged(value);
  if (found) throw notExact(found.source, `${where}${found.path}`);
  // Without a ChangedNumber, the value is plain JSON.
  return value as JsonValue;
}

/** Parses JSON, with text in place of every number that is not exact and of whole numbers beyond 2^53. */
export function parseJsonWithTexts(text: string): JsonValue {
  if (!mayHoldInexactNumber.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key: string, item: unknown, context?: ReviverContext) => {
    const source = numberSource(item, context);
    return source === undefined ? item : numberOrText(source);
  });
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
