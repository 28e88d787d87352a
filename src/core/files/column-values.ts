/** The type of a column, as its texts show it. */
export type ColumnKind = "boolean" | "integer" | "decimal" | "date" | "timestamp" | "text";

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

/** The first kind that fits all values, or else the kind of nearly all values in the sample, or else text. */
export function commonKind({ all, sample, codes, allOf, sampleOf }: ValueCounts): ColumnKind {
  if (all === 0) return "text";
  const common = typedKinds.find((kind) => allOf[kind] === all);
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
const digits = whole(digitsPattern);
const greatestInteger = 2n ** 63n - 1n;

/** Whether a trimmed text is a value of the kind. `isLenient`: the column already has this kind in its table. */
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

/** Texts that are missing values in columns that are no text. */
export function missingTexts(nullValues: readonly string[]): ReadonlySet<string> {
  return new Set(["", ...missingWords, ...nullValues]);
}

/** Counts the kinds of the values of one column. */
export class ColumnValues {
  readonly #missing: ReadonlySet<string>;
  readonly #tableKind: ColumnKind | undefined;
  #all = 0;
  #sample = 0;
  #codes = 0;
  readonly #allOf = zeroCounts();
  readonly #sampleOf = zeroCounts();
  readonly #invalidValues = new Map<TypedKind, InvalidValue>();
  readonly #words = new Set<string>();

  /** `tableKind`: the kind of the column in its table, if that exists. */
  constructor(missing: ReadonlySet<string>, tableKind: ColumnKind | undefined) {
    this.#missing = missing;
    this.#tableKind = tableKind;
  }

  add(value: string, row: number, line: number): void {
    const text = trim(value);
    if (this.#missing.has(text)) {
      if (text !== "") this.#words.add(text);
      return;
    }
    if (this.#tableKind === "text") return;
    this.#all += 1;
    const isSample = row < sampleRows;
    if (isSample) this.#sample += 1;
    if (this.#tableKind !== undefined) this.#count(text, this.#tableKind, isSample, line);
    else {
      if (digits.test(text) && !fits(text, "integer")) this.#codes += 1;
      for (const kind of typedKinds) this.#count(text, kind, isSample, line);
    }
  }

  #count(text: string, kind: TypedKind, isSample: boolean, line: number): void {
    if (fits(text, kind, this.#tableKind !== undefined)) {
      this.#allOf[kind] += 1;
      if (isSample) this.#sampleOf[kind] += 1;
    } else if (!this.#invalidValues.has(kind)) this.#invalidValues.set(kind, { line, value: text });
  }

  get counts(): ValueCounts {
    const counts = { all: this.#all, sample: this.#sample, codes: this.#codes };
    return { ...counts, allOf: this.#allOf, sampleOf: this.#sampleOf };
  }

  get kind(): ColumnKind {
    return this.#tableKind ?? commonKind(this.counts);
  }

  /** The words of `missingTexts` that occur in the column. */
  get words(): ReadonlySet<string> {
    return this.#words;
  }

  /** The first value that does not fit the column's kind. */
  get invalidValue(): InvalidValue | undefined {
    const { kind } = this;
    return kind === "text" ? undefined : this.#invalidValues.get(kind);
  }
}

/** Removes the white space that SQL removes too. */
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
