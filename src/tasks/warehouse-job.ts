import * as z from "zod";
import { TaskError } from "../core/errors/errors.ts";
import { FileDropped } from "../core/messages.ts";
import type { ObjectName } from "../ports/objects.ts";
import type { JobResult, JobState, WriteMode } from "../ports/warehouse.ts";
import type { CancelContext, TaskContext } from "../runtime/task-type.ts";

/** Time between two polls of a job that outlasts its worker, and its longest time: BigQuery ends jobs after 6 hours. */
const pollInterval = "15s";
const longestJob = "24h";

/** The id of a task's job, and of this attempt, in the warehouse. Batches with the same key number attempts alike. */
export function jobName(context: TaskContext): { jobId: string; attempt: string; signal: AbortSignal } {
  const { idempotencyKey, batchId, attempt, signal } = context;
  return { jobId: idempotencyKey, attempt: `${batchId}/${attempt}`, signal };
}

/**
 * The result of a job. While the job runs, the task is parked and later polls from its start. A job that has ended
 * by the first poll stores no step.
 */
export async function awaitResult(context: TaskContext, state: JobState): Promise<JobResult> {
  if (state.kind === "done") return state.result;
  const { percent } = state;
  context.log.info("the job continues in the warehouse", percent === undefined ? {} : { percent });
  return context.step.poll<JobResult>("job", { every: pollInterval, timeout: longestJob }, () => undefined);
}

/** Cancels the job that a task has started. */
export async function cancelJob({ services, idempotencyKey }: CancelContext): Promise<void> {
  await services.warehouse.cancel(idempotencyKey);
}

/** The result of the built-in tasks that fill a table. */
export interface TableResult {
  readonly table: string;
  /** Rows read from the file or the query. */
  readonly rows: number;
  /** Rows the table holds afterwards. */
  readonly tableRows: number;
  /** Billed bytes, if the warehouse charges by the byte. */
  readonly bytesBilled?: number;
}

/** The target table. The warehouse checks its name, which may still be a placeholder here. */
export const tableSchema = z.string().min(1);
export const modeSchema = z.enum(["append", "replace", "merge"]);
export const keySchema = z.array(z.string().min(1)).min(1);

/** For `superRefine`: mode merge needs a key, and no other mode has one. */
export function checkKey(
  parameters: { readonly mode: WriteMode; readonly key?: readonly string[] | undefined },
  context: z.RefinementCtx,
): void {
  if (parameters.mode === "merge" && !parameters.key)
    context.addIssue({ code: "custom", path: ["key"], message: "mode merge needs the columns of its key" });
  if (parameters.mode !== "merge" && parameters.key)
    context.addIssue({ code: "custom", path: ["key"], message: "only mode merge has a key" });
}

const textSchema = z.string().min(1);

/** One SQL text, one per dialect, or one in GoogleSQL. */
export const sqlSchema = z.union(
  [
    textSchema,
    z.strictObject({ googlesql: textSchema }),
    z.strictObject({ duckdb: textSchema.optional(), bigquery: textSchema.optional() }),
  ],
  { error: "one text, or { googlesql: text }, or { duckdb: text, bigquery: text }" },
);

const FileSchema = z.object({
  bucket: z.string().min(1),
  object: z.string().min(1),
  /** When given, the file must still have exactly this content. */
  generation: z.string().min(1).optional(),
});

/**
 * The file that a task is given, or a placeholder such as `{{ parents.archive }}` that becomes one.
 * Fields beyond the name are ignored, so that the result of another task can be passed on.
 */
export const FileParameterSchema = z.union([
  FileSchema,
  z
    .string()
    .regex(/^\s*\{\{[^{}]*\}\}\s*$/, "a file is { bucket, object, generation? } or a placeholder for it"),
]);
export type FileParameter = z.infer<typeof FileParameterSchema>;

/** What the input of the workflow has to be: without a `file` it is the drop. */
export type NeededInput<File> = undefined extends File ? FileDropped : unknown;

/**
 * The file a task works on: the one its parameters name, else the one whose drop started the workflow.
 * Throws a TaskError, `INPUT_INVALID`, not retryable, when there is neither.
 */
export function resolveFile(
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
