/** What a column of text may hold. */
export type ColumnKind = "boolean" | "integer" | "decimal" | "date" | "timestamp" | "text";

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
export const kindPatterns: Readonly<Record<Exclude<ColumnKind, "text">, string>> = {
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
const missingWords = ["NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "\\N"] as const;

/** In the order in which they are tried: what fits an earlier one is of that kind. */
export const typedKinds = ["boolean", "integer", "decimal", "date", "timestamp"] as const;
export type TypedKind = (typeof typedKinds)[number];

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
export function commonKind({ all, sample, codes, allOf, sampleOf }: ValueCounts): ColumnKind {
  if (all === 0) return "text";
  const whole = typedKinds.find((kind) => allOf[kind] === all);
  if (whole) return whole;
  const likeliest = typedKinds.reduce((best, other) => (sampleOf[other] > sampleOf[best] ? other : best));
  const isNumber = likeliest === "integer" || likeliest === "decimal";
  if (sample === 0 || (isNumber && codes > 0)) return "text";
  return sampleOf[likeliest] >= sample * meantShare ? likeliest : "text";
}

export interface InvalidValue {
  readonly line: number;
  readonly value: string;
}

const expressions = new Map(typedKinds.map((kind) => [kind, whole(kindPatterns[kind])]));
const wholeNumber = whole(wholePattern);
const midnight = whole(midnightPattern);
const digits = whole(digitsPattern);
const greatestInteger = 2n ** 63n - 1n;

/**
 * Whether a text, without white space around it, is a value of the kind. `isLenient`: of a column that is of it
 * already.
 */
function fits(text: string, kind: ColumnKind, isLenient = false): boolean {
  if (kind === "text") return true;
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

/** Texts that mean a missing value where a column is no text. */
export function missingTexts(nullValues: readonly string[]): ReadonlySet<string> {
  return new Set(["", ...missingWords, ...nullValues]);
}

/** What the values of one column are, as they come by. */
export class ColumnValues {
  readonly #missing: ReadonlySet<string>;
  readonly #known: ColumnKind | undefined;
  #all = 0;
  #sample = 0;
  #codes = 0;
  readonly #allOf = zeroCounts();
  readonly #sampleOf = zeroCounts();
  readonly #misfits = new Map<TypedKind, InvalidValue>();
  readonly #words = new Set<string>();

  /** `known`: the kind that the table says its column is of. */
  constructor(missing: ReadonlySet<string>, known: ColumnKind | undefined) {
    this.#missing = missing;
    this.#known = known;
  }

  add(cell: string, row: number, line: number): void {
    const text = trim(cell);
    if (this.#missing.has(text)) {
      if (text !== "") this.#words.add(text);
      return;
    }
    if (this.#known === "text") return;
    this.#all += 1;
    const isSample = row < sampleRows;
    if (isSample) this.#sample += 1;
    if (this.#known !== undefined) this.#count(text, this.#known, isSample, line);
    else {
      if (digits.test(text) && !fits(text, "integer")) this.#codes += 1;
      for (const kind of typedKinds) this.#count(text, kind, isSample, line);
    }
  }

  #count(text: string, kind: TypedKind, isSample: boolean, line: number): void {
    if (fits(text, kind, this.#known !== undefined)) {
      this.#allOf[kind] += 1;
      if (isSample) this.#sampleOf[kind] += 1;
    } else if (!this.#misfits.has(kind)) this.#misfits.set(kind, { line, value: text });
  }

  get kind(): ColumnKind {
    const counts = { all: this.#all, sample: this.#sample, codes: this.#codes };
    return this.#known ?? commonKind({ ...counts, allOf: this.#allOf, sampleOf: this.#sampleOf });
  }

  /** The texts that are in it and mean a missing value where a column is no text. */
  get words(): ReadonlySet<string> {
    return this.#words;
  }

  /** The first value that is not of the column's kind. */
  get misfit(): InvalidValue | undefined {
    const { kind } = this;
    return kind === "text" ? undefined : this.#misfits.get(kind);
  }
}

/** White space that SQL takes away too. */
function trim(text: string): string {
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

/** What is wrong with the content of a file, where it is, and what to do. The caller adds the name of the file. */
export class FileProblem extends Error {
  override readonly name = "FileProblem";

  /** `line`: 1 for the first; undefined when the problem has no place. */
  constructor(line: number | undefined, reason: string, column?: string) {
    super([formatPosition(line, column), reason].filter((part) => part !== "").join(": "));
  }
}

/** Where a value is, for people. */
function formatPosition(line: number | undefined, column: string | undefined): string {
  const parts = [line === undefined ? "" : `line ${line}`, column === undefined ? "" : `column "${column}"`];
  return parts.filter((part) => part !== "").join(", ");
}
