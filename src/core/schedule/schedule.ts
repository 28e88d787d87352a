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

/** A workflow starts at the times of a cron pattern. */
export const ScheduleSchema = z.strictObject({
  type: z.literal("schedule"),
  /** Five parts (minute, hour, day of month, month, day of week), or a name such as `@daily`. */
  cron: CronSchema,
  /** The clock on whose wall the pattern is read: an IANA name. */
  timeZone: TimeZoneSchema,
  /** What becomes of slots that passed while nobody looked. */
  missed: z.enum(["skip", "catch_up"]),
});
export type Schedule = z.infer<typeof ScheduleSchema>;

/** Input of a workflow that is started by a schedule. */
export const Scheduled = z.object({
  /** The slot, ISO 8601 in UTC. However late the batch runs, this stays. */
  scheduledAt: z.iso.datetime(),
  /**
   * The day of the time that the pattern names, in the schedule's time zone, `YYYY-MM-DD`: also when the clock leaps
   * over that time and the slot comes on the next day.
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

/** The first slot after that time. */
export function nextSlot(schedule: SlotPattern, after: number): number | undefined {
  return firstSlot(schedule, after)?.instant;
}

function firstSlot({ cron, timeZone }: SlotPattern, after: number): CronSlot | undefined {
  const first = slotsAfter(parsePattern(cron), timeZone, after).next();
  return first.done ? undefined : first.value;
}

interface SlotDecision {
  /** To be started, oldest first. */
  readonly due: readonly number[];
  /** Everything up to here is decided, once those that are due have started. */
  readonly lastSlot: number;
  /** Whether slots are left out for good. */
  readonly skips: boolean;
  /** Whether the cursor has come from a clock that was ahead. */
  readonly wasAhead?: true;
}

/**
 * What is to be started now, when everything up to `lastSlot` is decided. Too much to catch up with at once stays
 * behind the new cursor, for the next time.
 */
export function decideDueSlots(schedule: Schedule, lastSlot: number, now: number): SlotDecision {
  const graceMs = limits.scheduleGraceSeconds * 1_000;
  // Slots of the time to come that have been started are not started again; all others come when it is their time.
  if (lastSlot > now + graceMs) return { due: [], lastSlot: now, skips: false, wasAhead: true };
  // What is exactly as old as the grace is on time still.
  const tooOld = now - graceMs - 1;
  const from = schedule.missed === "skip" ? Math.max(lastSlot, tooOld) : lastSlot;
  const due = slotsBetween(schedule, from, now, limits.catchUpSlots);
  const skips = from > lastSlot && slotsBetween(schedule, lastSlot, from, 1).length > 0;
  return { due, lastSlot: due.at(-1) ?? (skips ? from : lastSlot), skips };
}

const dayMs = 24 * 3_600_000;

/** A slot, and the day of the time that the pattern names. */
export interface SlotOnDay {
  readonly instant: number;
  readonly date: string;
}

/** The slots of the days from the one to the other, both included and written `YYYY-MM-DD`, oldest first. */
export function* slotsOnDays(
  { cron, timeZone }: SlotPattern,
  from: string,
  to: string,
): Generator<SlotOnDay> {
  // Wherever on Earth it is, a day begins and ends within a day of its bounds in UTC; so does a leap over its end.
  const after = Date.parse(from) - dayMs;
  const until = Date.parse(to) + 2 * dayMs;
  for (const { instant, wall } of slotsAfter(parsePattern(cron), timeZone, after)) {
    if (instant > until) return;
    const date = utcDay(wall);
    if (date >= from && date <= to) yield { instant, date };
  }
}

/** The key of the batch of a slot. */
export function slotKey({ cron, timeZone }: SlotPattern, slot: number): string {
  return `schedule ${cron} ${timeZone} ${slotText(slot)}`;
}

/** Slots are whole minutes: `2026-11-21T06:00:00Z`. */
export function slotText(slot: number): string {
  return new Date(slot).toISOString().replace(".000Z", "Z");
}

export function slotInput({ cron, timeZone }: SlotPattern, slot: number): Scheduled {
  const named = firstSlot({ cron, timeZone }, slot - 1);
  const wall = named?.instant === slot ? named.wall : slot + offsetAt(timeZone, slot);
  return { scheduledAt: slotText(slot), date: utcDay(wall) };
}

/** Id of the document that remembers how far a schedule has come. */
export function deriveScheduleId(workflowId: string, { cron, timeZone }: SlotPattern): string {
  return deriveBatchId(workflowId, `schedule ${cron} ${timeZone}`);
}
