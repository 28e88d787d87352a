import { batchToken } from "../core/settlement.ts";
import { batchStatusAtEnd } from "../core/status.ts";
import type { Batches } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";

/** Ends a batch all of whose tasks are terminal: its status follows from their logs. */
export async function closeBatch(
  dependencies: Dependencies,
  batches: Batches,
  batchId: string,
): Promise<void> {
  const { store, ids, clock, logger } = dependencies;
  await batches.update(batchId, ids.unique, async (batch) => {
    if (batch.status !== "RUNNING") return undefined;
    const [failed, cancelled] = await Promise.all(
      (["ERROR", "CANCELLED"] as const).map((status) =>
        store.count("taskLogs", { field: "arrivals", equals: batchToken(batchId, status) }),
      ),
    );
    const status = batchStatusAtEnd({ failed: failed ?? 0, cancelled: cancelled ?? 0 });
    logger.info("batch ended", { batchId, workflowId: batch.workflowId, status });
    return { status, endedAt: clock.now() };
  });
}
