import { errorMessage } from "../core/errors/errors.ts";
import { type Execution, executionIdentity } from "../core/idempotency-lock.ts";
import { limits } from "../core/limits.ts";
import type { TaskLog } from "../core/records.ts";
import { fillTemplate } from "../core/template/template.ts";
import { FUNCTION_TASK_TYPE, type TaskDefinition } from "../core/workflow/definition.ts";
import type { Ports } from "./dependencies.ts";
import { type ParentParts, templateScope } from "./execute/task-invocation.ts";
import { UnitOfWork } from "./outgoing-messages.ts";
import type { PinnedBatch } from "./records/batches.ts";
import { retryTransient } from "./records/commit.ts";
import type { IdempotencyStore } from "./records/idempotency-records.ts";
import { type StepPorts, StoredSteps } from "./steps.ts";

export interface RemoteJobParts extends ParentParts, StepPorts, Ports<"broker" | "runner" | "worker"> {
  readonly records: IdempotencyStore;
}

/**
 * Stops the remote job of a fenced task, such as a job of the warehouse. Meanwhile it locks the idempotency key, so
 * that no call adopts the job. Three callers: the canceller, a worker that finds its claim fenced, and a redelivered
 * execute message, in case that worker died. A job that can't be stopped is logged and ignored, so that the batch can
 * end. True: the lock is released.
 */
export async function cancelRemoteJob(
  parts: RemoteJobParts,
  batch: PinnedBatch,
  log: TaskLog,
): Promise<boolean> {
  const task = batch.graph.tasks.get(log.taskId);
  if (!task || task.type === FUNCTION_TASK_TYPE || log.attempt === 0) return false;
  try {
    return await cancelHolding(parts, batch, task, log);
  } catch (error) {
    const { batchId, taskId } = log;
    parts.logger.error("the remote job of a cancelled task may still run", {
      batchId,
      taskId,
      error: errorMessage(error),
    });
    return false;
  }
}

async function cancelHolding(
  parts: RemoteJobParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  log: TaskLog,
): Promise<boolean> {
  const { ids, records } = parts;
  const { key } = log;
  const unit = new UnitOfWork(parts);
  const held = key === null ? undefined : await hold(parts, key, log);
  // Another call has the key, and with it the job.
  if (key !== null && !held) return false;
  try {
    await unit.durable();
    await retryTransient(parts, async () => {
      // An earlier try may have taken longer than the lease of the hold.
      if (held && !(await records.isStillHeld(held))) return;
      await cancel(parts, batch, task, executionIdentity(held, log));
    });
  } finally {
    if (held) await retryTransient(parts, () => records.releaseHold(held, ids.unique));
  }
  return held !== undefined;
}

/** Cancellers of one key wait for each other: the first to finish would release the lock that the other needs. */
async function hold(
  parts: RemoteJobParts,
  key: string,
  { batchId, taskId, attempt }: TaskLog,
): Promise<Execution | undefined> {
  const { records, ids, clock, worker } = parts;
  for (;;) {
    const outcome = await retryTransient(parts, () =>
      records.hold(key, { batchId, taskId, attempt, worker }, ids.unique),
    );
    if (outcome.kind === "held") return outcome.execution;
    if (outcome.kind === "foreign") return undefined;
    await new Promise<void>((resolve) => void clock.after(limits.lockPollSeconds.first * 1_000, resolve));
  }
}

async function cancel(
  parts: RemoteJobParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  { idempotencyKey, steps }: ReturnType<typeof executionIdentity>,
): Promise<void> {
  const { batchId, workflowId } = batch;
  await parts.runner.cancel({
    batchId,
    workflowId,
    task,
    parameters: await fillTemplate(task.with, templateScope(parts, batch, task.id)),
    idempotencyKey,
    memory: new StoredSteps(parts, steps, batchId),
  });
}
