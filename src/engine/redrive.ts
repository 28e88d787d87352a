import { CONTROL_QUEUE } from "../core/messages.ts";
import { planRedrive } from "../core/redrive.ts";
import type { OutgoingMessage } from "../ports/broker.ts";
import type { Batches } from "./batches.ts";
import { cancelBatch } from "./cancel.ts";
import type { Dependencies } from "./dependencies.ts";
import { callbackMessage, completionMessage, executeMessage } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import { pages } from "./pages.ts";
import { publishSince } from "./publish.ts";
import type { TaskLogs } from "./task-logs.ts";
import { wakeIfSent } from "./wake.ts";

/** Publishes what a RUNNING batch should have under way but may have lost. Safe at any time, and at once with others. */
export async function redriveBatch(
  dependencies: Dependencies,
  batches: Batches,
  logs: TaskLogs,
  batchId: string,
): Promise<void> {
  const since = dependencies.store.mark();
  const { batch } = await batches.read(batchId);
  if (batch.status !== "RUNNING") return;
  if (batch.cancelRequested) return cancelBatch(dependencies, batches, logs, batchId);
  const pinned = await batches.pinned(batchId);
  const found = await logs.readAll(batchId);
  for (const log of found.values()) await wakeIfSent({ dependencies, logs }, pinned, log);
  const plan = planRedrive(pinned.graph, found);
  await publishSince(dependencies, since, [
    ...plan.execute.map((taskId) => executeMessage(pinned, taskId)),
    ...plan.complete.map(({ taskId, ending }) =>
      completionMessage(batchId, taskId, ending, { redrive: true }),
    ),
  ]);
}

/** Finds every RUNNING batch, and every callback that is due, and has each looked at by a message of its own. */
export async function sweep({ store, broker }: Dependencies, outbox: Outbox): Promise<void> {
  for await (const page of pages(store, "batches", [{ field: "status", equals: "RUNNING" }])) {
    await broker.publish(
      page.documents.map(({ key }): OutgoingMessage => {
        return { queue: CONTROL_QUEUE, message: { kind: "redrive", batchId: key.id } };
      }),
    );
  }
  for await (const { callbackId } of outbox.due()) await broker.publish([callbackMessage(callbackId)]);
}
