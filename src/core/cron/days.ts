import { type Field, fieldError, fields, isStar, itemsOf, valuesOfItem } from "./field.ts";

/** The days that the day of month names. */
export interface MonthDays {
  readonly any: boolean;
  readonly days: readonly number[];
  /** `L`. */
  readonly lastDay: boolean;
  /** `15W`: the day from Monday to Friday that is nearest to it, within its month. */
  readonly nearestWeekdays: readonly number[];
  /** `LW`: the last day from Monday to Friday. */
  readonly lastWeekday: boolean;
}

/** The days that the day of week names, Sunday being 0. */
export interface WeekDays {
  readonly any: boolean;
  readonly weekdays: readonly number[];
  /** `MON#2`: the second Monday of a month; `FRI#L` or `5L`: its last Friday. */
  readonly ordinals: readonly { readonly weekday: number; readonly ordinal: number | "last" }[];
}

/** Throws `PatternError`. */
export function monthDaysOf(text: string): MonthDays {
  const field = fields.dayOfMonth;
  const days: number[] = [];
  const nearestWeekdays: number[] = [];
  let lastDay = false;
  let lastWeekday = false;
  for (const item of itemsOf(text, field)) {
    const upper = item.toUpperCase();
    if (upper === "L") lastDay = true;
    else if (upper === "LW") lastWeekday = true;
    else if (upper.startsWith("L-"))
      throw fieldError(field, item, "days before the last one are not known; L alone is the last day");
    else if (/^\d+W$/.test(upper)) nearestWeekdays.push(...valuesOfItem(item.slice(0, -1), field));
    else if (upper.includes("W"))
      throw fieldError(field, item, "W comes after one day, such as 15W, or after L: LW");
    else days.push(...valuesOfItem(item, field));
  }
  return { any: isAny(text), days, lastDay, nearestWeekdays, lastWeekday };
}

/** Throws `PatternError`. */
export function weekDaysOf(text: string): WeekDays {
  const field = fields.dayOfWeek;
  if (text === "") throw fieldError(field, "+", "write the days after +, such as +FRI");
  const weekdays: number[] = [];
  const ordinals: { weekday: number; ordinal: number | "last" }[] = [];
  for (const item of itemsOf(text, field)) {
    const { days, ordinal } = splitOrdinal(item, field);
    const values = valuesOfItem(days, field).map((value) => value % 7);
    if (ordinal === undefined) weekdays.push(...values);
    else ordinals.push(...values.map((weekday) => ({ weekday, ordinal })));
  }
  return { any: isAny(text), weekdays, ordinals };
}

function splitOrdinal(
  item: string,
  field: Field,
): { readonly days: string; readonly ordinal: number | "last" | undefined } {
  const upper = item.toUpperCase();
  if (upper === "L") throw fieldError(field, item, "say which day; the last Friday of the month is FRI#L");
  const last = /^(\w+)L$/.exec(upper);
  if (last?.[1] !== undefined) return { days: last[1], ordinal: "last" };
  const [days = "", ordinal, ...rest] = upper.split("#");
  if (ordinal === undefined) return { days: item, ordinal: undefined };
  if (isStar(days) || !/^([1-5]|L)$/.test(ordinal) || rest.length > 0)
    throw fieldError(field, item, "write a day, # and 1 to 5 or L: MON#1 is the first Monday of the month");
  return { days, ordinal: ordinal === "L" ? "last" : Number(ordinal) };
}

/** Only then the other day field alone decides. */
function isAny(text: string): boolean {
  return text === "*" || text === "?";
}

/** A day of the calendar. */
export interface Day {
  readonly day: number;
  readonly weekday: number;
  readonly daysInMonth: number;
}

export function isMonthDay(named: MonthDays, { day, weekday, daysInMonth }: Day): boolean {
  if (named.days.includes(day)) return true;
  if (named.lastDay && day === daysInMonth) return true;
  if (weekday === 0 || weekday === 6) return false;
  const isFriday = weekday === 5;
  if (named.lastWeekday && (day === daysInMonth || (isFriday && day >= daysInMonth - 2))) return true;
  return named.nearestWeekdays.some((wanted) => {
    if (wanted > daysInMonth) return false;
    if (wanted === day) return true;
    // A Saturday moves to Friday, a Sunday to Monday; at the ends of the month the other way.
    if (isFriday && wanted === day + 1) return true;
    if (isFriday && wanted === day + 2) return wanted === daysInMonth;
    if (weekday === 1 && wanted === day - 1) return true;
    return weekday === 1 && wanted === day - 2 && wanted === 1;
  });
}

export function isWeekDay(named: WeekDays, { day, weekday, daysInMonth }: Day): boolean {
  if (named.weekdays.includes(weekday)) return true;
  return named.ordinals.some(
    (each) =>
      each.weekday === weekday &&
      (each.ordinal === "last" ? day + 7 > daysInMonth : Math.ceil(day / 7) === each.ordinal),
  );
}
