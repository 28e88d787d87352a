import { messageOf } from "../errors.ts";
import { isMonthDay, isWeekDay, type MonthDays, monthDaysOf, type WeekDays, weekDaysOf } from "./days.ts";
import { fields, isStar, PatternError, valuesOf } from "./field.ts";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** After so many days the calendar repeats itself, days of the week included. */
const calendarCycleDays = 146_097;

/** A cron pattern: times on the face of a clock, whatever the time zone. */
export interface CronPattern {
  /** Minutes of a day, ascending. */
  readonly times: readonly number[];
  readonly months: readonly number[];
  readonly monthDays: MonthDays;
  readonly weekDays: WeekDays;
  /** Whether a day has to fit both day fields, rather than one of them. */
  readonly bothDays: boolean;
  /** Whether it names fixed times, rather than times that follow one another: see `slotsAfter`. */
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

/** Throws `PatternError`, which names the field, the value and what to write instead. */
export function parsePattern(text: string): CronPattern {
  const [minute, hour, dayOfMonth, month, dayOfWeek] = partsOf(text);
  const minutes = valuesOf(minute, fields.minute);
  const hours = valuesOf(hour, fields.hour);
  const bothDays = dayOfWeek.startsWith("+");
  const pattern: CronPattern = {
    times: hours.flatMap((at) => minutes.map((minuteOfHour) => at * 60 + minuteOfHour)),
    months: valuesOf(month, fields.month),
    monthDays: monthDaysOf(dayOfMonth),
    weekDays: weekDaysOf(bothDays ? dayOfWeek.slice(1) : dayOfWeek),
    bothDays,
    isFixed: ![minute, hour].some((field) => field.split(",").some(isStar)),
  };
  if (nextMatch(pattern, 0) === undefined) throw new PatternError("there is no such time in any year");
  return pattern;
}

/** What is wrong with a pattern; undefined when it can be read. */
export function patternProblem(text: string): string | undefined {
  try {
    parsePattern(text);
    return undefined;
  } catch (error) {
    if (error instanceof PatternError) return messageOf(error);
    throw error;
  }
}

function partsOf(
  text: string,
): readonly [minute: string, hour: string, dayOfMonth: string, month: string, dayOfWeek: string] {
  const trimmed = text.trim();
  const written = trimmed.startsWith("@") ? meaningOf(trimmed) : trimmed;
  const parts = written === "" ? [] : written.split(/\s+/);
  if (/^(CRON_)?TZ=/.test(parts[0] ?? ""))
    throw new PatternError("the time zone is not part of the pattern; write it as timeZone of the schedule");
  if (parts.length !== 5) throw countError(parts.length);
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] = parts;
  return [minute, hour, dayOfMonth, month, dayOfWeek];
}

/** Throws `PatternError` for names that mean no times of a clock. */
function meaningOf(nickname: string): string {
  const pattern = nicknames.get(nickname.toLowerCase());
  if (pattern !== undefined) return pattern;
  const known = [...nicknames.keys()].join(", ");
  if (/^@every\b/i.test(nickname))
    throw new PatternError("@every is not known; write times of the clock, such as */5 * * * *");
  if (/^@reboot$/i.test(nickname))
    throw new PatternError("@reboot is no time of a clock; start the batch by a message instead");
  throw new PatternError(`there is no name ${nickname}; there are ${known}`);
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
 * The first time of the pattern after a time, both as what a clock shows: milliseconds since 1970 on the face of a
 * clock that never changes. Undefined when there is none in all of the calendar.
 */
export function nextMatch(pattern: CronPattern, after: number): number | undefined {
  const today = Math.floor(after / dayMs);
  const passed = Math.floor((after - today * dayMs) / minuteMs);
  if (isDayOf(pattern, today)) {
    const time = firstAfter(pattern.times, passed);
    if (time !== undefined) return today * dayMs + time * minuteMs;
  }
  const [first = 0] = pattern.times;
  for (let day = today + 1; day <= today + calendarCycleDays; day += 1)
    if (isDayOf(pattern, day)) return day * dayMs + first * minuteMs;
  return undefined;
}

/** The smallest of ascending numbers that is larger. */
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

/** By the count of days since 1970. */
function isDayOf({ months, monthDays, weekDays, bothDays }: CronPattern, dayNumber: number): boolean {
  const date = new Date(dayNumber * dayMs);
  const month = date.getUTCMonth() + 1;
  if (!months.includes(month)) return false;
  const daysInMonth = new Date(Date.UTC(date.getUTCFullYear(), month, 0)).getUTCDate();
  const day = { day: date.getUTCDate(), weekday: date.getUTCDay(), daysInMonth };
  const fitsMonth = monthDays.any || isMonthDay(monthDays, day);
  const fitsWeek = weekDays.any || isWeekDay(weekDays, day);
  // A field that is left open says nothing: then the other one decides.
  if (bothDays || monthDays.any || weekDays.any) return fitsMonth && fitsWeek;
  return fitsMonth || fitsWeek;
}
