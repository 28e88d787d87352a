import type { EventMessage } from "../core/messages.ts";
import type { Batches } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import { recordKinds } from "./record-kinds.ts";
import { Records } from "./records.ts";
import { jsonText, storeResult } from "./results.ts";
import type { TaskLogs } from "./task-logs.ts";
import { wake } from "./wake.ts";

/** What became of an event. */
export interface ReceivedEvent {
  /** False: one of its name had been sent before, and stands. */
  readonly isFirst: boolean;
  /** Tasks that waited for it. */
  readonly woken: readonly string[];
}

/**
 * Keeps an event for the tasks of a batch that wait for it now or will later. The first of a name stands; sent again,
 * with another payload or not, it only wakes once more. Throws `BATCH_UNKNOWN`.
 */
export async function receiveEvent(
  dependencies: Dependencies,
  batches: Batches,
  logs: TaskLogs,
  { batchId, event, payload }: EventMessage,
): Promise<ReceivedEvent> {
  const batch = await batches.pinned(batchId);
  const { store, objects, ids } = dependencies;
  const object = `${batchId}/events/${ids.unique()}.json`;
  const stored = await storeResult(objects, object, jsonText(payload ?? null));
  const data = { batchId, event, payload: stored, nonce: ids.unique() };
  const events = new Records(store, recordKinds.event);
  // mutation: first-event-counts
  const kept = await events.create(data);
  const woken: string[] = [];
  for await (const page of logs.waitersFor(batchId, event))
    woken.push(...(await wake({ dependencies, logs }, batch, page)));
  return { isFirst: kept.kind === "won", woken };
}
