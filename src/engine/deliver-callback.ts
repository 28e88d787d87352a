import { type Callback, pageSent, sendFailed, sending } from "../core/callback.ts";
import { callbackPages } from "../core/callback-pages.ts";
import { messageOf } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Dependencies } from "./dependencies.ts";
import { callbackMessage } from "./messages.ts";
import type { Outbox, StoredCallback } from "./outbox.ts";
import { readResult } from "./results.ts";

/** The timeout of the request is all that ends it: a callback that was sent half is one that was not taken. */
const neverAborted = new AbortController().signal;

/**
 * Archives a PENDING callback and sends its pages, one after another. Whatever happens, when it returns the callback has
 * been taken, has been given up, or something durable will send it.
 */
export async function deliverCallback(
  dependencies: Dependencies,
  outbox: Outbox,
  eventId: string,
): Promise<void> {
  const { ids, timer, store } = dependencies;
  const found = await outbox.read(eventId);
  if (found?.callback.state !== "PENDING") return;
  const remainingMs = found.callback.dueSeconds * 1_000 - found.ageMs;
  if (remainingMs > 0) return timer.schedule(callbackMessage(eventId), remainingMs);
  const mark = store.mark();
  const claimed = await outbox.write(found, sending(found.callback, ids.unique()));
  // Somebody else has it now.
  if (!claimed) return;
  await store.sync(mark);
  await send(dependencies, outbox, claimed);
}

async function send(dependencies: Dependencies, outbox: Outbox, claimed: StoredCallback): Promise<void> {
  const { ids, clock, timer, logger } = dependencies;
  let current = claimed;
  try {
    current = await archive(dependencies, outbox, current);
    const bodies = await pagesOf(dependencies, current.callback);
    while (current.callback.pagesTaken < bodies.length) {
      const page = bodies[current.callback.pagesTaken];
      if (!page) return;
      await dependencies.callbacks.send({
        url: current.callback.target.url,
        webhookId: page.webhookId,
        body: page.body,
        timeoutSeconds: limits.callbackTimeoutSeconds,
        signal: neverAborted,
      });
      const sent = pageSent(current.callback, bodies.length, { at: clock.now(), error: null }, ids.unique());
      const written = await outbox.write(current, sent);
      // Asked for again meanwhile, or taken over: whoever wrote sees to it.
      if (!written) return;
      current = written;
    }
  } catch (error) {
    const failed = sendFailed(
      current.callback,
      { at: clock.now(), error: messageOf(error).slice(0, limits.noteCharacters) },
      ids.unique(),
    );
    const { eventId, batchId, taskId, state, dueSeconds } = failed;
    logger.warn("a callback was not taken", { eventId, batchId, taskId, state, error: messageOf(error) });
    const written = await outbox.write(current, failed);
    if (written && state === "PENDING") await timer.schedule(callbackMessage(eventId), dueSeconds * 1_000);
  }
}

/** Completed callbacks are archived before they are sent: what a receiver has seen can be found. */
async function archive(
  { objects, ids, callbackArchive }: Dependencies,
  outbox: Outbox,
  found: StoredCallback,
): Promise<StoredCallback> {
  const { callback } = found;
  const { target, type, eventId, data, occurredAt } = callback;
  if (!target.archive || type !== "task.completed" || callback.archived) return found;
  await callbackArchive.store(target.archive.table, {
    eventId,
    key: target.archive.key,
    status: "completed",
    payload: await readResult(objects, data),
    url: target.url,
    createdAt: occurredAt,
  });
  const written = await outbox.write(found, { ...callback, archived: true, nonce: ids.unique() });
  return written ?? found;
}

async function pagesOf({ objects }: Dependencies, { eventId, type, occurredAt, data }: Callback) {
  return callbackPages({
    eventId,
    type,
    occurredAt: new Date(occurredAt).toISOString(),
    data: await readResult(objects, data),
    pageBytes: limits.callbackPageBytes,
  });
}
