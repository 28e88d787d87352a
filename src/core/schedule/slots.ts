import * as z from "zod";
import { type CronPattern, nextMatch } from "./pattern.ts";

const hourMs = 3_600_000;
/** Clock changes of a zone are never closer than this in the data since 1970. */
const strideMs = 12 * hourMs;
const spanStrides = 4;

/** A change of a zone's offset from UTC. */
interface ClockChange {
  readonly at: number;
  /** The offsets before and after, in milliseconds ahead of UTC. */
  readonly before: number;
  readonly after: number;
}

/** A time span with a constant offset. */
interface ClockSpan {
  /** Milliseconds ahead of UTC. */
  readonly offset: number;
  /** The exclusive end of the span. */
  readonly until: number;
  /** The change at its end. Undefined if the search merely ended there. */
  readonly change: ClockChange | undefined;
}

/** The span that starts with this instant, at most two days of it. */
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

/** The first millisecond with another offset than at `from`, by binary search. The offset at `to` differs. */
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

/** The offset of a zone in milliseconds ahead of UTC. Throws a `RangeError` for an unknown zone. */
export function offsetAt(timeZone: string, instant: number): number {
  const parts = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const { type, value } of clockFormat(timeZone).formatToParts(instant))
    if (type in parts) Object.assign(parts, { [type]: Number(value) });
  const { year, month, day, hour, minute, second } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1_000) * 1_000;
}

/** A cache, because creating a format takes as long as fifty uses. There are about 600 zones. */
const formats = new Map<string, Intl.DateTimeFormat>();

function clockFormat(timeZone: string): Intl.DateTimeFormat {
  const cached = formats.get(timeZone);
  if (cached) return cached;
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
/** A larger change is no daylight saving time but a move to another zone or day. Its slots get no special treatment. */
const adjustmentMs = 3 * hourInMs;

/** A time at which a schedule fires. */
export interface CronSlot {
  readonly instant: number;
  /**
   * The wall-clock time that the pattern names. If the clock leaps over that time, it shows another one at the instant.
   */
  readonly wall: number;
}

/**
 * The slots of a pattern after an instant, ascending and without duplicates.
 *
 * The rule is that of Debian's cron (cron(8), "Notes"). When the clock changes by at most three hours, a pattern of
 * fixed times (no `*` in minute or hour) fires once for each of them: times that the clock leaps over share one slot,
 * at the first minute after the leap; times that it shows twice fire the first time. Any other pattern fires at every
 * minute at which the clock shows one of its times.
 */
export function* slotsAfter(pattern: CronPattern, timeZone: string, after: number): Generator<CronSlot> {
  for (const slot of slotsFrom(pattern, timeZone, after - adjustmentMs)) if (slot.instant > after) yield slot;
}

/** The same, but the first three hours may be wrong, because a change just before them is not taken into account. */
function* slotsFrom(pattern: CronPattern, timeZone: string, start: number): Generator<CronSlot> {
  let span = findSpan(timeZone, start);
  /** All wall-clock times up to this one are decided. */
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
      // With a day between the last slot and the change, no decided time can be repeated, so the search may jump ahead.
      const isIdle = decided - span.offset < span.until - dayMs;
      span = findSpan(timeZone, isIdle ? Math.max(span.until, wall - 2 * dayMs) : span.until);
    }
  }
}

/** Decides about the times that a clock change leaps over or repeats. `wall`: the next time of the pattern. */
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
  // If the pattern also has the minute after the leap, the slot is that of this minute.
  const isShown = nextMatch(pattern, firstMinute - 1) === firstMinute;
  return {
    slot: { instant: firstMinute - after, wall: isShown ? firstMinute : wall },
    decidedUntil: firstMinute,
  };
}

/** Ambiguous names that the JavaScript runtime accepts but that are no IANA zones. */
const abbreviations = new Set(
  "ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST".split(
    " ",
  ),
);
const offset = /^(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?$/i;

/** Why a text is no time zone. Undefined if it is one. */
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

/** For whole hours there is a zone `Etc/GMT±n`, whose sign is inverted. */
function offsetAdvice([, sign, hours, minutes = "00"]: RegExpExecArray): string {
  const zone = Number(hours) === 0 ? "UTC" : `Etc/GMT${sign === "+" ? "-" : "+"}${Number(hours)}`;
  if (Number(minutes) !== 0 || !isKnownName(zone)) return example;
  return `${example}; the same offset all year is "${zone}"`;
}

/** Whether the runtime knows a zone with this name. Offsets do not count. */
function isKnownName(timeZone: string): boolean {
  return !/^([+-]|SystemV\/)/i.test(timeZone) && hasClock(timeZone);
}

/** Whether the runtime accepts the zone. Less strict than `timeZoneProblem`, so that stored definitions stay valid. */
export function hasClock(timeZone: string): boolean {
  // Some runtimes read the empty string as the zone of the machine.
  if (timeZone === "") return false;
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone }));
  } catch {
    return false;
  }
}

/** A time zone in a workflow. */
export const TimeZoneSchema = z.string().superRefine((timeZone, context) => {
  const message = timeZoneProblem(timeZone);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});
