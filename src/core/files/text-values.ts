/** What a column of text may hold. */
export type Kind = "boolean" | "integer" | "decimal" | "date" | "timestamp" | "text";

const year = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])";
const day = `${year}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])`;
const minutes = "([01][0-9]|2[0-3]):[0-5][0-9]";
const seconds = ":[0-5][0-9]([.][0-9]{1,6})?";
const offset = "(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)";

/**
 * The texts that are values of a kind, as regular expressions that every engine reads alike. They leave out whatever
 * the value would not give back: leading zeros, a plus sign (both are codes), underscores, and fractions of a second
 * beyond a millionth. Nor are `1`, `t` and `yes` booleans.
 */
export const patterns: Readonly<Record<Exclude<Kind, "text">, string>> = {
  boolean: "([Tt]rue|TRUE|[Ff]alse|FALSE)",
  integer: "(0|-?[1-9][0-9]{0,18})",
  decimal: "-?((0|[1-9][0-9]{0,14})([.][0-9]+)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?",
  date: day,
  // No engine reads an offset behind minutes.
  timestamp: `${day}([ T]${minutes}(${seconds}${offset}?)?)?`,
};

/** Whole numbers as programs write them that know fractions only. A column of integers takes them. */
export const wholePattern = "(0|-?[1-9][0-9]{0,18})([.]0+)?";
/** A day as programs write it that know times only. A column of dates takes it. */
export const midnightPattern = `${day}([ T]00:00(:00([.]0{1,6})?)?)?`;
/** Digits. Where they are no integer, such as 02215 or a number of thirty digits, their column holds codes. */
export const digitsPattern = "[+-]?[0-9]+";

/** What programs write for a number, a date or a boolean that is missing. In a column of text they are text. */
export const missingWords = [
  "NA",
  "N/A",
  "n/a",
  "#N/A",
  "NaN",
  "nan",
  "NULL",
  "null",
  "None",
  "\\N",
] as const;

/** In the order in which they are tried: what fits an earlier one is of that kind. */
export const kinds = ["boolean", "integer", "decimal", "date", "timestamp"] as const;
export type TypedKind = (typeof kinds)[number];

/** Rows at the beginning of a file that say what its columns are meant to be. */
export const sampleRows = 20_480;
/** A column of which so many values fit a kind is meant to be of it: the others are mistakes. */
const meantShare = 0.99;

/** How many of a column's values are of each kind. Missing ones are left out. */
export interface ValueCounts {
  readonly all: number;
  readonly sample: number;
  /** Those of digits that are no integers. */
  readonly codes: number;
  readonly allOf: Readonly<Record<TypedKind, number>>;
  readonly sampleOf: Readonly<Record<TypedKind, number>>;
}

/** The first kind that fits everything; else the one that nearly all of the sample has; else text. */
export function kindOf({ all, sample, codes, allOf, sampleOf }: ValueCounts): Kind {
  if (all === 0) return "text";
  const whole = kinds.find((kind) => allOf[kind] === all);
  if (whole) return whole;
  const likeliest = kinds.reduce((best, other) => (sampleOf[other] > sampleOf[best] ? other : best));
  const isNumber = likeliest === "integer" || likeliest === "decimal";
  if (sample === 0 || (isNumber && codes > 0)) return "text";
  return sampleOf[likeliest] >= sample * meantShare ? likeliest : "text";
}
