import type { CellFormats } from "./cell-formats.ts";

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
const fixedPattern = "-?([0-9]+([.][0-9]+)?|[.][0-9]+)";
/** Times as every engine documents them: with their seconds, and with an offset of hours and minutes if with any. */
const plainTimePattern = `${day}[ T]${minutes}${seconds}(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?`;
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

const datesFirst: readonly TypedKind[] = ["date", "timestamp", "boolean", "integer", "decimal"];

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

export interface InvalidValue {
  readonly line: number;
  readonly value: string;
}

const expressions = new Map(typedKinds.map((kind) => [kind, whole(kindPatterns[kind])]));
const wholeNumber = whole(wholePattern);
const midnight = whole(midnightPattern);
const fixed = whole(fixedPattern);
const plainTime = whole(plainTimePattern);
const digits = whole(digitsPattern);
const greatestInteger = 2n ** 63n - 1n;

/** Whether a text in the standard form is a value of the kind. `isLenient`: the column has this kind in its table. */
function fits(text: string, kind: TableKind, isLenient = false): boolean {
  if (kind === "text" || kind === "other") return true;
  if (kind === "number") return fixed.test(text);
  const expression =
    isLenient && kind === "integer"
      ? wholeNumber
      : isLenient && kind === "date"
        ? midnight
        : expressions.get(kind);
  if (!expression?.test(text)) return false;
  if (kind === "integer") return isInRange(text);
  if (kind === "decimal") return Number.isFinite(Number(text));
  return kind === "boolean" || isDay(text);
}

/** Texts that are missing values in columns that are no text. */
export function missingTexts(nullValues: readonly string[]): ReadonlySet<string> {
  return new Set(["", ...missingWords, ...nullValues]);
}

/** What the values of all columns of a file have in common. */
export interface ColumnRules {
  readonly missing: ReadonlySet<string>;
  readonly formats: CellFormats;
}

/** Counts the kinds of the values of one column. */
export class ColumnValues {
  readonly #rules: ColumnRules;
  readonly #tableKind: TableKind | undefined;
  #all = 0;
  #sample = 0;
  #codes = 0;
  readonly #allOf = zeroCounts();
  readonly #sampleOf = zeroCounts();
  readonly #invalidValues = new Map<TypedKind | "number", InvalidValue>();
  readonly #words = new Set<string>();
  #isPadded = false;
  readonly #unusual = new Set<TypedKind>();

  /** `tableKind`: the kind of the column in its table, or as the options give it. */
  constructor(rules: ColumnRules, tableKind: TableKind | undefined) {
    this.#rules = rules;
    this.#tableKind = tableKind;
  }

  add(value: string, row: number, line: number): void {
    const text = trim(value);
    if (text.length !== value.length) this.#isPadded = true;
    if (this.#rules.missing.has(text)) {
      if (text !== "") this.#words.add(text);
      return;
    }
    const tableKind = this.#tableKind;
    if (tableKind === "text" || tableKind === "other") return;
    this.#all += 1;
    const isSample = row < sampleRows;
    if (isSample) this.#sample += 1;
    if (tableKind === undefined) this.#countAll(text, isSample, line);
    else if (tableKind === "number") this.#checkNumber(text, line);
    else this.#count(text, tableKind, isSample, line);
  }

  #countAll(text: string, isSample: boolean, line: number): void {
    if (digits.test(text) && !fits(text, "integer")) this.#codes += 1;
    // A kind with a misfit is no kind of all values, and after the sample nothing else counts.
    for (const kind of typedKinds)
      if (isSample || !this.#invalidValues.has(kind)) this.#count(text, kind, isSample, line);
  }

  #count(text: string, kind: TypedKind, isSample: boolean, line: number): void {
    const standard = this.#rules.formats.toStandard(text, kind);
    if (standard !== undefined && fits(standard, kind, this.#tableKind !== undefined)) {
      this.#allOf[kind] += 1;
      if (isSample) this.#sampleOf[kind] += 1;
      if (!this.#unusual.has(kind) && isUnusual(standard, kind, this.#tableKind)) this.#unusual.add(kind);
    } else if (!this.#invalidValues.has(kind)) this.#invalidValues.set(kind, { line, value: text });
  }

  #checkNumber(text: string, line: number): void {
    const standard = this.#rules.formats.toStandard(text, "number");
    if (this.#invalidValues.has("number") || (standard !== undefined && fits(standard, "number"))) return;
    this.#invalidValues.set("number", { line, value: text });
  }

  get counts(): ValueCounts {
    const counts = { all: this.#all, sample: this.#sample, codes: this.#codes };
    return { ...counts, allOf: this.#allOf, sampleOf: this.#sampleOf };
  }

  get kind(): TableKind {
    const { areDatesFirst } = this.#rules.formats;
    return this.#tableKind ?? commonKind(this.counts, areDatesFirst ? datesFirst : typedKinds);
  }

  /** The words of `missingTexts` that occur in the column. */
  get words(): ReadonlySet<string> {
    return this.#words;
  }

  /** Whether some values have to be written in another way before an engine reads them as Baton does. */
  get isUnusual(): boolean {
    const { kind } = this;
    if (kind === "text") return false;
    return this.#isPadded || (kind !== "number" && kind !== "other" && this.#unusual.has(kind));
  }

  /** The first value that does not fit the column's kind. */
  get invalidValue(): InvalidValue | undefined {
    const { kind } = this;
    return kind === "text" || kind === "other" ? undefined : this.#invalidValues.get(kind);
  }
}

/** Whether an engine may read the text of a value in another way than Baton. */
function isUnusual(text: string, kind: TypedKind, tableKind: TableKind | undefined): boolean {
  if (kind === "timestamp") return !plainTime.test(text);
  return tableKind !== undefined && (kind === "integer" || kind === "date") && !fits(text, kind);
}

/** A value in the form that every engine reads: `5.0` of a column of integers is `5`. */
export function toPlainValue(text: string, kind: TableKind): string {
  if (kind === "integer") return text.replace(/[.]0+$/, "");
  if (kind === "date") return text.slice(0, "2026-10-31".length);
  if (kind !== "timestamp" || plainTime.test(text)) return text;
  const [, date = "", time = "00:00", rest = "", offset = ""] =
    /^(.{10})(?:[ T](..:..)(:[0-9.]+)?(.*))?$/.exec(text) ?? [];
  return `${date} ${time}${rest === "" ? ":00" : rest}${fullOffset(offset)}`;
}

function fullOffset(offset: string): string {
  if (!/^[+-]/.test(offset)) return offset;
  const [, sign = "", hours = "", rest = "00"] = /^([+-])(..):?(..)?$/.exec(offset) ?? [];
  return `${sign}${hours}:${rest}`;
}

/** Removes the white space that SQL removes too. */
export function trim(text: string): string {
  return /^[ \t\r\n]|[ \t\r\n]$/.test(text) ? text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "") : text;
}

function zeroCounts(): Record<TypedKind, number> {
  return { boolean: 0, integer: 0, decimal: 0, date: 0, timestamp: 0 };
}

function isInRange(text: string): boolean {
  if (text.length < 18) return true;
  const value = BigInt(text.replace(/[.]0+$/, ""));
  return value <= greatestInteger && value >= -greatestInteger - 1n;
}

/** Whether the month has such a day. */
function isDay(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split("-").map(Number);
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return day <= (month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31);
}

function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

/** A mistake in a file. The message says where it is and what to do; the caller adds the name of the file. */
export class FileProblem extends Error {
  override readonly name = "FileProblem";

  /** `line`: 1 for the first. Undefined if the problem concerns the whole file. */
  constructor(line: number | undefined, reason: string, column?: string) {
    super([formatPosition(line, column), reason].filter((text) => text !== "").join(": "));
  }
}

function formatPosition(line: number | undefined, column: string | undefined): string {
  const positions = [
    line === undefined ? "" : `line ${line}`,
    column === undefined ? "" : `column "${column}"`,
  ];
  return positions.filter((text) => text !== "").join(", ");
}
