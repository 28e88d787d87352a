import type { CellFormats } from "./cell-formats.ts";
import {
  commonKind,
  datesFirst,
  digitsPattern,
  fixedPattern,
  kindPatterns,
  midnightPattern,
  plainTimePattern,
  sampleRows,
  type TableKind,
  type TypedKind,
  typedKinds,
  type ValueCounts,
  wholePattern,
} from "./column-kinds.ts";

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
  // Nearly all texts have a first and a last character beyond the space.
  if (text.charCodeAt(0) > 32 && text.charCodeAt(text.length - 1) > 32) return text;
  return text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
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
  const day = Number(text.slice(8, 10));
  if (day <= 28) return true;
  const [year, month] = [Number(text.slice(0, 4)), Number(text.slice(5, 7))];
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return day <= (month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31);
}

function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}
