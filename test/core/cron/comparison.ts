import { parsePattern } from "../../../src/core/schedule/pattern.ts";
import { slotsAfter } from "../../../src/core/schedule/slots.ts";
import { type Reading, readingsOf, slotsAmong } from "./oracle.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Patterns as people write them: fixed times, times that follow one another, and what lies between. */
export const commonPatterns = [
  "* * * * *",
  "*/5 * * * *",
  "*/15 * * * *",
  "0 * * * *",
  "30 * * * *",
  "0 */2 * * *",
  "15 */3 * * *",
  "* 2 * * *",
  "*/10 0-3 * * *",
  "*/20 23 * * *",
  "0 0 * * *",
  "1 0 * * *",
  "30 0 * * *",
  "59 23 * * *",
  "55 23 * * *",
  "0 1 * * *",
  "30 1 * * *",
  "0 2 * * *",
  "30 2 * * *",
  "0 3 * * *",
  "30 3 * * *",
  "0 6 * * *",
  "0 12 * * *",
  "15,45 1-3 * * *",
  "0,30 0-23 * * *",
  "0-59 0-23 * * *",
  "23 0-20/2 * * *",
  "0 0-23/2 * * *",
  "0-30/10 2 * * *",
  "5,25 22,23,0,1,2,3 * * *",
  "0 0,23 * * *",
  "59 0,23 * * *",
  "0 2,14 * * *",
  "0 6 * * 1-5",
  "30 2 * * SUN",
  "59 23 * * SAT",
  "0 0 * * 0",
  "0 0 1 * *",
  "30 23 28-31 * *",
  "30 2 1-7 * SUN",
  "30 0 * 3,4,9,10 *",
  "30 2 */2 * *",
] as const;

/** Where the slots of a pattern differ from what the walk over every minute says. */
export interface Difference {
  readonly timeZone: string;
  readonly cron: string;
  readonly expected: readonly string[];
  readonly found: readonly string[];
}

interface Stretch {
  readonly from: number;
  readonly until: number;
}

/** The changes of a zone's clock, to the minute, found by reading it every quarter of an hour. */
function changesOf(timeZone: string, from: number, until: number): number[] {
  const stepMs = 15 * minuteMs;
  const changes: number[] = [];
  let before: Reading | undefined;
  // A day at a time, so that whole decades need no memory.
  for (let day = from; day < until; day += dayMs)
    for (const reading of readingsOf(timeZone, day, Math.min(day + dayMs, until), stepMs)) {
      if (before && reading.shown - before.shown !== stepMs)
        changes.push(minuteOfChange(timeZone, before, reading));
      before = reading;
    }
  return changes;
}

function minuteOfChange(timeZone: string, before: Reading, after: Reading): number {
  const readings = readingsOf(timeZone, before.instant, after.instant + minuteMs);
  const changed = readings.find(({ instant, shown }) => shown - instant !== before.shown - before.instant);
  return changed?.instant ?? after.instant;
}

/** Patterns of fixed times at and around what a change leaps over or shows twice. */
function patternsAround(timeZone: string, change: number): string[] {
  const shown = [-1, 0].flatMap((minute) =>
    readingsOf(timeZone, change + minute * minuteMs, change + minute * minuteMs + 1),
  );
  const times = shown.flatMap((reading) =>
    [-61, -31, -2, -1, 0, 1, 30, 59].map((minutes) => new Date(reading.shown + minutes * minuteMs)),
  );
  return [...new Set(times.map((time) => `${time.getUTCMinutes()} ${time.getUTCHours()} * * *`))];
}

/** Compares all patterns in a stretch around each change of a zone; gives the differences and how much was compared. */
export function compareZone(
  timeZone: string,
  { from, until }: Stretch,
  patterns: readonly string[] = commonPatterns,
): { readonly differences: Difference[]; readonly changes: number; readonly slots: number } {
  const changes = changesOf(timeZone, from, until);
  const differences: Difference[] = [];
  let slots = 0;
  // A zone whose clock never changes is compared too.
  for (const change of changes.length > 0 ? changes : [from + 2 * dayMs]) {
    const stretch = { from: change - 30 * hourMs, until: change + 42 * hourMs };
    const readings = readingsOf(timeZone, stretch.from, stretch.until);
    for (const cron of new Set([...patterns, ...patternsAround(timeZone, change)])) {
      // The first hours hang on what the clock showed before the stretch.
      const begin = stretch.from + 4 * hourMs;
      const expected = slotsAmong(cron, readings).filter((slot) => slot > begin);
      const found = slotsIn(cron, timeZone, { from: begin, until: stretch.until });
      slots += expected.length;
      if (expected.join() !== found.join())
        differences.push({ timeZone, cron, expected: texts(expected), found: texts(found) });
    }
  }
  return { differences, changes: changes.length, slots };
}

function slotsIn(cron: string, timeZone: string, { from, until }: Stretch): number[] {
  const slots: number[] = [];
  for (const { instant } of slotsAfter(parsePattern(cron), timeZone, from)) {
    if (instant >= until) break;
    slots.push(instant);
  }
  return slots;
}

function texts(slots: readonly number[]): string[] {
  return slots.map((slot) => new Date(slot).toISOString());
}
