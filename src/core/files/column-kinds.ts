/** The type of a column, as its texts show it. */
export const columnKinds = ["boolean", "integer", "decimal", "date", "timestamp", "text"] as const;
export type ColumnKind = (typeof columnKinds)[number];

/**
 * The type of a column of a table. `number`: decimals with a fixed number of digits; `other`: a type whose texts only
 * the engine knows.
 */
export type TableKind = ColumnKind | "number" | "other";

const year = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])";
const day = `${year}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])`;
const minutes = "([01][0-9]|2[0-3]):[0-5][0-9]";
const seconds = ":[0-5][0-9]([.][0-9]{1,6})?";
const offset = "(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)";
const moment = (zone: string) => `${day}([ T]${minutes}(${seconds}${zone}?)?)?`;

/**
 * The texts that are values of a kind, as regular expressions with the same meaning in every engine. They exclude texts
 * that a conversion would change: leading zeros and plus signs (both occur in codes), underscores, and fractions of a
 * second beyond a millionth. `1`, `t` and `yes` are no booleans.
 */
export const kindPatterns: Readonly<Record<Exclude<ColumnKind, "text">, string>> = {
  boolean: "([Tt]rue|TRUE|[Ff]alse|FALSE)",
  integer: "(0|-?[1-9][0-9]{0,18})",
  decimal: "-?((0|[1-9][0-9]{0,14})([.][0-9]+)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?",
  date: day,
  // No engine parses an offset after minutes.
  timestamp: moment(offset),
};

/** Times in UTC, with or without their `Z`: the timestamps that need no conversion from another offset. */
export const utcPattern = moment("Z");

/** Whole numbers as written by programs that only have fractions. A column of integers accepts them. */
export const wholePattern = "(0|-?[1-9][0-9]{0,18})([.]0+)?";
/** Days as written by programs that only have times. A column of dates accepts them. */
export const midnightPattern = `${day}([ T]00:00(:00([.]0{1,6})?)?)?`;
export const fixedPattern = "-?([0-9]+([.][0-9]+)?|[.][0-9]+)";
/** Times as every engine documents them: with their seconds, and with an offset of hours and minutes if with any. */
export const plainTimePattern = `${day}[ T]${minutes}${seconds}(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?`;
/** Digits. If they are no integer, such as 02215 or a number of thirty digits, the column holds codes. */
export const digitsPattern = "[+-]?[0-9]+";

/** What programs write for a missing number, date or boolean. In a column of text they are text. */
const missingWords = ["NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "\\N"] as const;

/** In the order of precedence. */
export const typedKinds = ["boolean", "integer", "decimal", "date", "timestamp"] as const;
export type TypedKind = (typeof typedKinds)[number];

/** The first rows of a file, from which the kinds of its columns are guessed. */
export const sampleRows = 20_480;
/** If this share of the sample fits a kind, the other values of the column are mistakes. */
const decisiveShare = 0.99;

/** A kind with fewer misfits than this in the sample may be the likeliest one. */
export const decisiveMisfits = Math.ceil(sampleRows * (1 - decisiveShare));

/** How many values of a column are of each kind, without missing values. */
export interface ValueCounts {
  readonly all: number;
  readonly sample: number;
  /** Values of digits that are no integers. */
  readonly codes: number;
  readonly allOf: Readonly<Record<TypedKind, number>>;
  readonly sampleOf: Readonly<Record<TypedKind, number>>;
}

export const datesFirst: readonly TypedKind[] = ["date", "timestamp", "boolean", "integer", "decimal"];

/** The first kind that fits all values, or else the kind of nearly all values in the sample, or else text. */
export function commonKind(
  { all, sample, codes, allOf, sampleOf }: ValueCounts,
  precedence: readonly TypedKind[] = typedKinds,
): ColumnKind {
  if (all === 0) return "text";
  const common = precedence.find((kind) => allOf[kind] === all);
  if (common) return common;
  const likeliest = typedKinds.reduce((best, other) => (sampleOf[other] > sampleOf[best] ? other : best));
  const isNumber = likeliest === "integer" || likeliest === "decimal";
  if (sample === 0 || (isNumber && codes > 0)) return "text";
  return sampleOf[likeliest] >= sample * decisiveShare ? likeliest : "text";
}

/** Texts that are missing values in columns that are no text. */
export function missingTexts(nullValues: readonly string[]): ReadonlySet<string> {
  return new Set(["", ...missingWords, ...nullValues]);
}
