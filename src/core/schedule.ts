import { Cron } from "croner";
import * as z from "zod";
import { batchIdOf } from "./batch.ts";
import { messageOf } from "./errors.ts";
import { limits } from "./limits.ts";
import { isTimeZone } from "./time-zone.ts";

const CronSchema = z
  .string()
  .max(limits.cronCharacters)
  .superRefine((cron, context) => {
    const problem = cronProblem(cron);
    if (problem !== undefined)
      context.addIssue({ code: "custom", message: `"${cron}" is not a cron pattern: ${problem}` });
  });

const TimeZoneSchema = z.string().superRefine((timeZone, context) => {
  if (!isTimeZone(timeZone))
    context.addIssue({
      code: "custom",
      message: `"${timeZone}" is not a time zone; write one such as "Europe/Paris" or "UTC"`,
    });
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
  /** The day of the slot in the schedule's time zone, `YYYY-MM-DD`. */
  date: z.iso.date(),
});
export type Scheduled = z.infer<typeof Scheduled>;

type Slots = Pick<Schedule, "cron" | "timeZone">;

/** The slots in (after, until], in milliseconds, oldest first, at most `limit`. */
export function slotsBetween(schedule: Slots, after: number, until: number, limit: number): number[] {
  const cron = cronOf(schedule);
  const slots: number[] = [];
  for (let slot = nextOf(cron, after); slot !== undefined && slot <= until; slot = nextOf(cron, slot)) {
    if (slots.length >= limit) break;
    slots.push(slot);
  }
  return slots;
}

/** The first slot after that time. */
export function nextSlot(schedule: Slots, after: number): number | undefined {
  return nextOf(cronOf(schedule), after);
}

interface SlotDecision {
  /** To be started, oldest first. */
  readonly due: readonly number[];
  /** Everything up to here is decided, once those that are due have started. */
  readonly lastSlot: number;
  /** Whether slots are left out for good. */
  readonly skips: boolean;
}

/**
 * What is to be started now, when everything up to `lastSlot` is decided. Too much to catch up with at once stays
 * behind the new cursor, for the next time.
 */
export function decideSlots(schedule: Schedule, lastSlot: number, now: number): SlotDecision {
  const graceMs = limits.scheduleGraceSeconds * 1_000;
  const from = schedule.missed === "skip" ? Math.max(lastSlot, now - graceMs) : lastSlot;
  const due = slotsBetween(schedule, from, now, limits.catchUpSlots);
  const skips = from > lastSlot && slotsBetween(schedule, lastSlot, from, 1).length > 0;
  return { due, lastSlot: due.at(-1) ?? (skips ? from : lastSlot), skips };
}

/** The key of the batch of a slot. */
export function slotKey({ cron, timeZone }: Slots, slot: number): string {
  return `schedule ${cron} ${timeZone} ${slotText(slot)}`;
}

/** Slots are whole minutes: `2026-11-21T06:00:00Z`. */
export function slotText(slot: number): string {
  return new Date(slot).toISOString().replace(".000Z", "Z");
}

export function slotInput({ timeZone }: Pick<Schedule, "timeZone">, slot: number): Scheduled {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  });
  const parts = new Map(format.formatToParts(slot).map(({ type, value }) => [type, value]));
  return {
    scheduledAt: slotText(slot),
    date: `${parts.get("year")}-${parts.get("month")}-${parts.get("day")}`,
  };
}

/** Id of the document that remembers how far a schedule has come. */
export function scheduleIdOf(workflowId: string, { cron, timeZone }: Slots): string {
  return batchIdOf(workflowId, `schedule ${cron} ${timeZone}`);
}

/**
 * Only ever asked for times: without a function it sets no timer. On the nights when clocks change, a pattern of fixed
 * times means each once: one that the clock leaps over comes right after the leap, one that the clock shows
 * twice comes the first time. A pattern with `*` in minute or hour follows the time that really passes.
 */
function cronOf({ cron, timeZone }: Slots): Cron {
  return new Cron(cron, { timezone: timeZone, mode: "5-part", fixedTimeRule: "no-wildcard" });
}

function nextOf(cron: Cron, after: number): number | undefined {
  return cron.nextRun(new Date(after))?.getTime();
}

function cronProblem(cron: string): string | undefined {
  try {
    const parsed = cronOf({ cron, timeZone: "UTC" });
    // Croner also takes a single date.
    if (parsed.getPattern() === undefined) return "write five parts, such as 0 6 * * *";
    return nextOf(parsed, 0) === undefined ? "there is no such time in any year" : undefined;
  } catch (error) {
    return messageOf(error).replace("CronPattern: ", "");
  }
}
