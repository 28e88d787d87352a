import * as z from "zod";
import { matchesPattern, patternProblem } from "./drop-pattern.ts";
import { whyNoDrop } from "./drops.ts";
import { type Schedule, ScheduleSchema } from "./schedule.ts";

export const DropPatternSchema = z.string().superRefine((pattern, context) => {
  const problem = patternProblem(pattern);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

const FileDropSchema = z.strictObject({
  type: z.literal("fileDrop"),
  /** Glob over object names: `sales/*.csv`, `**` for any depth. */
  pattern: DropPatternSchema,
  /** Only this bucket; any when absent. */
  bucket: z.string().min(1).optional(),
});

/** What starts a TaskBatch by itself. */
export const TriggerSchema = z.discriminatedUnion("type", [FileDropSchema, ScheduleSchema]);
export type Trigger = z.infer<typeof TriggerSchema>;

/** A file that matches the glob has been dropped. */
export function fileDrop(pattern: string, options: { readonly bucket?: string } = {}): Trigger {
  return { type: "fileDrop", pattern, ...options };
}

export interface ScheduleOptions {
  /** IANA name of the time zone the pattern is read in. Default `"UTC"`. */
  readonly timeZone?: string;
  /**
   * What becomes of times that passed while nothing ran: `"skip"` (default) leaves them out, `"catch_up"` starts a
   * batch for each, oldest first.
   */
  readonly missed?: Schedule["missed"];
}

/** The time of a cron pattern has come: minute, hour, day of month, month, day of week. */
export function schedule(cron: string, options: ScheduleOptions = {}): Trigger {
  return { type: "schedule", cron, timeZone: options.timeZone ?? "UTC", missed: options.missed ?? "skip" };
}

export function isTriggeredBy(
  trigger: Trigger,
  dropped: { readonly bucket: string; readonly object: string },
): boolean {
  if (trigger.type !== "fileDrop" || whyNoDrop(dropped.object) !== undefined) return false;
  if (trigger.bucket !== undefined && trigger.bucket !== dropped.bucket) return false;
  return matchesPattern(trigger.pattern, dropped.object);
}
