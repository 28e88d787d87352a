import { errorMessage } from "../core/errors/errors.ts";
import { type Execution, executionIdentity } from "../core/execution-record.ts";
import { limits } from "../core/limits.ts";
import type { TaskLog } from "../core/records.ts";
import { fillTemplate } from "../core/template/template.ts";
import { FUNCTION_TASK_TYPE, type TaskDefinition } from "../core/workflow/definition.ts";
import type { Dependencies } from "./dependencies.ts";
import { Parents } from "./execute/task-invocation.ts";
import { UnitOfWork } from "./outgoing-messages.ts";
import type { PinnedBatch } from "./records/batches.ts";
import { retryTransient } from "./records/commit.ts";
import type { IdempotencyStore } from "./records/idempotency-records.ts";
import type { TaskLogs } from "./records/task-logs.ts";
import { StoredSteps } from "./steps.ts";

interface RemoteJobParts {
  readonly dependencies: Dependencies;
  readonly logs: TaskLogs;
  readonly records: IdempotencyStore;
}

/**
 * Ends what a fenced task has started elsewhere, such as a job of the warehouse, and holds its key meanwhile: a call of the
 * same key that came then would take the very same job up. Called by whoever cancels, by the worker that finds its claim gone,
 * and by every message that was to run the task: it comes again when that worker has died. What can't be ended is told of
 * and left alone: the batch has to end. True: it has given the lock back.
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
    parts.dependencies.logger.error("what a cancelled task has started elsewhere may go on", {
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
  const { dependencies, records } = parts;
  const { ids } = dependencies;
  const { key } = log;
  const unit = new UnitOfWork(dependencies);
  const held = key === null ? undefined : await hold(parts, key, log);
  // Its work is another call's by now.
  if (key !== null && !held) return false;
  try {
    await unit.durable();
    await retryTransient(dependencies, async () => {
      // An earlier try may have taken longer than the hold.
      if (held && !(await records.isStillHeld(held))) return;

      await cancel(parts, batch, task, executionIdentity(held, log));
    });
  } finally {
    if (held) await retryTransient(dependencies, () => records.releaseHold(held, ids.unique));
  }
  return held !== undefined;
}

/** One after the other: whoever is done first would give back what the other still needs. */
async function hold(
  { dependencies, records }: RemoteJobParts,
  key: string,
  { batchId, taskId, attempt }: TaskLog,
): Promise<Execution | undefined> {
  const { ids, clock, worker } = dependencies;
  for (;;) {
    const outcome = await retryTransient(dependencies, () =>
      records.hold(key, { batchId, taskId, attempt, worker }, ids.unique),
    );
    if (outcome.kind === "held") return outcome.execution;
    if (outcome.kind === "foreign") return undefined;
    await new Promise<void>((resolve) => void clock.after(limits.lockPollSeconds.first * 1_000, resolve));
  }
}

async function cancel(
  { dependencies, logs }: RemoteJobParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  { idempotencyKey, steps }: ReturnType<typeof executionIdentity>,
): Promise<void> {
  const { batchId } = batch;
  const scope = new Parents(dependencies, logs).templateScope(batch, task.id);
  await dependencies.runner.cancel({
    batchId,
    task,
    parameters: await fillTemplate(task.with, scope),
    idempotencyKey,
    memory: new StoredSteps(dependencies, steps, batchId),
  });
}
