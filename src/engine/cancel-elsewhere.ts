import { FUNCTION_TASK_TYPE } from "../core/definition.ts";
import { messageOf } from "../core/errors.ts";
import { type Execution, identityOf } from "../core/execution.ts";
import type { TaskLog } from "../core/records.ts";
import { fillTemplate } from "../core/template.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import { type ExecutionRecords, isHeldBy } from "./execution-records.ts";
import { insist } from "./insist.ts";
import { Parents } from "./parents.ts";
import { StoredSteps } from "./step-memory.ts";
import type { TaskLogs } from "./task-logs.ts";

interface Parts {
  readonly dependencies: Dependencies;
  readonly logs: TaskLogs;
  readonly records: ExecutionRecords;
}

/**
 * Ends what a fenced task has started elsewhere, such as a job of the warehouse. Called before its lock is given back: a
 * call of the same key that comes then may take the very same job up. Called again by the worker that finds its claim gone,
 * and by every message that was to run the task: it comes again when that worker has died. What can't be ended is told of
 * and left alone: the batch has to end.
 */
export async function cancelElsewhere(parts: Parts, batch: PinnedBatch, log: TaskLog): Promise<void> {
  const task = batch.graph.tasks.get(log.taskId);
  if (!task || task.type === FUNCTION_TASK_TYPE || log.attempt === 0) return;
  try {
    await insist(parts.dependencies, () => cancel(parts, batch, log));
  } catch (error) {
    const { batchId, taskId } = log;
    parts.dependencies.logger.error("what a cancelled task has started elsewhere may go on", {
      batchId,
      taskId,
      error: messageOf(error),
    });
  }
}

/** The task has the lock, or has given it back and nobody has it. */
function isOurs(execution: Execution, log: TaskLog): boolean {
  return execution.state === "FREE" || isHeldBy(execution, log);
}

async function cancel(
  { dependencies, logs, records }: Parts,
  batch: PinnedBatch,
  log: TaskLog,
): Promise<void> {
  const { batchId, taskId } = log;
  const task = batch.graph.tasks.get(taskId);
  const record = log.key === null ? undefined : await records.read(log.key);
  // The work of a key may be another call's by now.
  if (!task || (log.key !== null && !(record && isOurs(record.execution, log)))) return;
  const scope = new Parents(dependencies, logs).templateScope(batch, taskId);
  const { idempotencyKey, steps } = identityOf(record?.execution, log);
  await dependencies.runner.cancel({
    batchId,
    task,
    parameters: await fillTemplate(task.with, scope),
    idempotencyKey,
    memory: new StoredSteps(dependencies, steps, batchId),
  });
}
