import {
  type Callback,
  markArchived,
  markPageSent,
  markSendFailed,
  markSending,
  needsArchiving,
} from "../core/callback.ts";
import { callbackRequests } from "../core/callback-pages.ts";
import { errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { requestedPause } from "../core/retry.ts";
import { truncate } from "../core/values/text.ts";
import type { MaybePromise } from "../ports/store.ts";
import type { CallbackOutbox, StoredCallback } from "./callback-outbox.ts";
import type { Ports } from "./dependencies.ts";
import { callbackMessage } from "./outgoing-messages.ts";
import { durably } from "./records/commit.ts";
import { readResult } from "./records/results.ts";

/** Only its timeout ends a request: a callback that was sent in part was not accepted. */
const neverAborted = new AbortController().signal;

export interface SenderParts
  extends Ports<
    "store" | "objects" | "timer" | "callbacks" | "callbackArchive" | "ids" | "clock" | "logger"
  > {
  readonly outbox: CallbackOutbox;
}

/**
 * Sends the pages of a PENDING callback, one after another, and archives it. Whatever happens, when it returns the
 * callback has been taken, has been given up, or something durable will send it.
 */
export async function deliverCallback(parts: SenderParts, callbackId: string): Promise<void> {
  const { ids, timer, store, outbox } = parts;
  const found = await outbox.read(callbackId);
  if (found?.data.state !== "PENDING") return;
  const remainingMs = found.data.dueSeconds * 1_000 - found.ageMs;
  if (remainingMs > 0) return timer.schedule(callbackMessage(callbackId), remainingMs);
  const claimed = await durably(store, () => outbox.write(found, markSending(found.data, ids.unique())));
  // mutation: callback-of-another-sender-is-checked-later
  if (!claimed) return recheckLater(parts, callbackId);
  await new CallbackDelivery(parts, claimed).run();
}

/**
 * We lost the lease: to another sender, or to our own earlier write whose reply was lost. Re-check after the lease in
 * case that sender crashes.
 */
function recheckLater({ timer }: Ports<"timer">, callbackId: string): MaybePromise<void> {
  return timer.schedule(callbackMessage(callbackId), limits.callbackLeaseSeconds * 1_000);
}

/** One delivery attempt. We hold the callback as long as each conditional write succeeds. */
class CallbackDelivery {
  readonly #parts: SenderParts;
  #current: StoredCallback;

  constructor(parts: SenderParts, claimed: StoredCallback) {
    this.#parts = parts;
    this.#current = claimed;
  }

  /** A failing receiver does not stop the archive, nor the reverse. */
  async run(): Promise<void> {
    const problems = [await problemOf(() => this.#sendPages()), await problemOf(() => this.#archive())];
    const problem = problems.find((found) => found !== undefined);
    if (problem !== undefined) await this.#failed(problem);
  }

  /** Stops when another sender has taken the callback over, or a resend was requested. */
  async #sendPages(): Promise<void> {
    // A page that can't be read again would make a callback PENDING that has nothing left to do.
    // mutation: taken-pages-are-not-read-again
    if (this.#current.data.deliveredAt !== null) return;
    const { callbacks, clock, ids } = this.#parts;
    const requests = await requestsFor(this.#parts, this.#current.data);
    for (const request of requests.slice(this.#current.data.pagesTaken)) {
      await callbacks.send(request);
      const sent = { at: clock.now(), error: null };
      if (!(await this.#write(markPageSent(this.#current.data, requests.length, sent, ids.unique())))) return;
    }
  }

  async #archive(): Promise<void> {
    const { objects, ids, callbackArchive } = this.#parts;
    const { data: callback } = this.#current;
    const { target, eventId, data, occurredAt } = callback;
    if (!target.archive || !needsArchiving(callback)) return;
    await callbackArchive.store(target.archive.table, {
      eventId,
      key: target.archive.key,
      status: "completed",
      payload: await readResult(objects, data),
      url: target.url,
      createdAt: occurredAt,
    });
    await this.#write(markArchived(callback, ids.unique()));
  }

  async #failed({ error, retryAfterSeconds }: Problem): Promise<void> {
    const { ids, clock, timer, logger } = this.#parts;
    const send = { at: clock.now(), error: truncate(error, limits.noteCharacters), retryAfterSeconds };
    const failed = markSendFailed(this.#current.data, send, ids.unique());
    const { callbackId, eventId, batchId, taskId, state, dueSeconds } = failed;
    logger.warn("a callback was not taken", { callbackId, batchId, taskId, state, error });
    // Logged before the write, after which no process inspects the callback again. An alert counts this line.
    if (state === "GIVEN_UP")
      logger.error("a callback is given up", { callbackId, eventId, batchId, taskId, error });
    // mutation: lost-callback-write-is-checked-later
    if (!(await this.#write(failed))) return recheckLater(this.#parts, callbackId);
    // mutation: failed-callback-is-sent-again
    if (state === "PENDING") await timer.schedule(callbackMessage(callbackId), dueSeconds * 1_000);
  }

  async #write(callback: Callback): Promise<boolean> {
    const written = await this.#parts.outbox.write(this.#current, callback);
    if (written) this.#current = written;
    return written !== undefined;
  }
}

interface Problem {
  readonly error: string;
  /** The pause that the receiver asks for. */
  readonly retryAfterSeconds: number | undefined;
}

async function problemOf(work: () => Promise<void>): Promise<Problem | undefined> {
  try {
    await work();
    return undefined;
  } catch (thrown) {
    const pause = requestedPause(thrown);
    const error = pause ? `${errorMessage(thrown)} (${pause.note})` : errorMessage(thrown);
    return { error, retryAfterSeconds: pause?.seconds };
  }
}

async function requestsFor({ objects }: Ports<"objects">, callback: Callback) {
  const event = {
    eventId: callback.eventId,
    type: callback.type,
    // mutation: every-send-has-the-same-bytes
    occurredAt: callback.occurredAt,
    data: await readResult(objects, callback.data),
  };
  return callbackRequests(event, callback.target, neverAborted);
}
