import * as z from "zod";
import { ScheduleSchema } from "../core/schedule.ts";
import { DropPatternSchema, fileDrop, schedule, type Trigger } from "../core/trigger.ts";
import { pathOfIssue } from "./problems.ts";

const WrittenFileDropSchema = z
  .strictObject({ fileDrop: DropPatternSchema, bucket: z.string().min(1).optional() })
  .transform(({ fileDrop: pattern, bucket }): Trigger => fileDrop(pattern, bucket ? { bucket } : {}));

const WrittenScheduleSchema = z
  .strictObject({
    schedule: ScheduleSchema.shape.cron,
    timeZone: ScheduleSchema.shape.timeZone.optional(),
    missed: ScheduleSchema.shape.missed.optional(),
  })
  .transform(
    ({ schedule: cron, timeZone, missed }): Trigger =>
      schedule(cron, { ...(timeZone !== undefined && { timeZone }), ...(missed && { missed }) }),
  );

/** A trigger as it is written in data; which one it means is told by its first word. */
export const WrittenTriggerSchema = z.unknown().transform((written, context): Trigger => {
  const isSchedule = typeof written === "object" && written !== null && "schedule" in written;
  const parsed = (isSchedule ? WrittenScheduleSchema : WrittenFileDropSchema).safeParse(written);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues)
    context.addIssue({ code: "custom", message: issue.message, path: [...pathOfIssue(issue)] });
  return z.NEVER;
});
