/**
 * When a schedule fires, computed the slow way: by a walk over every minute, reading a clock at each. It shares
 * nothing with `src/core/schedule`.
 *
 * The rule is that of Debian's cron, whose daemon looks at the clock once a minute and remembers up to which minute of
 * the clock it has run jobs:
 *
 * 1. The clock has advanced by a minute: run the time that it shows.
 * 2. It has leapt forward, by three hours or less: run what it shows and, of jobs of fixed times, what was leapt over.
 * 3. It has gone back, by three hours or less: run what it shows, but of jobs of fixed times nothing until it shows a
 *    minute that it has not shown before.
 * 4. It has changed by more: that is a correction. Continue with the time that it shows.
 *
 * A job has fixed times if neither its minutes nor its hours begin with `*`. Times that were leapt over and fall on one
 * minute are one slot.
 */
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const adjustmentMinutes = 180;

/** One reading of a clock at one minute of time. */
export interface Reading {
  readonly instant: number;
  /** What the clock shows, as milliseconds since 1970 on a clock that never changes. */
  readonly shown: number;
}

/** The readings of a zone's clock at every minute in [from, until). */
export function readingsOf(timeZone: string, from: number, until: number, stepMs = minuteMs): Reading[] {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    dateStyle: "short",
    timeStyle: "medium",
  });
  const readings: Reading[] = [];
  for (let instant = from; instant < until; instant += stepMs)
    // In Sweden it is 2026-11-21 06:00:00.
    readings.push({ instant, shown: Date.parse(`${format.format(instant).replace(" ", "T")}Z`) });
  return readings;
}

/**
 * The slots of a pattern among readings of every minute, save those that hang on what the clock showed before the
 * first.
 */
export function slotsAmong(cron: string, readings: readonly Reading[]): number[] {
  const fits = matcherOf(cron);
  const isFixed = !cron.split(" ").slice(0, 2).join("").includes("*");
  const [first] = readings;
  if (!first) return [];
  const slots: number[] = [];
  let latest = first.shown - minuteMs;
  for (const { instant, shown } of readings) {
    const minutes = Math.round((shown - latest) / minuteMs);
    if (Math.abs(minutes - 1) > adjustmentMinutes || !isFixed) latest = shown - minuteMs;
    let isDue = false;
    for (let minute = latest + minuteMs; minute <= shown; minute += minuteMs) isDue ||= fits(minute);
    if (isDue) slots.push(instant);
    latest = Math.max(latest, shown);
  }
  return slots;
}

const names = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/** Whether a clock shows a time of a pattern of numbers, weekdays, lists, ranges and steps. */
function matcherOf(cron: string): (shown: number) => boolean {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = cron.split(" ");
  const minutes = valuesOf(minute, 0, 59);
  const hours = valuesOf(hour, 0, 23);
  const days = valuesOf(day, 1, 31);
  const months = valuesOf(month, 1, 12);
  const weekdays = valuesOf(
    weekday.replaceAll(/[A-Z]+/g, (name) => String(names.indexOf(name))),
    0,
    7,
  );
  return (shown) => {
    const ofDay = (((shown % dayMs) + dayMs) % dayMs) / minuteMs;
    if (!minutes.has(ofDay % 60) || !hours.has(Math.floor(ofDay / 60))) return false;
    const date = new Date(shown);
    if (!months.has(date.getUTCMonth() + 1)) return false;
    const isDay = days.has(date.getUTCDate());
    const isWeekday = weekdays.has(date.getUTCDay()) || (date.getUTCDay() === 0 && weekdays.has(7));
    return day === "*" || weekday === "*" ? isDay && isWeekday : isDay || isWeekday;
  };
}

function valuesOf(field: string, least: number, most: number): ReadonlySet<number> {
  const values = new Set<number>();
  for (const item of field.split(",")) {
    const [range = "", step = "1"] = item.split("/");
    const [from = "", to = from] = range === "*" ? [String(least), String(most)] : range.split("-");
    for (let value = Number(from); value <= Number(to); value += Number(step)) values.add(value);
  }
  return values;
}
