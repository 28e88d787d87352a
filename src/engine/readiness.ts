import { childVerdict } from "../core/readiness.ts";
import { isTerminal } from "../core/status.ts";
import type { PinnedBatch } from "./batches.ts";
import { someAtATime } from "./some-at-a-time.ts";
import type { TaskLogs } from "./task-logs.ts";

/**
 * Whether the parents of a task, or of `$end`, have ended so that it may run. Baton's own messages say
 * so themselves; this is for those that others send.
 */
export async function isReady(logs: TaskLogs, batch: PinnedBatch, taskId: string): Promise<boolean> {
  const join = batch.graph.joinAbove.get(taskId);
  if (!join) return true;
  const parents = await someAtATime(join.parents, (parent) => logs.read(batch.batchId, parent));
  const endings = parents.flatMap((found) =>
    found && isTerminal(found.log.status) ? [{ status: found.log.status, reason: found.log.reason }] : [],
  );
  return childVerdict(join, taskId, endings).kind === "ready";
}
