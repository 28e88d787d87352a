import type { PinnedBatch } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import { executeMessage } from "./messages.ts";
import { recordKinds } from "./record-kinds.ts";
import { keyOf } from "./records.ts";
import type { StoredLog, TaskLogs } from "./task-logs.ts";
import { UnitOfWork } from "./unit-of-work.ts";

interface Parts {
  readonly dependencies: Dependencies;
  readonly logs: TaskLogs;
}

/** Ends the waits of tasks, at most `writesPerCommit`, and has them looked at. Gives the ids of those that still waited. */
export async function wake(
  { dependencies, logs }: Parts,
  batch: PinnedBatch,
  found: readonly StoredLog[],
): Promise<string[]> {
  const waiting = found.filter(({ log }) => log.status === "WAITING");
  if (waiting.length === 0) return [];
  const unit = new UnitOfWork(dependencies);
  const woken = (await logs.endWaits(waiting)).map(({ log }) => log.taskId);
  await unit.publish(
    // mutation: woken-task-is-published
    woken.map((taskId) => executeMessage(batch, taskId)),
  );
  return woken;
}

/**
 * Wakes a task that waits for an event that has been sent already: whoever kept the event may not have seen it wait.
 * False: it goes on waiting, or has been woken. Whoever woke it publishes it; should that be lost, it is found as overdue.
 */
export async function wakeIfSent(parts: Parts, batch: PinnedBatch, found: StoredLog): Promise<boolean> {
  const { status, dueSeconds, events } = found.log;
  if (status !== "WAITING" || dueSeconds === 0) return false;
  for (const event of events) {
    const { document } = await parts.dependencies.store.get(
      keyOf(recordKinds.event, { batchId: batch.batchId, event }),
    );
    if (document) return (await wake(parts, batch, [found])).length > 0;
  }
  return false;
}
