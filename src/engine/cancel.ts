import { errorMessage } from "../core/errors/errors.ts";
import { type Execution, executionIdentity } from "../core/execution-record.ts";
import { limits } from "../core/limits.ts";
import { isTerminal, type TaskLog } from "../core/records.ts";
import { terminalLogWithoutRun } from "../core/settlement.ts";
import { fillTemplate } from "../core/template/template.ts";
import { FUNCTION_TASK_TYPE, type TaskDefinition } from "../core/workflow/definition.ts";
import { type Dependencies, retryTransient } from "./dependencies.ts";
import { Parents } from "./execute/attempt.ts";
import { finalizeBatch } from "./fan-out.ts";
import type { Batches, PinnedBatch } from "./records/batches.ts";
import { withBoundedConcurrency } from "./records/bulk.ts";
import { IdempotencyStore } from "./records/executions.ts";
import { commitEachIdempotent, type NoncedWrite } from "./records/nonced-commit.ts";
import { logKey, type StoredLog, type TaskLogs } from "./records/task-logs.ts";
import { StoredSteps } from "./steps.ts";
import { durably, UnitOfWork } from "./unit-of-work.ts";

interface Parts {
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
export async function cancelRemoteJob(parts: Parts, batch: PinnedBatch, log: TaskLog): Promise<boolean> {
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
  parts: Parts,
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
  { dependencies, records }: Parts,
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
  { dependencies, logs }: Parts,
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

/**
 * Cancels a batch: every task without a log gets a CANCELLED one, every unfinished one is fenced. When it returns,
 * no claim can succeed. A batch that has ended stays as it is. Throws `BATCH_UNKNOWN`.
 */
export async function cancelBatch(
  dependencies: Dependencies,
  batches: Batches,
  logs: TaskLogs,
  batchId: string,
): Promise<void> {
  await durably(dependencies.store, () => cancelNow(dependencies, batches, logs, batchId));
}

async function cancelNow(
  dependencies: Dependencies,
  batches: Batches,
  logs: TaskLogs,
  batchId: string,
): Promise<void> {
  const batch = await batches.update(batchId, dependencies.ids.unique, async (current) =>
    current.status === "RUNNING" && !current.cancelRequested ? { cancelRequested: true } : undefined,
  );
  if (batch.status !== "RUNNING") return;
  const pinned = await batches.pinned(batchId);
  let pending = [...pinned.graph.tasks.keys()];
  // mutation: cancel-repeats-what-changed-meanwhile
  while (pending.length > 0) pending = await cancelTasks(dependencies, logs, pinned, pending);
  await finalizeBatch(dependencies, batches, batchId, { byCancel: true });
}

/** Gives the tasks that changed under its hands and have to be looked at again. */
async function cancelTasks(
  dependencies: Dependencies,
  logs: TaskLogs,
  batch: PinnedBatch,
  taskIds: readonly string[],
): Promise<string[]> {
  const records = new IdempotencyStore(dependencies.store);
  const found = await logs.readStates(batch.batchId);
  const open = taskIds.filter((taskId) => {
    const log = found.get(taskId)?.log;
    // mutation: cancel-includes-tasks-without-a-log
    return !log || !isTerminal(log.status);
  });
  // Whoever cancelled these may have died before it ended what they had begun, and gave their locks back.
  const ended = [...found.values()].filter(({ log }) => log.status === "CANCELLED");
  const letGo = async (log: TaskLog) => {
    const isGivenBack = await cancelRemoteJob({ dependencies, logs, records }, batch, log);
    // mutation: cancel-frees-locks
    if (!isGivenBack) await records.release(log, dependencies.ids.unique);
  };
  await withBoundedConcurrency(ended, ({ log }) => letGo(log));
  const lost: string[] = [];
  for (let first = 0; first < open.length; first += limits.writesPerCommit) {
    const chunk = open.slice(first, first + limits.writesPerCommit);
    const writes = chunk.map((taskId) => cancelWrite(dependencies, batch, taskId, found.get(taskId)));
    const outcomes = await commitEachIdempotent(dependencies.store, writes);
    const wasLost = (index: number) => outcomes[index]?.kind === "lost";
    lost.push(...chunk.filter((_, index) => wasLost(index)));
    const cancelled = chunk.flatMap((taskId, index) =>
      wasLost(index) ? [] : (found.get(taskId)?.log ?? []),
    );
    await withBoundedConcurrency(cancelled, letGo);
  }
  return lost;
}

function cancelWrite(
  { ids, clock }: Dependencies,
  batch: PinnedBatch,
  taskId: string,
  found: StoredLog | undefined,
): NoncedWrite {
  const key = logKey(batch.batchId, taskId);
  const cancelled = terminalLogWithoutRun(
    batch.graph,
    { batchId: batch.batchId, taskId },
    { status: "CANCELLED", reason: "cancelled" },
    { nonce: ids.unique(), now: clock.now() },
  );
  if (!found) return { kind: "create", key, data: cancelled };
  const { attempt, resumes, failures, lostLeases, startedAt, error, key: callKey } = found.log;
  const data = {
    ...cancelled,
    attempt,
    resumes,
    failures,
    lostLeases,
    startedAt,
    error,
    key: callKey,
  };
  return { kind: "update", key, version: found.version, data };
}
