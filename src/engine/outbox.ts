import { type Callback, CallbackSchema, type CallbackTarget, resent } from "../core/callback.ts";
import { BatonError } from "../core/errors.ts";
import type { Execution } from "../core/execution.ts";
import type { Condition, DocumentKey, StoredDocument, Version } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { callbackMessage } from "./messages.ts";
import { commitOwned } from "./owned-commit.ts";
import { pages } from "./pages.ts";
import { publishSince } from "./publish.ts";

export interface StoredCallback {
  readonly callback: Callback;
  readonly version: Version;
  /** Time since it was written, by the store's clock. */
  readonly ageMs: number;
}

/** The final callbacks: each a document that is PENDING until its receiver has taken it. */
export class Outbox {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async read(eventId: string): Promise<StoredCallback | undefined> {
    const { document, readTime } = await this.#dependencies.store.get(callbackKey(eventId));
    return document && toStoredCallback(document, readTime);
  }

  /** Every callback of an idempotency key. */
  ofKey(key: string): Promise<Callback[]> {
    return this.#all({ field: "key", equals: key });
  }

  /** The callbacks that the tasks of a batch made. */
  ofBatch(batchId: string): Promise<Callback[]> {
    return this.#all({ field: "batchId", equals: batchId });
  }

  /** Those that are to be sent now: nobody is at them, and their back-off is over. */
  async *due(): AsyncGenerator<Callback> {
    const pending = [{ field: "state", equals: "PENDING" }];
    for await (const page of pages(this.#dependencies.store, "callbacks", pending))
      for (const document of page.documents) {
        const { callback, ageMs } = toStoredCallback(document, page.readTime);
        if (ageMs >= callback.dueSeconds * 1_000) yield callback;
      }
  }

  /** Puts what is to stand in place of what was read. Undefined: somebody else was faster. */
  async write(found: StoredCallback, callback: Callback): Promise<StoredCallback | undefined> {
    const { store } = this.#dependencies;
    const key = callbackKey(callback.eventId);
    const outcome = await commitOwned(store, {
      kind: "update",
      key,
      version: found.version,
      data: callback,
    });
    return outcome.kind === "won" ? { callback, version: outcome.committed.version, ageMs: 0 } : undefined;
  }

  /** Sends the stored callback of a completed call again, to where the call that asks reports, without doing the work. */
  async resendOf(execution: Execution, target: CallbackTarget | undefined): Promise<void> {
    const { callbackId } = execution;
    if (callbackId !== null && (await this.read(callbackId))) await this.resend(callbackId, target?.url);
  }

  /** Throws `CALLBACK_UNKNOWN`. */
  async resend(eventId: string, url?: string): Promise<Callback> {
    const { store, ids } = this.#dependencies;
    for (;;) {
      const since = store.mark();
      const found = await this.read(eventId);
      if (!found) throw new BatonError("CALLBACK_UNKNOWN", `There is no callback ${eventId}`);
      const written = await this.write(found, resent(found.callback, url, ids.unique()));
      if (!written) continue;
      await publishSince(this.#dependencies, since, [callbackMessage(eventId)]);
      return written.callback;
    }
  }

  async #all(condition: Condition): Promise<Callback[]> {
    const found: Callback[] = [];
    for await (const page of pages(this.#dependencies.store, "callbacks", [condition]))
      found.push(...page.documents.map((document) => CallbackSchema.parse(document.data)));
    return found;
  }
}

function toStoredCallback(document: StoredDocument, readTime: number): StoredCallback {
  return {
    callback: CallbackSchema.parse(document.data),
    version: document.version,
    ageMs: readTime - document.updateTime,
  };
}

function callbackKey(eventId: string): DocumentKey {
  return { collection: "callbacks", id: eventId };
}
