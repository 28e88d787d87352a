/** One of the five fields of a cron pattern: its range of numbers, and their names. */
export interface Field {
  readonly name: "minute" | "hour" | "day of month" | "month" | "day of week";
  readonly least: number;
  readonly most: number;
  /** The number of different values, which is also the largest step. */
  readonly count: number;
  /** Three-letter names of the values from `least` on. */
  readonly names: readonly string[];
  /** The range, for error messages. */
  readonly allowed: string;
}

const months = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const weekdays = "SUN MON TUE WED THU FRI SAT".split(" ");

export const fields = {
  minute: { name: "minute", least: 0, most: 59, count: 60, names: [], allowed: "0-59" },
  hour: { name: "hour", least: 0, most: 23, count: 24, names: [], allowed: "0-23" },
  dayOfMonth: { name: "day of month", least: 1, most: 31, count: 31, names: [], allowed: "1-31" },
  month: { name: "month", least: 1, most: 12, count: 12, names: months, allowed: "1-12 or JAN-DEC" },
  /** Sunday is both 0 and 7. */
  dayOfWeek: {
    name: "day of week",
    least: 0,
    most: 7,
    count: 7,
    names: weekdays,
    allowed: "0-7 (0 and 7 are Sunday) or SUN-SAT",
  },
} as const satisfies Record<string, Field>;

/** A mistake in a pattern. The message is for its author. */
export class PatternError extends Error {}

/** The error of one field: its text, the problem, and what to write instead. */
export function fieldError({ name }: Field, text: string, problem: string): PatternError {
  return new PatternError(`${name} "${text}": ${problem}`);
}

/** The items of a field, which commas separate. */
export function splitItems(text: string, field: Field): string[] {
  const items = text.split(",");
  if (items.includes("")) throw fieldError(field, text, "a comma has nothing on one side; remove it");
  return items;
}

/** Whether an item means all values of its field, with or without a step. */
export function isStar(item: string): boolean {
  return item.startsWith("*") || item.startsWith("?");
}

/** The values of a field that only allows values, ranges and steps. */
export function parseValues(text: string, field: Field): number[] {
  return [...new Set(splitItems(text, field).flatMap((item) => parseItem(item, field)))].sort(
    (one, other) => one - other,
  );
}

// The values of an item: `*`, `5`, `1-5`, or with a step `*/15`, `0-30/10`.
export function parseItem(item: string, field: Field): number[] {
  const [range = "", step, ...others] = item.split("/");
  if (others.length > 0) throw fieldError(field, item, "it has two steps; write one / only");
  const { from, to } = parseRange(range, item, field);
  const by = step === undefined ? 1 : parseStep(step, { item, range }, field);
  return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, index) => from + index * by);
}

interface Range {
  readonly from: number;
  readonly to: number;
}

function parseRange(range: string, item: string, field: Field): Range {
  // In `*` the week starts with Sunday: a step of two means Sunday, Tuesday, Thursday and Saturday.
  if (range === "*" || range === "?") return { from: field.least, to: field.least + field.count - 1 };
  const ends = range.split("-");
  if (ends.length > 2) throw fieldError(field, item, "a range has two ends, such as 1-5");
  const from = parseValue(ends[0] ?? "", item, field);
  if (ends.length === 1) return { from, to: from };
  const end = parseValue(ends[1] ?? "", item, field);
  const to = field === fields.dayOfWeek && end === 0 && from > 0 ? 7 : end;
  if (from > to) {
    const both = `${ends[0]}-${field.most},${field.least}-${ends[1]}`;
    throw fieldError(field, item, `the range goes backwards; write it as two, ${both}`);
  }
  return { from, to };
}

function parseStep(
  step: string,
  { item, range }: { readonly item: string; readonly range: string },
  field: Field,
): number {
  const by = /^\d{1,4}$/.test(step) ? Number(step) : 0;
  if (by < 1 || by > field.count)
    throw fieldError(field, item, `the step after / has to be a number from 1 to ${field.count}`);
  if (!isStar(range) && !range.includes("-"))
    throw fieldError(field, item, `a step needs a range; write ${range}-${field.most}/${step}`);
  return by;
}

function parseValue(text: string, item: string, field: Field): number {
  const name = field.names.indexOf(text.toUpperCase());
  if (name >= 0) return field.least + name;
  if (!/^\d{1,4}$/.test(text))
    throw fieldError(field, item, `${valueProblem(text, field)}; use ${field.allowed}`);
  const value = Number(text);
  if (value < field.least || value > field.most)
    throw fieldError(field, item, `${text} is out of range; use ${field.allowed}${hint(value, field)}`);
  return value;
}

function valueProblem(text: string, field: Field): string {
  if (text === "") return "a number is missing";
  if (text.startsWith("+")) return "+ is allowed only before the whole day of week";
  if (text.toUpperCase() === "H") return "H, as in Jenkins, is not known";
  if (text.includes("~")) return "random times, as in 0~30, are not known";
  if (field.names.some((name) => text.toUpperCase().startsWith(name))) return "names have three letters";
  if (/^\d*[LW]+$|#/i.test(text)) return `${text} has no meaning in this field`;
  return `"${text}" is not a value of this field`;
}

function hint(value: number, field: Field): string {
  if (field === fields.hour && value === 24) return "; midnight is 0";
  if (field === fields.minute && value === 60) return "; the full hour is 0";
  return "";
}
