import * as z from "zod";
import { TaskError } from "../core/errors.ts";
import { FileDropped } from "../core/messages.ts";
import type { ObjectName } from "../ports/objects.ts";

const FileSchema = z.object({
  bucket: z.string().min(1),
  object: z.string().min(1),
  /** When given, the file must still have exactly this content. */
  generation: z.string().min(1).optional(),
});

/**
 * A file that a task is told to work on, or a placeholder such as `{{ parents.archive }}` that becomes one.
 * Fields beyond the name are ignored, so that the result of another task can be passed on.
 */
export const FileParameterSchema = z.union([
  FileSchema,
  z
    .string()
    .regex(/^\s*\{\{[^{}]*\}\}\s*$/, "a file is { bucket, object, generation? } or a placeholder for it"),
]);
export type FileParameter = z.infer<typeof FileParameterSchema>;

/**
 * The file a task works on: the one its parameters name, else the one whose drop started the workflow.
 * Throws a TaskError, `INPUT_INVALID`, not retryable, when there is neither.
 */
export function fileOf(
  context: { readonly input: unknown; readonly taskId: string },
  file: FileParameter | undefined,
): ObjectName {
  if (typeof file === "object") return nameOf(file);
  const dropped = FileDropped.safeParse(context.input);
  if (dropped.success && file === undefined) return nameOf(dropped.data);
  throw new TaskError(
    `Task "${context.taskId}" has no file to work on: the workflow's input is not { bucket, object, generation }, ` +
      "and the task's parameters have no `file`",
    { code: "INPUT_INVALID", retryable: false },
  );
}

function nameOf({ bucket, object, generation }: z.infer<typeof FileSchema>): ObjectName {
  return generation === undefined ? { bucket, object } : { bucket, object, generation };
}
