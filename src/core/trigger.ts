import picomatch from "picomatch";
import * as z from "zod";

/** What starts a TaskBatch by itself. */
export const TriggerSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("fileDrop"),
    /** Glob over object names: `sales/*.csv`, `**` for any depth. */
    pattern: z.string().min(1),
    /** Only this bucket; any when absent. */
    bucket: z.string().min(1).optional(),
  }),
]);
export type Trigger = z.infer<typeof TriggerSchema>;

/** A file that matches the glob has been dropped. */
export function fileDrop(pattern: string, options: { readonly bucket?: string } = {}): Trigger {
  return { type: "fileDrop", pattern, ...options };
}

export function isTriggeredBy(
  trigger: Trigger,
  dropped: { readonly bucket: string; readonly object: string },
): boolean {
  if (trigger.bucket !== undefined && trigger.bucket !== dropped.bucket) return false;
  return picomatch.isMatch(dropped.object, trigger.pattern);
}
