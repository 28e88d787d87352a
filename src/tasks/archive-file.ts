import * as z from "zod";
import { ARCHIVE_FILE_TASK_TYPE } from "../core/workflow/trigger.ts";
import { taskOfType } from "../runtime/task-parameters.ts";
import type { TaskContext, TaskSpec, TaskType } from "../runtime/task-type.ts";
import { type FileParameter, FileParameterSchema, type NeededInput, resolveFile } from "./warehouse-job.ts";

export interface ArchiveFileParameters {
  /** Target folder in the same bucket, such as `archive/`. The file keeps its path below it. */
  readonly to: string;
  /** Default: the file whose drop started the workflow. */
  readonly file?: FileParameter;
}

export interface ArchiveFileResult {
  readonly bucket: string;
  readonly object: string;
  readonly generation: string;
}

const ParametersSchema = z.strictObject({
  to: z
    .string()
    .regex(/[^/]/, "`to` names a folder, such as archive/")
    .describe("Target folder in the same bucket, such as `archive/`. The file keeps its path below it"),
  file: FileParameterSchema.optional().describe("Default: the file whose drop started the workflow"),
});

export const archiveFileType: TaskType<z.infer<typeof ParametersSchema>, ArchiveFileResult> = {
  type: ARCHIVE_FILE_TASK_TYPE,
  summary: "Moves a file into another folder of its bucket",
  parameters: ParametersSchema,
  run: archive,
};

/**
 * Moves a file into a folder of its bucket, keeping its path: `sales/a.csv` becomes `archive/sales/a.csv`. It never
 * replaces other content: a taken name gets the first 8 characters of the generation (`a.1f2e3d4c.csv`).
 */
export function archiveFile<File extends FileParameter | undefined = undefined>(
  parameters: ArchiveFileParameters & { readonly file?: File },
): TaskSpec<ArchiveFileResult, ArchiveFileParameters, NeededInput<File>> {
  return taskOfType(archiveFileType, parameters);
}

async function archive(
  context: TaskContext,
  { to, file: given }: z.infer<typeof ParametersSchema>,
): Promise<ArchiveFileResult> {
  const { objects } = context.services;
  const file = resolveFile(context, given);
  const folder = `${to.replace(/\/+$/, "")}/`;
  // Otherwise a workflow whose pattern matches its own archive would archive the archived file for ever.
  const isThere = file.object.startsWith(folder);
  const { bucket, object, generation } = isThere
    ? await objects.stat(file)
    : await objects.move(file, { bucket: file.bucket, object: folder + file.object });
  if (!object.startsWith(folder))
    context.warn(`Another workflow has archived the file, as ${object}: it stays there`);
  return { bucket, object, generation };
}
