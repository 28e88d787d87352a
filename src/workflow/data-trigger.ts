import * as z from "zod";
import { nearestName } from "../core/nearest-name.ts";
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

const schemas = new Map<string, z.ZodType<Trigger>>([
  ["fileDrop", WrittenFileDropSchema],
  ["schedule", WrittenScheduleSchema],
]);

/** A trigger as it is written in data; which one it means is told by its first word. */
export const WrittenTriggerSchema = z
  .record(z.string(), z.unknown())
  .transform((written, context): Trigger => {
    const kind = [...schemas.keys()].find((name) => Object.hasOwn(written, name));
    const parsed = schemas.get(kind ?? "")?.safeParse(written);
    if (!parsed) context.addIssue({ code: "custom", message: kindProblem(Object.keys(written)) });
    if (parsed?.success) return parsed.data;
    for (const issue of parsed?.error.issues ?? [])
      context.addIssue({ code: "custom", message: issue.message, path: [...pathOfIssue(issue)] });
    return z.NEVER;
  });

function kindProblem(names: readonly string[]): string {
  const meant = names.flatMap((name) => nearestName(name, schemas.keys()) ?? []);
  const remedy = meant.length > 0 ? `did you mean ${meant[0]}?` : `it has ${names.join(", ") || "nothing"}`;
  return `a trigger has either \`fileDrop\` or \`schedule\`; ${remedy}`;
}
