import { type DatedSlot, type Schedule, slotInput, slotsOfDays, slotText } from "../../core/schedule.ts";
import { dayOf, daySeconds } from "../../core/time.ts";
import type { Days } from "./days.ts";
import type { ItemSource, ReadItem } from "./items.ts";

/**
 * One item for every slot of these schedules whose day is in the range, up to now: what the schedules would have
 * started, with the same input. Oldest first.
 */
export function slotItems(schedules: readonly Schedule[], { from, to }: Days, now: number): ItemSource {
  return {
    async *read() {
      for (const { schedule, instant } of inOrder(schedules, { from, to })) {
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

/** Whether the range holds slots whose time has not come. */
export function hasLaterSlot(schedules: readonly Schedule[], { from, to }: Days, now: number): boolean {
  // Somewhere it is still the day before.
  const yesterday = dayOf(now - daySeconds * 1_000);
  return schedules.some((schedule) => {
    for (const { instant } of slotsOfDays(schedule, from > yesterday ? from : yesterday, to))
      if (instant > now) return true;
    return false;
  });
}

/** The slots of several schedules, merged. */
function* inOrder(
  schedules: readonly Schedule[],
  { from, to }: Days,
): Generator<{ readonly schedule: Schedule; readonly instant: number }> {
  const heads = schedules.map((schedule) => {
    const slots = slotsOfDays(schedule, from, to);
    return { schedule, slots, next: slots.next() };
  });
  for (;;) {
    const open = heads.filter((head) => !head.next.done);
    const first = open.toSorted((one, other) => instantOf(one.next) - instantOf(other.next))[0];
    if (!first || first.next.done) return;
    yield { schedule: first.schedule, instant: first.next.value.instant };
    first.next = first.slots.next();
  }
}

function instantOf(next: IteratorResult<DatedSlot>): number {
  return next.done ? Number.POSITIVE_INFINITY : next.value.instant;
}
