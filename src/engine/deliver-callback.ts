import {
  type Callback,
  markArchived,
  markPageSent,
  markSendFailed,
  markSending,
  needsArchiving,
} from "../core/callback.ts";
import { callbackPages } from "../core/callback-pages.ts";
import { errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { requestedPause } from "../core/retry.ts";
import { truncate } from "../core/values/text.ts";
import type { CallbackOutbox, StoredCallback } from "./callback-outbox.ts";
import type { Dependencies } from "./dependencies.ts";
import { callbackMessage } from "./outgoing-messages.ts";
import { durably } from "./records/commit.ts";
import { readResult } from "./records/results.ts";

/** The timeout of the request is all that ends it: a callback that was sent half is one that was not taken. */
const neverAborted = new AbortController().signal;

/**
 * Sends the pages of a PENDING callback, one after another, and archives it. Whatever happens, when it returns the callback
 * has been taken, has been given up, or something durable will send it.
 */
export async function deliverCallback(
  dependencies: Dependencies,
  outbox: CallbackOutbox,
  callbackId: string,
): Promise<void> {
  const { ids, timer, store } = dependencies;
  const found = await outbox.read(callbackId);
  if (found?.data.state !== "PENDING") return;
  const remainingMs = found.data.dueSeconds * 1_000 - found.ageMs;
  if (remainingMs > 0) return timer.schedule(callbackMessage(callbackId), remainingMs);
  const claimed = await durably(store, () => outbox.write(found, markSending(found.data, ids.unique())));
  // mutation: callback-of-another-sender-is-checked-later
  if (!claimed) return recheckLater(dependencies, callbackId);
  await new Delivery(dependencies, outbox, claimed).run();
}

/** Somebody else has it now, or an earlier write of ours that no answer came to: whoever it is, he may not live to send it. */
function recheckLater({ timer }: Dependencies, callbackId: string): Promise<void> {
  return timer.schedule(callbackMessage(callbackId), limits.callbackLeaseSeconds * 1_000);
}

/** One go at a callback that is ours as long as each write finds it as the last one left it. */
class Delivery {
  readonly #dependencies: Dependencies;
  readonly #outbox: CallbackOutbox;
  #current: StoredCallback;

  constructor(dependencies: Dependencies, outbox: CallbackOutbox, claimed: StoredCallback) {
    this.#dependencies = dependencies;
    this.#outbox = outbox;
    this.#current = claimed;
  }

  /** Neither a receiver nor an archive that fails keeps the other from having it. */
  async run(): Promise<void> {
    const problems = [await problemOf(() => this.#sendPages()), await problemOf(() => this.#archive())];
    const problem = problems.find((found) => found !== undefined);
    if (problem !== undefined) await this.#failed(problem);
  }

  /** Ends early when somebody else has taken it over, or asked for it again: he sees to it. */
  async #sendPages(): Promise<void> {
    // A page that can't be read again would make a callback PENDING that has nothing left to do.
    // mutation: taken-pages-are-not-read-again
    if (this.#current.data.deliveredAt !== null) return;
    const { callbacks, clock, ids } = this.#dependencies;
    const pages = await pagesOf(this.#dependencies, this.#current.data);
    for (const page of pages.slice(this.#current.data.pagesTaken)) {
      const { url, secrets } = this.#current.data.target;
      await callbacks.send({
        url,
        secrets,
        webhookId: page.webhookId,
        body: page.body,
        timeoutSeconds: limits.callbackTimeoutSeconds,
        signal: neverAborted,
      });
      const sent = { at: clock.now(), error: null };
      if (!(await this.#write(markPageSent(this.#current.data, pages.length, sent, ids.unique())))) return;
    }
  }

  async #archive(): Promise<void> {
    const { objects, ids, callbackArchive } = this.#dependencies;
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
    const { ids, clock, timer, logger } = this.#dependencies;
    const send = { at: clock.now(), error: truncate(error, limits.noteCharacters), retryAfterSeconds };
    const failed = markSendFailed(this.#current.data, send, ids.unique());
    const { callbackId, eventId, batchId, taskId, state, dueSeconds } = failed;
    logger.warn("a callback was not taken", { callbackId, batchId, taskId, state, error });
    // Before it is written: afterwards nobody looks at it again, and an alert counts this line.
    if (state === "GIVEN_UP")
      logger.error("a callback is given up", { callbackId, eventId, batchId, taskId, error });
    // mutation: lost-callback-write-is-checked-later
    if (!(await this.#write(failed))) return recheckLater(this.#dependencies, callbackId);
    // mutation: failed-callback-is-sent-again
    if (state === "PENDING") await timer.schedule(callbackMessage(callbackId), dueSeconds * 1_000);
  }

  async #write(callback: Callback): Promise<boolean> {
    const written = await this.#outbox.write(this.#current, callback);
    if (written) this.#current = written;
    return written !== undefined;
  }
}

interface Problem {
  readonly error: string;
  /** The other side asks not to be called sooner. */
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

async function pagesOf({ objects }: Dependencies, { eventId, type, occurredAt, data }: Callback) {
  return callbackPages({
    eventId,
    type,
    // mutation: every-send-has-the-same-bytes
    occurredAt: new Date(occurredAt).toISOString(),
    data: await readResult(objects, data),
    pageBytes: limits.callbackPageBytes,
  });
}
