import { limits } from "../core/limits.ts";
import type { TaskLog } from "../core/records.ts";
import { endedUnrun } from "../core/settlement.ts";
import { isTerminal } from "../core/status.ts";
import type { Batches, PinnedBatch } from "./batches.ts";
import { cancelElsewhere } from "./cancel-elsewhere.ts";
import { closeBatch } from "./close.ts";
import type { Dependencies } from "./dependencies.ts";
import { ExecutionRecords } from "./execution-records.ts";
import { commitEachOwned, type OwnedWrite } from "./owned-commit.ts";
import { someAtATime } from "./some-at-a-time.ts";
import { logKey, type StoredLog, type TaskLogs } from "./task-logs.ts";
import { durably } from "./unit-of-work.ts";

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
  await closeBatch(dependencies, batches, batchId, { byCancel: true });
}

/** Gives the tasks that changed under its hands and have to be looked at again. */
async function cancelTasks(
  dependencies: Dependencies,
  logs: TaskLogs,
  batch: PinnedBatch,
  taskIds: readonly string[],
): Promise<string[]> {
  const records = new ExecutionRecords(dependencies.store);
  const found = await logs.readStates(batch.batchId);
  const open = taskIds.filter((taskId) => {
    const log = found.get(taskId)?.log;
    // mutation: cancel-includes-tasks-without-a-log
    return !log || !isTerminal(log.status);
  });
  // Whoever cancelled these may have died before it ended what they had begun, and gave their locks back.
  const ended = [...found.values()].filter(({ log }) => log.status === "CANCELLED");
  const letGo = async (log: TaskLog) => {
    const isGivenBack = await cancelElsewhere({ dependencies, logs, records }, batch, log);
    // mutation: cancel-frees-locks
    if (!isGivenBack) await records.release(log, dependencies.ids.unique);
  };
  await someAtATime(ended, ({ log }) => letGo(log));
  const lost: string[] = [];
  for (let first = 0; first < open.length; first += limits.writesPerCommit) {
    const chunk = open.slice(first, first + limits.writesPerCommit);
    const writes = chunk.map((taskId) => cancelWrite(dependencies, batch, taskId, found.get(taskId)));
    const outcomes = await commitEachOwned(dependencies.store, writes);
    const wasLost = (index: number) => outcomes[index]?.kind === "lost";
    lost.push(...chunk.filter((_, index) => wasLost(index)));
    const cancelled = chunk.flatMap((taskId, index) =>
      wasLost(index) ? [] : (found.get(taskId)?.log ?? []),
    );
    await someAtATime(cancelled, letGo);
  }
  return lost;
}

function cancelWrite(
  { ids, clock }: Dependencies,
  batch: PinnedBatch,
  taskId: string,
  found: StoredLog | undefined,
): OwnedWrite {
  const key = logKey(batch.batchId, taskId);
  const cancelled = endedUnrun(
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
