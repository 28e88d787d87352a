import * as z from "zod";
import { deriveBatchId } from "../batch.ts";
import { limits } from "../limits.ts";
import { utcDay } from "../values/time.ts";
import { parsePattern, patternProblem } from "./pattern.ts";
import { type CronSlot, offsetAt, slotsAfter, TimeZoneSchema } from "./slots.ts";

const CronSchema = z
  .string()
  .max(limits.cronCharacters)
  .superRefine((cron, context) => {
    const problem = patternProblem(cron);
    if (problem !== undefined)
      context.addIssue({ code: "custom", message: `"${cron}" is not a cron pattern: ${problem}` });
  });

/** A trigger that starts batches at the times of a cron pattern. */
export const ScheduleSchema = z.strictObject({
  type: z.literal("schedule"),
  /** Five parts (minute, hour, day of month, month, day of week), or a name such as `@daily`. */
  cron: CronSchema,
  /** IANA name of the time zone of the pattern. */
  timeZone: TimeZoneSchema,
  /** What happens for slots that passed while no tick came. */
  missed: z.enum(["skip", "catch_up"]),
});
export type Schedule = z.infer<typeof ScheduleSchema>;

/** Input of a batch that a schedule starts. */
export const Scheduled = z.object({
  /** The slot, ISO 8601 in UTC, however late the batch starts. */
  scheduledAt: z.iso.datetime(),
  /**
   * The day of the pattern's time in the schedule's time zone, `YYYY-MM-DD`. If the clock leaps over that time, the
   * slot may be on the next day; this is the earlier day.
   */
  date: z.iso.date(),
});
export type Scheduled = z.infer<typeof Scheduled>;

type SlotPattern = Pick<Schedule, "cron" | "timeZone">;

/** The slots in (after, until], in milliseconds, oldest first, at most `limit`. */
export function slotsBetween(schedule: SlotPattern, after: number, until: number, limit: number): number[] {
  const slots: number[] = [];
  for (const { instant } of slotsAfter(parsePattern(schedule.cron), schedule.timeZone, after)) {
    if (instant > until || slots.length >= limit) break;
    slots.push(instant);
  }
  return slots;
}

export function nextSlot(schedule: SlotPattern, after: number): number | undefined {
  return firstSlot(schedule, after)?.instant;
}

function firstSlot({ cron, timeZone }: SlotPattern, after: number): CronSlot | undefined {
  const first = slotsAfter(parsePattern(cron), timeZone, after).next();
  return first.done ? undefined : first.value;
}

interface SlotDecision {
  /** The slots to start, oldest first. */
  readonly due: readonly number[];
  /** The new cursor, once the due slots have started. */
  readonly lastSlot: number;
  /** Whether slots are skipped. */
  readonly skips: boolean;
  /** Whether the cursor is in the future, because a clock was ahead. */
  readonly wasAhead?: true;
}

/**
 * The slots after `lastSlot` that are due now. Slots beyond `limits.catchUpSlots` stay after the new cursor, for the
 * next tick.
 */
export function decideDueSlots(schedule: Schedule, lastSlot: number, now: number): SlotDecision {
  const graceMs = limits.scheduleGraceSeconds * 1_000;
  // The cursor moves back to now. Future slots that were started already have their batch, so they do not start again.
  if (lastSlot > now + graceMs) return { due: [], lastSlot: now, skips: false, wasAhead: true };
  // A slot that is exactly as old as the grace period is still on time.
  const tooOld = now - graceMs - 1;
  const from = schedule.missed === "skip" ? Math.max(lastSlot, tooOld) : lastSlot;
  const due = slotsBetween(schedule, from, now, limits.catchUpSlots);
  const skips = from > lastSlot && slotsBetween(schedule, lastSlot, from, 1).length > 0;
  return { due, lastSlot: due.at(-1) ?? (skips ? from : lastSlot), skips };
}

const dayMs = 24 * 3_600_000;

/** A slot with the day of the pattern's time. */
export interface SlotOnDay {
  readonly instant: number;
  readonly date: string;
}

/** The slots of the days from `from` to `to`, both `YYYY-MM-DD` and included, oldest first. */
export function* slotsOnDays(
  { cron, timeZone }: SlotPattern,
  from: string,
  to: string,
): Generator<SlotOnDay> {
  // In every time zone a day starts and ends within a day of its UTC bounds, also with a leap at its end.
  const after = Date.parse(from) - dayMs;
  const until = Date.parse(to) + 2 * dayMs;
  for (const { instant, wall } of slotsAfter(parsePattern(cron), timeZone, after)) {
    if (instant > until) return;
    const date = utcDay(wall);
    if (date >= from && date <= to) yield { instant, date };
  }
}

/** The start key of the batch of a slot. */
export function slotKey({ cron, timeZone }: SlotPattern, slot: number): string {
  return `schedule ${cron} ${timeZone} ${slotText(slot)}`;
}

/** ISO 8601 without milliseconds: slots are whole minutes. */
export function slotText(slot: number): string {
  return new Date(slot).toISOString().replace(".000Z", "Z");
}

export function slotInput({ cron, timeZone }: SlotPattern, slot: number): Scheduled {
  const first = firstSlot({ cron, timeZone }, slot - 1);
  const wall = first?.instant === slot ? first.wall : slot + offsetAt(timeZone, slot);
  return { scheduledAt: slotText(slot), date: utcDay(wall) };
}

/** Id of the document with the cursor of a schedule. */
export function deriveScheduleId(workflowId: string, { cron, timeZone }: SlotPattern): string {
  return deriveBatchId(workflowId, `schedule ${cron} ${timeZone}`);
}
