import * as z from "zod";
import { TaskError } from "../core/errors/errors.ts";
import { FileDropped } from "../core/messages.ts";
import type { ObjectName } from "../ports/objects.ts";
import type { JobResult, JobState, WriteMode } from "../ports/warehouse.ts";
import type { CancelContext, TaskContext } from "../runtime/task-type.ts";

/** Time between two looks at a job that outlasts its worker, and how long it may take in all: BigQuery ends jobs after 6 hours. */
const lookEvery = "15s";
const longest = "24h";

/** What the warehouse knows a task's job, and this attempt at it, by. Batches that share a key number their attempts alike. */
export function jobOf(context: TaskContext): { jobId: string; attempt: string; signal: AbortSignal } {
  const { idempotencyKey, batchId, attempt, signal } = context;
  return { jobId: idempotencyKey, attempt: `${batchId}/${attempt}`, signal };
}

/**
 * The result of a job. While it runs elsewhere the task leaves the machine, and asks again from its beginning: a job
 * that is over by the first look costs no stored step.
 */
export async function resultOf(context: TaskContext, state: JobState): Promise<JobResult> {
  if (state.kind === "done") return state.result;
  const { percent } = state;
  context.log.info("the job continues in the warehouse", percent === undefined ? {} : { percent });
  return context.step.poll<JobResult>("job", { every: lookEvery, timeout: longest }, () => undefined);
}

/** Ends the job that a task has begun. */
export async function cancelJob({ services, idempotencyKey }: CancelContext): Promise<void> {
  await services.warehouse.cancel(idempotencyKey);
}

/** What the built-in tasks that fill a table give back. */
export interface TableResult {
  readonly table: string;
  /** Rows read from the file or the query. */
  readonly rows: number;
  /** Rows the table holds afterwards. */
  readonly tableRows: number;
  /** What the warehouse charges for, when it charges by the byte. */
  readonly bytesBilled?: number;
}

/** Where rows go. The warehouse checks the name of the table: here it may still be a placeholder. */
export const tableSchema = z.string().min(1);
export const modeSchema = z.enum(["append", "replace", "merge"]);
export const keySchema = z.array(z.string().min(1)).min(1);

/** For `superRefine`: a key goes with mode merge, and with no other. */
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

/** One SQL text, or one per dialect. */
export const sqlSchema = z.union([
  textSchema,
  z.strictObject({ duckdb: textSchema.optional(), bigquery: textSchema.optional() }),
]);

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
