import type { PinnedBatch } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import { executeMessage } from "./messages.ts";
import { publishSince } from "./publish.ts";
import { eventKey } from "./step-memory.ts";
import type { StoredLog, TaskLogs } from "./task-logs.ts";

interface Parts {
  readonly dependencies: Dependencies;
  readonly logs: TaskLogs;
}

/** Ends the wait of a task and has it looked at; false when it does not wait any more. */
export async function wake(
  { dependencies, logs }: Parts,
  batch: PinnedBatch,
  found: StoredLog,
): Promise<boolean> {
  if (found.log.status !== "WAITING") return false;
  const since = dependencies.store.mark();
  const woken = await logs.endWait(found);
  if (woken.kind === "lost") return false;
  await publishSince(dependencies, since, [executeMessage(batch, found.log.taskId)]);
  return true;
}

/**
 * Wakes a task that waits for an event that has been sent already: whoever kept the event may not have seen it wait.
 * False: it goes on waiting.
 */
export async function wakeIfSent(parts: Parts, batch: PinnedBatch, found: StoredLog): Promise<boolean> {
  if (found.log.status !== "WAITING") return false;
  for (const event of found.log.events) {
    const { document } = await parts.dependencies.store.get(eventKey(batch.batchId, event));
    if (document) return wake(parts, batch, found);
  }
  return false;
}
