import type { TaskBatch } from "../core/records.ts";
import { batchToken } from "../core/settlement.ts";
import { batchStatusAtEnd } from "../core/status.ts";
import type { Batches } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";

/**
 * Ends a batch all of whose tasks are terminal: its status follows from their logs. One whose cancel has begun is left to
 * whoever carries that on (`byCancel`), for the locks of its tasks may not be free yet. Gives the batch as it then is.
 */
export async function closeBatch(
  dependencies: Dependencies,
  batches: Batches,
  batchId: string,
  { byCancel }: { readonly byCancel: boolean },
): Promise<TaskBatch> {
  const { store, ids, clock, logger } = dependencies;
  return batches.update(batchId, ids.unique, async (batch) => {
    // mutation: requested-cancel-comes-before-the-end
    if (batch.status !== "RUNNING" || (batch.cancelRequested && !byCancel)) return undefined;
    const [failed, cancelled] = await Promise.all(
      (["ERROR", "CANCELLED"] as const).map((status) =>
        store.count("taskLogs", { field: "arrivals", equals: batchToken(batchId, status) }),
      ),
    );
    const status = batchStatusAtEnd({ failed: failed ?? 0, cancelled: cancelled ?? 0 });
    const { workflowId } = batch;
    logger.info("batch ended", { batchId, workflowId, status });
    // A line of its own: alerts count lines that the level `warn` shows, too.
    if (status === "ERROR") logger.warn("batch failed", { batchId, workflowId });
    return { status, endedAt: clock.now() };
  });
}
