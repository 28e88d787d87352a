import { BatonError } from "../../core/errors/errors.ts";
import {
  type Schedule,
  type SlotOnDay,
  slotInput,
  slotsOnDays,
  slotText,
} from "../../core/schedule/schedule.ts";
import { daySeconds, utcDay } from "../../core/values/time.ts";
import type { ItemSource, ReadItem } from "./items.ts";

const dayMs = daySeconds * 1_000;

/** A range of calendar days `YYYY-MM-DD`, including both. */
interface Days {
  readonly from: string;
  readonly to: string;
}

/** Throws `USAGE`. */
export function assertDays({ from, to }: Days): void {
  if (parseDay(from, "--from") > parseDay(to, "--to"))
    throw new BatonError("USAGE", `--from ${from} comes after --to ${to}`);
}

/** One item `{ date }` per day. */
export function dayItems({ from, to }: Days): ItemSource {
  return {
    async *read() {
      for (let time = Date.parse(from); time <= Date.parse(to); time += dayMs) {
        const date = utcDay(time);
        yield { where: date, value: { date } };
      }
    },
    async close() {},
  };
}

/** In UTC, where each day has 24 hours. */
function parseDay(text: string, option: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // Date.parse reads 2026-02-30 as a day of March.
  if (!Number.isNaN(time) && utcDay(time) === text) return time;
  throw new BatonError("USAGE", `${option} ${text} is not a day such as 2026-11-21`);
}

/** An item for each past slot in the range, with the input that the schedule would have used. Oldest first. */
export function slotItems(schedules: readonly Schedule[], { from, to }: Days, now: number): ItemSource {
  return {
    async *read() {
      for (const { schedule, instant } of mergeSlots(schedules, { from, to })) {
        if (instant > now) return;
        const name = schedules.length === 1 ? "" : ` (${schedule.cron} ${schedule.timeZone})`;
        const item: ReadItem = {
          where: `${slotText(instant)}${name}`,
          value: slotInput(schedule, instant),
          slot: { schedule, instant },
        };
        yield item;
      }
    },
    async close() {},
  };
}

/** Whether the range includes slots in the future. */
export function hasLaterSlot(schedules: readonly Schedule[], { from, to }: Days, now: number): boolean {
  // In some time zones it is still the day before.
  const yesterday = utcDay(now - daySeconds * 1_000);
  return schedules.some((schedule) => {
    for (const { instant } of slotsOnDays(schedule, from > yesterday ? from : yesterday, to))
      if (instant > now) return true;
    return false;
  });
}

/** The slots of several schedules in order of time. */
function* mergeSlots(
  schedules: readonly Schedule[],
  { from, to }: Days,
): Generator<{ readonly schedule: Schedule; readonly instant: number }> {
  const heads = schedules.map((schedule) => {
    const slots = slotsOnDays(schedule, from, to);
    return { schedule, slots, next: slots.next() };
  });
  for (;;) {
    const open = heads.filter((head) => !head.next.done);
    const first = open.toSorted(
      (one, other) => instantOrInfinity(one.next) - instantOrInfinity(other.next),
    )[0];
    if (!first || first.next.done) return;
    yield { schedule: first.schedule, instant: first.next.value.instant };
    first.next = first.slots.next();
  }
}

function instantOrInfinity(next: IteratorResult<SlotOnDay>): number {
  return next.done ? Number.POSITIVE_INFINITY : next.value.instant;
}
