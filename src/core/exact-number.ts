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
export function isKept(source: string): boolean {
  const value = Number(source);
  if (!Number.isFinite(value)) return false;
  const written = decimalOf(source);
  const held = decimalOf(String(value));
  if (written.digits === held.digits && written.exponent === held.exponent) return true;
  if (written.exponent >= 0 || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  if (Math.abs(value) < smallestNormal) return false;
  return written.digits.length > countedDigits || isPrintOf(value, written);
}

/** Whether a program that prints so many digits of the double would write these. They need not be its shortest ones. */
function isPrintOf(value: number, { digits, exponent }: Decimal): boolean {
  const print = decimalOf(value.toPrecision(digits.length));
  return print.digits === digits && print.exponent === exponent;
}

/** The number, or its text when it would not survive as one: whole numbers beyond 2^53 always are text. */
export function numberOrText(source: string): number | string {
  const value = Number(source);
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : source;
  return isKept(source) ? value : source;
}

interface Decimal {
  /** Without zeros at either end. */
  readonly digits: string;
  /** Power of ten of the last digit. */
  readonly exponent: number;
}

function decimalOf(source: string): Decimal {
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
