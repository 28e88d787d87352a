import type { EventMessage } from "../core/messages.ts";
import type { Batches } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import { commitOwned } from "./owned-commit.ts";
import { storeResult } from "./results.ts";
import { eventKey, jsonText } from "./step-memory.ts";
import type { TaskLogs } from "./task-logs.ts";
import { wake } from "./wake.ts";

/**
 * Keeps an event for the tasks of a batch that wait for it now or will later. The first of a name stands; sent again,
 * with another payload or not, it only wakes once more. Throws `BATCH_UNKNOWN`.
 */
export async function receiveEvent(
  dependencies: Dependencies,
  batches: Batches,
  logs: TaskLogs,
  { batchId, event, payload }: EventMessage,
): Promise<void> {
  const batch = await batches.pinned(batchId);
  const { store, objects, ids } = dependencies;
  const object = `${batchId}/events/${encodeURIComponent(event)}-${ids.unique()}.json`;
  const stored = await storeResult(objects, object, jsonText(payload ?? null));
  const data = { batchId, event, payload: stored, nonce: ids.unique() };
  await commitOwned(store, { kind: "create", key: eventKey(batchId, event), data });
  for (const found of (await logs.readAll(batchId)).values())
    await wake({ dependencies, logs }, batch, found);
}
