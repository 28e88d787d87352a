import { errorMessage } from "../errors/errors.ts";
import {
  type Field,
  fieldError,
  fields,
  isStar,
  PatternError,
  parseItem,
  parseValues,
  splitItems,
} from "./field.ts";

/** The parsed field `day of month`. */
interface MonthDays {
  readonly any: boolean;
  readonly days: readonly number[];
  /** `L`. */
  readonly lastDay: boolean;
  /** `15W`: the nearest day from Monday to Friday in the same month. */
  readonly nearestWeekdays: readonly number[];
  /** `LW`: the last day from Monday to Friday. */
  readonly lastWeekday: boolean;
}

/** The parsed field `day of week`. Sunday is 0. */
interface WeekDays {
  readonly any: boolean;
  readonly weekdays: readonly number[];
  /** `MON#2`: the second Monday of a month; `FRI#L` or `5L`: its last Friday. */
  readonly ordinals: readonly { readonly weekday: number; readonly ordinal: number | "last" }[];
}

/** Throws a `PatternError`. */
function parseMonthDays(text: string): MonthDays {
  const field = fields.dayOfMonth;
  const days: number[] = [];
  const nearestWeekdays: number[] = [];
  let lastDay = false;
  let lastWeekday = false;
  for (const item of splitItems(text, field)) {
    const upper = item.toUpperCase();
    if (upper === "L") lastDay = true;
    else if (upper === "LW") lastWeekday = true;
    else if (upper.startsWith("L-"))
      throw fieldError(field, item, "days before the last one are not known; L alone is the last day");
    else if (/^\d+W$/.test(upper)) nearestWeekdays.push(...parseItem(item.slice(0, -1), field));
    else if (upper.includes("W"))
      throw fieldError(field, item, "W comes after one day, such as 15W, or after L: LW");
    else days.push(...parseItem(item, field));
  }
  return { any: isAny(text), days, lastDay, nearestWeekdays, lastWeekday };
}

/** Throws a `PatternError`. */
function parseWeekDays(text: string): WeekDays {
  const field = fields.dayOfWeek;
  if (text === "") throw fieldError(field, "+", "write the days after +, such as +FRI");
  const weekdays: number[] = [];
  const ordinals: { weekday: number; ordinal: number | "last" }[] = [];
  for (const item of splitItems(text, field)) {
    const { days, ordinal } = splitOrdinal(item, field);
    const values = parseItem(days, field).map((value) => value % 7);
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
  const [days = "", ordinal, ...others] = upper.split("#");
  if (ordinal === undefined) return { days: item, ordinal: undefined };
  if (isStar(days) || !/^([1-5]|L)$/.test(ordinal) || others.length > 0)
    throw fieldError(field, item, "write a day, # and 1 to 5 or L: MON#1 is the first Monday of the month");
  return { days, ordinal: ordinal === "L" ? "last" : Number(ordinal) };
}

/** Whether the field allows every day, so that the other field alone decides. */
function isAny(text: string): boolean {
  return text === "*" || text === "?";
}

/** A day of the calendar. */
interface Day {
  readonly day: number;
  readonly weekday: number;
  readonly daysInMonth: number;
}

function isMonthDay(named: MonthDays, { day, weekday, daysInMonth }: Day): boolean {
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

function isWeekDay(named: WeekDays, { day, weekday, daysInMonth }: Day): boolean {
  if (named.weekdays.includes(weekday)) return true;
  return named.ordinals.some(
    (each) =>
      each.weekday === weekday &&
      (each.ordinal === "last" ? day + 7 > daysInMonth : Math.ceil(day / 7) === each.ordinal),
  );
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** The Gregorian calendar, with its days of the week, repeats after 400 years. */
const calendarCycleDays = 146_097;

/** A parsed cron pattern. Its times are those of a wall clock, whatever the time zone. */
export interface CronPattern {
  /** Minutes of a day, ascending. */
  readonly times: readonly number[];
  readonly months: readonly number[];
  readonly monthDays: MonthDays;
  readonly weekDays: WeekDays;
  /** Whether a day has to match both day fields instead of one of them. */
  readonly bothDays: boolean;
  /** Whether minute and hour are fixed, without `*`: see `slotsAfter`. */
  readonly isFixed: boolean;
}

const nicknames: ReadonlyMap<string, string> = new Map([
  ["@hourly", "0 * * * *"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@weekly", "0 0 * * 0"],
  ["@monthly", "0 0 1 * *"],
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
]);

/** Throws a `PatternError`, which names the field, the value and what to write instead. */
export function parsePattern(text: string): CronPattern {
  const [minute, hour, dayOfMonth, month, dayOfWeek] = splitFields(text);
  const minutes = parseValues(minute, fields.minute);
  const hours = parseValues(hour, fields.hour);
  const bothDays = dayOfWeek.startsWith("+");
  const pattern: CronPattern = {
    times: hours.flatMap((at) => minutes.map((minuteOfHour) => at * 60 + minuteOfHour)),
    months: parseValues(month, fields.month),
    monthDays: parseMonthDays(dayOfMonth),
    weekDays: parseWeekDays(bothDays ? dayOfWeek.slice(1) : dayOfWeek),
    bothDays,
    isFixed: ![minute, hour].some((field) => field.split(",").some(isStar)),
  };
  if (nextMatch(pattern, 0) === undefined) throw new PatternError("there is no such time in any year");
  return pattern;
}

/** The mistake in a pattern. Undefined if it is valid. */
export function patternProblem(text: string): string | undefined {
  try {
    parsePattern(text);
    return undefined;
  } catch (error) {
    if (error instanceof PatternError) return errorMessage(error);
    throw error;
  }
}

function splitFields(
  text: string,
): readonly [minute: string, hour: string, dayOfMonth: string, month: string, dayOfWeek: string] {
  const trimmed = text.trim();
  const pattern = trimmed.startsWith("@") ? expandNickname(trimmed) : trimmed;
  const parts = pattern === "" ? [] : pattern.split(/\s+/);
  if (/^(CRON_)?TZ=/.test(parts[0] ?? ""))
    throw new PatternError("the time zone is not part of the pattern; write it as timeZone of the schedule");
  if (parts.length !== 5) throw countError(parts.length);
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] = parts;
  return [minute, hour, dayOfMonth, month, dayOfWeek];
}

/** Throws a `PatternError` for unknown names. */
function expandNickname(nickname: string): string {
  const pattern = nicknames.get(nickname.toLowerCase());
  if (pattern !== undefined) return pattern;
  const names = [...nicknames.keys()].join(", ");
  if (/^@every\b/i.test(nickname))
    throw new PatternError("@every is not known; write times of the clock, such as */5 * * * *");
  if (/^@reboot$/i.test(nickname))
    throw new PatternError("@reboot is no time of a clock; start the batch by a message instead");
  throw new PatternError(`there is no name ${nickname}; there are ${names}`);
}

function countError(count: number): PatternError {
  const parts = `it has ${count} ${count === 1 ? "part" : "parts"}, not 5`;
  const five = "minute, hour, day of month, month, day of week, such as 0 6 * * *";
  if (count === 6)
    return new PatternError(
      `${parts}; leave out the seconds (or the year), slots are whole minutes: ${five}`,
    );
  if (count === 7) return new PatternError(`${parts}; leave out the seconds and the year: ${five}`);
  return new PatternError(`${parts}; write ${five}`);
}

/**
 * The first time of the pattern after another time. Both are wall-clock times: milliseconds since 1970 on a clock that
 * never changes. Undefined if the calendar has no such time.
 */
export function nextMatch(pattern: CronPattern, after: number): number | undefined {
  const today = Math.floor(after / dayMs);
  const passed = Math.floor((after - today * dayMs) / minuteMs);
  if (matchesDay(pattern, today)) {
    const time = firstAfter(pattern.times, passed);
    if (time !== undefined) return today * dayMs + time * minuteMs;
  }
  const [first = 0] = pattern.times;
  for (let day = today + 1; day <= today + calendarCycleDays; day += 1)
    if (matchesDay(pattern, day)) return day * dayMs + first * minuteMs;
  return undefined;
}

/** The first of ascending numbers above the limit, by binary search. */
function firstAfter(ascending: readonly number[], limit: number): number | undefined {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) > limit) high = middle;
    else low = middle + 1;
  }
  return ascending[low];
}

/** `dayNumber`: days since 1970. */
function matchesDay({ months, monthDays, weekDays, bothDays }: CronPattern, dayNumber: number): boolean {
  const date = new Date(dayNumber * dayMs);
  const month = date.getUTCMonth() + 1;
  if (!months.includes(month)) return false;
  const daysInMonth = new Date(Date.UTC(date.getUTCFullYear(), month, 0)).getUTCDate();
  const day = { day: date.getUTCDate(), weekday: date.getUTCDay(), daysInMonth };
  const fitsMonth = monthDays.any || isMonthDay(monthDays, day);
  const fitsWeek = weekDays.any || isWeekDay(weekDays, day);
  // A field that allows every day leaves the decision to the other one.
  if (bothDays || monthDays.any || weekDays.any) return fitsMonth && fitsWeek;
  return fitsMonth || fitsWeek;
}
