import type { JobResult, JobState } from "../ports/warehouse.ts";
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
