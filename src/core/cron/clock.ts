const hourMs = 3_600_000;
/** Two changes of one zone's clock are never closer than this: no hour of the data since 1970 has both. */
const strideMs = 12 * hourMs;
const spanStrides = 4;

/** At this instant the clock of a zone goes from one offset to another. */
export interface ClockChange {
  readonly at: number;
  /** How far the clock is ahead of UTC before and after, in milliseconds. */
  readonly before: number;
  readonly after: number;
}

/** A stretch of time in which the clock of a zone runs evenly. */
export interface ClockSpan {
  /** How far it is ahead of UTC, in milliseconds. */
  readonly offset: number;
  /** The end of the span, which is not part of it. */
  readonly until: number;
  /** The change that ends it; absent when it merely was not looked further. */
  readonly change: ClockChange | undefined;
}

/** The even stretch that begins with this instant, two days of it at most. */
export function spanFrom(timeZone: string, from: number): ClockSpan {
  const offset = offsetAt(timeZone, from);
  let until = from;
  for (let stride = 0; stride < spanStrides; stride += 1) {
    const end = until + strideMs;
    const after = offsetAt(timeZone, end);
    if (after !== offset) {
      const at = changeBetween(timeZone, until, end);
      return { offset, until: at, change: { at, before: offset, after: offsetAt(timeZone, at) } };
    }
    until = end;
  }
  return { offset, until, change: undefined };
}

/** The first millisecond at which the offset is no longer that of `from`; at `to` it is another. */
function changeBetween(timeZone: string, from: number, to: number): number {
  const offset = offsetAt(timeZone, from);
  let same = from;
  let changed = to;
  while (changed - same > 1) {
    const middle = Math.floor((same + changed) / 2);
    if (offsetAt(timeZone, middle) === offset) same = middle;
    else changed = middle;
  }
  return changed;
}

/** How far the clock of a zone is ahead of UTC, in milliseconds. Throws a `RangeError` for a zone that is not known. */
export function offsetAt(timeZone: string, instant: number): number {
  const parts = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const { type, value } of formatOf(timeZone).formatToParts(instant))
    if (type in parts) Object.assign(parts, { [type]: Number(value) });
  const { year, month, day, hour, minute, second } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1_000) * 1_000;
}

/** Making one takes as long as fifty uses. There are some six hundred zones. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(timeZone, format);
  return format;
}
