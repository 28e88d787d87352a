import type { EventMessage } from "../core/messages.ts";
import type { Ports } from "./dependencies.ts";
import { executeMessage, UnitOfWork } from "./outgoing-messages.ts";
import type { Batches, PinnedBatch } from "./records/batches.ts";
import { keyOf, Records, recordKinds } from "./records/records.ts";
import { jsonText, storeResult } from "./records/results.ts";
import type { StoredLog, TaskLogs } from "./records/task-logs.ts";

export interface ReceivedEvent {
  /** False: an event of this name was received before, and counts. */
  readonly isFirst: boolean;
  /** Ids of the tasks that waited for it and are resumed. */
  readonly woken: readonly string[];
}

/**
 * Stores an event and resumes the tasks that wait for it. The first event of a name counts, also for tasks that will
 * wait for it later. A repeated one only resumes waiting tasks again. Throws `BATCH_UNKNOWN`.
 */
export async function receiveEvent(
  parts: EventParts & Ports<"objects" | "ids"> & { readonly batches: Batches },
  { batchId, event, payload }: EventMessage,
): Promise<ReceivedEvent> {
  const { store, objects, ids, logs, batches } = parts;
  const batch = await batches.pinned(batchId);
  const object = `${batchId}/events/${ids.unique()}.json`;
  const stored = await storeResult(objects, object, jsonText(payload ?? null));
  const data = { batchId, event, payload: stored, nonce: ids.unique() };
  const events = new Records(store, recordKinds.event);
  // mutation: first-event-counts
  const kept = await events.create(data);
  const woken: string[] = [];
  for await (const page of logs.waitersFor(batchId, event))
    woken.push(...(await resumeOnEvent(parts, batch, page)));
  return { isFirst: kept.kind === "won", woken };
}

export interface EventParts extends Ports<"store" | "broker"> {
  readonly logs: TaskLogs;
}

/**
 * Resumes a task whose event was received before it parked: the receiver could not see it wait. False: no event was
 * received, or another process has resumed the task. If the message of that process is lost, the sweep finds the task
 * overdue.
 */
export async function resumeIfEventReceived(
  parts: EventParts,
  batch: PinnedBatch,
  found: StoredLog,
): Promise<boolean> {
  const { status, dueSeconds, events } = found.log;
  if (status !== "WAITING" || dueSeconds === 0) return false;
  for (const event of events) {
    const { document } = await parts.store.get(keyOf(recordKinds.event, { batchId: batch.batchId, event }));
    if (document) return (await resumeOnEvent(parts, batch, [found])).length > 0;
  }
  return false;
}

/** Resumes at most `writesPerCommit` tasks. Returns the ids of those that still waited. */
async function resumeOnEvent(
  parts: EventParts,
  batch: PinnedBatch,
  found: readonly StoredLog[],
): Promise<string[]> {
  const waiting = found.filter(({ log }) => log.status === "WAITING");
  if (waiting.length === 0) return [];
  const unit = new UnitOfWork(parts);
  const woken = (await parts.logs.endWaits(waiting)).map(({ log }) => log.taskId);
  await unit.publish(
    // mutation: woken-task-is-published
    woken.map((taskId) => executeMessage(batch, taskId)),
  );
  return woken;
}
