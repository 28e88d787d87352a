import { type BadEndings, batchEnd, maySkipWithoutFailure } from "../core/batch.ts";
import { limits } from "../core/limits.ts";
import { CONTROL_QUEUE } from "../core/messages.ts";
import { isTerminal, type TaskBatch, type TaskLog } from "../core/records.ts";
import { batchToken, terminalLogWithoutRun } from "../core/settlement.ts";
import type { Graph } from "../core/workflow/graph.ts";
import { cancelRemoteJob, type RemoteJobParts } from "./cancel-remote-job.ts";
import type { Ports } from "./dependencies.ts";
import { UnitOfWork } from "./outgoing-messages.ts";
import type { Batches, PinnedBatch } from "./records/batches.ts";
import { withBoundedConcurrency } from "./records/bulk.ts";
import { commitEachIdempotent, durably, type NoncedWrite } from "./records/commit.ts";
import { Records, recordKinds } from "./records/records.ts";
import { logKey, type StoredLog } from "./records/task-logs.ts";

type FinalizeParts = Ports<"store" | "ids" | "clock" | "logger"> & { readonly batches: Batches };
export type CancelParts = FinalizeParts & RemoteJobParts;

/**
 * Executes `$end`: all tasks of the batch have ended, and its status follows from their logs. If a cancel was
 * requested, it is continued first: its canceller may have died before it released the locks of all tasks.
 */
export async function endBatch(parts: CancelParts, pinned: PinnedBatch): Promise<void> {
  const { batches } = parts;
  const { batchId } = pinned;
  const batch = await finalizeBatch(parts, pinned, { byCancel: false });
  if (batch.status === "RUNNING") await cancelBatch(parts, batchId);
  // A late message reads it again.
  batches.unpin(batchId);
}

/**
 * Cancels a batch: every task without a log gets a CANCELLED one, every unfinished one is fenced. When this returns, no
 * claim can succeed. A batch that has ended does not change. Throws `BATCH_UNKNOWN`.
 */
export async function cancelBatch(parts: CancelParts, batchId: string): Promise<void> {
  await durably(parts.store, async () => {
    const batch = await markCancelRequested(parts, batchId);
    if (batch.status !== "RUNNING") return;
    const pinned = await parts.batches.pinned(batchId);
    let pending = [...pinned.graph.tasks.keys()];
    // mutation: cancel-repeats-what-changed-meanwhile
    while (pending.length > 0) pending = await cancelTasks(parts, pinned, pending);
    await finalizeBatch(parts, pinned, { byCancel: true });
  });
}

/**
 * Leaves the cancel to a worker: the process that asks may lack the permissions to cancel remote jobs. Throws
 * `BATCH_UNKNOWN`.
 */
export async function requestCancel(
  parts: Ports<"store" | "broker" | "ids"> & { readonly batches: Batches },
  batchId: string,
): Promise<void> {
  const unit = new UnitOfWork(parts);
  const batch = await markCancelRequested(parts, batchId);
  if (batch.status === "RUNNING")
    await unit.publish([{ queue: CONTROL_QUEUE, message: { kind: "redrive", batchId } }]);
}

function markCancelRequested(
  { ids, batches }: Ports<"ids"> & { readonly batches: Batches },
  batchId: string,
): Promise<TaskBatch> {
  return batches.update(batchId, ids.unique, async ({ status, cancelRequested }) =>
    status === "RUNNING" && !cancelRequested ? { cancelRequested: true } : undefined,
  );
}

/** Stores the status of the batch. A batch with a requested cancel is left to its canceller (`byCancel`). */
async function finalizeBatch(
  parts: FinalizeParts,
  { batchId, graph }: PinnedBatch,
  { byCancel }: { readonly byCancel: boolean },
): Promise<TaskBatch> {
  const { ids, clock, logger, batches } = parts;
  return batches.update(batchId, ids.unique, async (batch) => {
    // mutation: requested-cancel-comes-before-the-end
    if (batch.status !== "RUNNING" || (batch.cancelRequested && !byCancel)) return undefined;
    const bad = await countBadEndings(parts, batch, graph);
    const failures = bad.ERROR > 0 ? await someFailures(parts, batchId) : [];
    const end = batchEnd(batch, graph.tasks.size, bad, failures, clock.now());
    const { workflowId } = batch;
    logger.info("batch ended", { batchId, workflowId, status: end.status });
    // A second line: alerts count it also where only warnings are logged.
    if (end.status === "ERROR") logger.warn("batch failed", { batchId, workflowId });
    return end;
  });
}

/**
 * Skips and cancels are counted only where there may be any: each count is billed as a read. No task is cancelled
 * before the cancel of its batch is requested.
 */
async function countBadEndings(
  { store }: Ports<"store">,
  batch: TaskBatch,
  graph: Graph,
): Promise<BadEndings> {
  const { batchId, cancelRequested } = batch;
  const count = (status: keyof BadEndings) =>
    store.count("taskLogs", { field: "arrivals", equals: batchToken(batchId, status) });
  const [failed, cancelled] = await Promise.all([count("ERROR"), cancelRequested ? count("CANCELLED") : 0]);
  const maySkip = failed + cancelled > 0 || maySkipWithoutFailure(batch, graph.tasks.values());
  return { ERROR: failed, CANCELLED: cancelled, SKIPPED: maySkip ? await count("SKIPPED") : 0 };
}

async function someFailures({ store }: Ports<"store">, batchId: string): Promise<TaskLog[]> {
  const failed = [{ field: "arrivals", equals: batchToken(batchId, "ERROR") }];
  const records = new Records(store, recordKinds.taskLog);
  for await (const page of records.pages(failed, limits.comparedFailures))
    return page.map(({ data }) => data);
  return [];
}

/**
 * Cancels the pending tasks, page by page: the logs of a batch may be larger than the memory. Returns the tasks whose
 * logs were written meanwhile; they have to be cancelled again.
 */
async function cancelTasks(
  parts: CancelParts,
  batch: PinnedBatch,
  pending: readonly string[],
): Promise<string[]> {
  const { store, ids, logs, records } = parts;
  const wanted = new Set(pending);
  const withoutLog = new Set(pending);
  const release = async (log: TaskLog) => {
    const isReleased = await cancelRemoteJob(parts, batch, log);
    // mutation: cancel-frees-locks
    if (!isReleased) await records.release(log, ids.unique);
  };
  const lost: string[] = [];
  for await (const page of logs.pagesOf(batch.batchId)) {
    for (const { log } of page) withoutLog.delete(log.taskId);
    // An earlier canceller may have died before it stopped their remote jobs and released their locks.
    const ended = page.filter(({ log }) => log.status === "CANCELLED");
    await withBoundedConcurrency(ended, ({ log }) => release(log));
    const open = page.filter(({ log }) => wanted.has(log.taskId) && !isTerminal(log.status));
    const outcomes = await commitEachIdempotent(
      store,
      open.map((found) => cancelWrite(parts, batch, found.log.taskId, found)),
    );
    const wasLost = (index: number) => outcomes[index]?.kind === "lost";
    lost.push(...open.filter((_, index) => wasLost(index)).map(({ log }) => log.taskId));
    await withBoundedConcurrency(
      open.filter((_, index) => !wasLost(index)),
      ({ log }) => release(log),
    );
  }
  // mutation: cancel-includes-tasks-without-a-log
  const unstarted = [...withoutLog];
  for (let first = 0; first < unstarted.length; first += limits.writesPerCommit) {
    const chunk = unstarted.slice(first, first + limits.writesPerCommit);
    const writes = chunk.map((taskId) => cancelWrite(parts, batch, taskId, undefined));
    const outcomes = await commitEachIdempotent(store, writes);
    lost.push(...chunk.filter((_, index) => outcomes[index]?.kind === "lost"));
  }
  return lost;
}

function cancelWrite(
  { ids, clock }: Ports<"ids" | "clock">,
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
  const {
    attempt,
    resumes,
    failures,
    lostLeases,
    startedAt,
    error,
    worker,
    history,
    key: callKey,
  } = found.log;
  const data = {
    ...cancelled,
    attempt,
    resumes,
    failures,
    lostLeases,
    startedAt,
    error,
    worker,
    history,
    key: callKey,
  };
  return { kind: "update", key, version: found.version, data };
}
