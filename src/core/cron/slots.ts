import { type ClockChange, spanFrom } from "./clock.ts";
import { type CronPattern, nextMatch } from "./pattern.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** A clock that changes by more is set right, or moves to another day: nothing is made up for, nothing left out. */
const adjustmentMs = 3 * hourMs;

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
  let span = spanFrom(timeZone, start);
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
      const { slot, decidedUntil } = cross(pattern, span.change, wall);
      if (slot) yield slot;
      decided = decidedUntil;
      span = spanFrom(timeZone, span.change.at);
    } else {
      // A span in which nothing was decided is far from what its changes could show twice.
      const isIdle = decided - span.offset < span.until - dayMs;
      span = spanFrom(timeZone, isIdle ? Math.max(span.until, wall - 2 * dayMs) : span.until);
    }
  }
}

/** What becomes of the times that a change leaps over or shows twice; `wall` is the next of the pattern. */
function cross(
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
