import * as z from "zod";
import { type CronPattern, nextMatch } from "./pattern.ts";

const hourMs = 3_600_000;
/** Two changes of one zone's clock are never closer than this: no hour of the data since 1970 has both. */
const strideMs = 12 * hourMs;
const spanStrides = 4;

/** At this instant the clock of a zone goes from one offset to another. */
interface ClockChange {
  readonly at: number;
  /** How far the clock is ahead of UTC before and after, in milliseconds. */
  readonly before: number;
  readonly after: number;
}

/** A stretch of time in which the clock of a zone runs evenly. */
interface ClockSpan {
  /** How far it is ahead of UTC, in milliseconds. */
  readonly offset: number;
  /** The end of the span, which is not part of it. */
  readonly until: number;
  /** The change that ends it; absent when it merely was not looked further. */
  readonly change: ClockChange | undefined;
}

/** The even stretch that begins with this instant, two days of it at most. */
function findSpan(timeZone: string, from: number): ClockSpan {
  const offset = offsetAt(timeZone, from);
  let until = from;
  for (let stride = 0; stride < spanStrides; stride += 1) {
    const end = until + strideMs;
    const after = offsetAt(timeZone, end);
    if (after !== offset) {
      const at = findChange(timeZone, until, end);
      return { offset, until: at, change: { at, before: offset, after: offsetAt(timeZone, at) } };
    }
    until = end;
  }
  return { offset, until, change: undefined };
}

/** The first millisecond at which the offset is no longer that of `from`; at `to` it is another. */
function findChange(timeZone: string, from: number, to: number): number {
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
  for (const { type, value } of clockFormat(timeZone).formatToParts(instant))
    if (type in parts) Object.assign(parts, { [type]: Number(value) });
  const { year, month, day, hour, minute, second } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1_000) * 1_000;
}

/** Making one takes as long as fifty uses. There are some six hundred zones. */
const formats = new Map<string, Intl.DateTimeFormat>();

function clockFormat(timeZone: string): Intl.DateTimeFormat {
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

const minuteMs = 60_000;
const hourInMs = 60 * minuteMs;
const dayMs = 24 * hourInMs;
/** A clock that changes by more is set right, or moves to another day: nothing is made up for, nothing left out. */
const adjustmentMs = 3 * hourInMs;

/** A time at which a schedule comes. */
export interface CronSlot {
  readonly instant: number;
  /**
   * The time that the pattern names, on the face of the clock. When the clock leaps over that time, it shows another
   * one at the instant.
   */
  readonly wall: number;
}

/**
 * The slots of a pattern after an instant, ascending, each once.
 *
 * The rule is that of Debian's cron (cron(8), "Notes"). When the clock changes by three hours or less, a pattern of
 * fixed times (no `*` in minute or hour) means each of them once: those that the clock leaps over come together, at
 * the first minute after the leap; those that it shows twice come the first time. Any other pattern comes at every
 * minute at which the clock shows a time of it.
 */
export function* slotsAfter(pattern: CronPattern, timeZone: string, after: number): Generator<CronSlot> {
  for (const slot of slotsFrom(pattern, timeZone, after - adjustmentMs)) if (slot.instant > after) yield slot;
}

/**
 * The same, but it may be wrong in the first three hours, because it does not see a change that was just before them.
 */
function* slotsFrom(pattern: CronPattern, timeZone: string, start: number): Generator<CronSlot> {
  let span = findSpan(timeZone, start);
  /** All that the clock shows up to here is decided. */
  let decided = start + span.offset;
  for (;;) {
    const wall = nextMatch(pattern, decided);
    if (wall === undefined) return;
    const instant = wall - span.offset;
    if (instant < span.until) {
      yield { instant, wall };
      decided = wall;
    } else if (span.change) {
      const { slot, decidedUntil } = crossChange(pattern, span.change, wall);
      if (slot) yield slot;
      decided = decidedUntil;
      span = findSpan(timeZone, span.change.at);
    } else {
      // A span in which nothing was decided is far from what its changes could show twice.
      const isIdle = decided - span.offset < span.until - dayMs;
      span = findSpan(timeZone, isIdle ? Math.max(span.until, wall - 2 * dayMs) : span.until);
    }
  }
}

/** What becomes of the times that a change leaps over or shows twice; `wall` is the next of the pattern. */
function crossChange(
  pattern: CronPattern,
  { at, before, after }: ClockChange,
  wall: number,
): { readonly slot?: CronSlot; readonly decidedUntil: number } {
  const shownBefore = at + before;
  const shownAfter = at + after;
  const isAdjustment = Math.abs(after - before) <= adjustmentMs;
  if (!pattern.isFixed || !isAdjustment) return { decidedUntil: shownAfter - 1 };
  if (after < before) return { decidedUntil: shownBefore - 1 };
  if (wall >= shownAfter) return { decidedUntil: shownAfter - 1 };
  const firstMinute = Math.ceil(shownAfter / minuteMs) * minuteMs;
  // A time that the clock does show then is what the slot is of.
  const isShown = nextMatch(pattern, firstMinute - 1) === firstMinute;
  return {
    slot: { instant: firstMinute - after, wall: isShown ? firstMinute : wall },
    decidedUntil: firstMinute,
  };
}

/** Names that this runtime takes and the IANA database does not have: several zones share each of them. */
const abbreviations = new Set(
  "ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST".split(
    " ",
  ),
);
const offset = /^(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?$/i;

/** Why a text names no time zone; undefined when it does. */
export function timeZoneProblem(timeZone: string): string | undefined {
  const quoted = JSON.stringify(timeZone);
  const fixed = offset.exec(timeZone);
  if (fixed && !isKnownName(timeZone))
    return `${quoted} is an offset, not a time zone; ${offsetAdvice(fixed)}`;
  if (abbreviations.has(timeZone.toUpperCase()))
    return `${quoted} is an abbreviation, which more than one time zone has; ${example}`;
  return isKnownName(timeZone) ? undefined : `${quoted} is not a time zone; ${example}`;
}

const example = 'write an IANA name, such as "Europe/Paris" or "UTC"';

/** For an offset of whole hours there is a zone, whose sign is the other way round. */
function offsetAdvice([, sign, hours, minutes = "00"]: RegExpExecArray): string {
  const zone = Number(hours) === 0 ? "UTC" : `Etc/GMT${sign === "+" ? "-" : "+"}${Number(hours)}`;
  if (Number(minutes) !== 0 || !isKnownName(zone)) return example;
  return `${example}; the same offset all year is "${zone}"`;
}

/** Whether this runtime has a clock of that name, offsets left out. */
function isKnownName(timeZone: string): boolean {
  return !/^([+-]|SystemV\/)/i.test(timeZone) && hasClock(timeZone);
}

/** Whether such a clock can be read. It takes more than may be written now: stored definitions have to work on. */
export function hasClock(timeZone: string): boolean {
  // Some take the empty text for the zone of the machine.
  if (timeZone === "") return false;
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone }));
  } catch {
    return false;
  }
}

/** A time zone as it is written in a workflow. */
export const TimeZoneSchema = z.string().superRefine((timeZone, context) => {
  const message = timeZoneProblem(timeZone);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});
