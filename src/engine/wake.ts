import type { PinnedBatch } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import { executeMessage } from "./messages.ts";
import { publishSince } from "./publish.ts";
import type { StoredLog, TaskLogs } from "./task-logs.ts";

/** Ends the wait of a task that waits for an event, if it still does, and has it looked at; false when it does not. */
export async function wake(
  { dependencies, logs }: { readonly dependencies: Dependencies; readonly logs: TaskLogs },
  batch: PinnedBatch,
  found: StoredLog,
): Promise<boolean> {
  if (found.log.status !== "WAITING" || found.log.reason !== "event") return false;
  const since = dependencies.store.mark();
  const woken = await logs.endWait(found);
  if (woken.kind === "lost") return false;
  await publishSince(dependencies, since, [executeMessage(batch, found.log.taskId)]);
  return true;
}
