import {
  digitsPattern,
  type Kind,
  kindOf,
  kinds,
  midnightPattern,
  missingWords,
  patterns,
  sampleRows,
  type TypedKind,
  wholePattern,
} from "./text-values.ts";

export interface Misfit {
  readonly line: number;
  readonly value: string;
}

const expressions = new Map(kinds.map((kind) => [kind, whole(patterns[kind])]));
const wholeNumber = whole(wholePattern);
const midnight = whole(midnightPattern);
const digits = whole(digitsPattern);
const greatestInteger = 2n ** 63n - 1n;

/**
 * Whether a text, without white space around it, is a value of the kind. `isLenient`: of a column that is of it
 * already.
 */
function fits(text: string, kind: Kind, isLenient = false): boolean {
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
  readonly #known: Kind | undefined;
  #all = 0;
  #sample = 0;
  #codes = 0;
  readonly #allOf = none();
  readonly #sampleOf = none();
  readonly #misfits = new Map<TypedKind, Misfit>();
  readonly #words = new Set<string>();

  /** `known`: the kind that the table says its column is of. */
  constructor(missing: ReadonlySet<string>, known: Kind | undefined) {
    this.#missing = missing;
    this.#known = known;
  }

  add(cell: string, row: number, line: number): void {
    const text = trimmed(cell);
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
      for (const kind of kinds) this.#count(text, kind, isSample, line);
    }
  }

  #count(text: string, kind: TypedKind, isSample: boolean, line: number): void {
    if (fits(text, kind, this.#known !== undefined)) {
      this.#allOf[kind] += 1;
      if (isSample) this.#sampleOf[kind] += 1;
    } else if (!this.#misfits.has(kind)) this.#misfits.set(kind, { line, value: text });
  }

  get kind(): Kind {
    const counts = { all: this.#all, sample: this.#sample, codes: this.#codes };
    return this.#known ?? kindOf({ ...counts, allOf: this.#allOf, sampleOf: this.#sampleOf });
  }

  /** The texts that are in it and mean a missing value where a column is no text. */
  get words(): ReadonlySet<string> {
    return this.#words;
  }

  /** The first value that is not of the column's kind. */
  get misfit(): Misfit | undefined {
    const { kind } = this;
    return kind === "text" ? undefined : this.#misfits.get(kind);
  }
}

/** White space that SQL takes away too. */
function trimmed(text: string): string {
  return /^[ \t\r\n]|[ \t\r\n]$/.test(text) ? text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "") : text;
}

function none(): Record<TypedKind, number> {
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
