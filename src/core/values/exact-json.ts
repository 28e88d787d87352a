import { BatonError } from "../errors/errors.ts";
import { type JsonValue, pathStep } from "./json.ts";

const decimalPattern = /^-?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** Smallest number that a double holds with all its digits. */
const smallestNormal = 2 ** -1022;

/**
 * Fractions of so many digits are amounts and the like, which people count on. With more, they are prints of doubles
 * and quotients.
 */
const countedDigits = 16;

/**
 * Whether a number written in decimal survives as a double. A whole number has to come out with the same digits, and
 * so has a fraction of up to 16. One of more may be rounded beyond its 15th digit, as every reader of JSON does; but
 * not as far as its whole part.
 */
export function isExactNumber(source: string): boolean {
  const value = Number(source);
  if (!Number.isFinite(value)) return false;
  const written = toDecimal(source);
  const held = toDecimal(String(value));
  if (written.digits === held.digits && written.exponent === held.exponent) return true;
  if (written.exponent >= 0 || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  if (Math.abs(value) < smallestNormal) return false;
  return written.digits.length > countedDigits || isPrintedForm(value, written);
}

/** Whether a program that prints so many digits of the double would write these. They need not be its shortest ones. */
function isPrintedForm(value: number, { digits, exponent }: Decimal): boolean {
  const print = toDecimal(value.toPrecision(digits.length));
  return print.digits === digits && print.exponent === exponent;
}

/** The number, or its text when it would not survive as one: whole numbers beyond 2^53 always are text. */
export function numberOrText(source: string): number | string {
  const value = Number(source);
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : source;
  return isExactNumber(source) ? value : source;
}

interface Decimal {
  /** Without zeros at either end. */
  readonly digits: string;
  /** Power of ten of the last digit. */
  readonly exponent: number;
}

function toDecimal(source: string): Decimal {
  const [, whole = "", fraction = "", power = "0"] = decimalPattern.exec(source) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = withoutZerosAtEnd(digits);
  if (significant === "") return { digits: "", exponent: 0 };
  return {
    digits: significant,
    exponent: Number(power) - fraction.length + digits.length - significant.length,
  };
}

/** A pattern such as /0+$/ takes the square of the time on long runs of zeros. */
function withoutZerosAtEnd(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}

/** Only such a text can hold a number that a double does not: 16 digits, or an exponent of three. */
export const mayHoldInexactNumber = /\d[\d.]{15}|[eE][+-]?\d{3}/;

const shownCharacters = 60;

/**
 * The value of a JSON text from outside. Throws `NUMBER_NOT_EXACT`, naming the path, for a number that would be
 * changed, and the SyntaxError of `JSON.parse` for what is no JSON.
 */
export function parseExactJson(text: string, where: string): JsonValue {
  if (!mayHoldInexactNumber.test(text)) return JSON.parse(text);
  const value: unknown = JSON.parse(text, (_key: string, item: unknown, context?: ReviverContext) => {
    const source = numberSource(item, context);
    return source === undefined || isExactNumber(source) ? item : new ChangedNumber(source);
  });
  const found = findChanged(value);
  if (found) throw notExact(found.source, `${where}${found.path}`);
  // Without a changed number in it, it is what JSON.parse gives.
  return value as JsonValue;
}

/** The same, with every number that would be changed, and every whole number beyond 2^53, as text. */
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

/** What would become of a number that is not kept as it was written. */
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
