import {
  type Callback,
  type CallbackAddress,
  CallbackSchema,
  type CallbackTarget,
  copyFor,
  resent,
} from "../core/callback.ts";
import { BatonError } from "../core/errors.ts";
import type { Execution } from "../core/execution.ts";
import { limits } from "../core/limits.ts";
import type { Condition, DocumentKey, StoredDocument, Version } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { callbackMessage } from "./messages.ts";
import { commitOwned } from "./owned-commit.ts";
import { pages } from "./pages.ts";
import { UnitOfWork } from "./unit-of-work.ts";

export interface StoredCallback {
  readonly callback: Callback;
  readonly version: Version;
  /** Time since it was written, by the store's clock. */
  readonly ageMs: number;
}

/** The final callbacks: for each address a document that is PENDING until its receiver has taken it. */
export class Outbox {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async read(callbackId: string): Promise<StoredCallback | undefined> {
    const { document, readTime } = await this.#dependencies.store.get(callbackKey(callbackId));
    return document && toStoredCallback(document, readTime);
  }

  /** Every callback of an idempotency key. */
  ofKey(key: string): Promise<Callback[]> {
    return this.#all({ field: "key", equals: key });
  }

  /** Every callback of an idempotency key, one after another: a recurring one may have made very many. */
  eachOfKey(key: string, use: (callback: Callback) => void): Promise<void> {
    return this.#each({ field: "key", equals: key }, use);
  }

  /** The callbacks that the tasks of a batch made. */
  ofBatch(batchId: string): Promise<Callback[]> {
    return this.#all({ field: "batchId", equals: batchId });
  }

  /** Puts what is to stand in place of what was read. Undefined: somebody else was faster. */
  async write(found: StoredCallback, callback: Callback): Promise<StoredCallback | undefined> {
    const { store } = this.#dependencies;
    const key = callbackKey(callback.callbackId);
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
    const { callbackId, key } = execution;
    if (callbackId === null) return;
    if (await this.read(callbackId)) await this.resend(callbackId, target);
    else
      this.#dependencies.logger.warn("a callback is not sent again: it is not kept any more", {
        callbackId,
        key,
      });
  }

  /** Sends it again, to the address it was made for unless another is given. Throws `CALLBACK_UNKNOWN`. */
  async resend(callbackId: string, address?: CallbackAddress): Promise<Callback> {
    for (;;) {
      const unit = new UnitOfWork(this.#dependencies);
      const found = await this.read(callbackId);
      if (!found) throw new BatonError("CALLBACK_UNKNOWN", `There is no callback ${callbackId}`);
      const isElsewhere = address !== undefined && address.url !== found.callback.target.url;
      const written = isElsewhere
        ? await this.#sendCopy(found.callback, address)
        : await this.#sendAgain(found);
      if (!written) continue;
      await unit.publish([callbackMessage(written.callbackId)]);
      return written;
    }
  }

  /** Undefined: somebody else was faster. */
  async #sendAgain(found: StoredCallback): Promise<Callback | undefined> {
    const again = resent(found.callback, this.#dependencies.ids.unique());
    return again ? (await this.write(found, again))?.callback : found.callback;
  }

  async #sendCopy(callback: Callback, address: CallbackAddress): Promise<Callback | undefined> {
    const { store, ids } = this.#dependencies;
    const copy = copyFor(callback, address, ids.unique());
    const found = await this.read(copy.callbackId);
    if (found) return this.#sendAgain(found);
    const created = await commitOwned(store, {
      kind: "create",
      key: callbackKey(copy.callbackId),
      data: copy,
    });
    return created.kind === "won" ? copy : undefined;
  }

  async #all(condition: Condition): Promise<Callback[]> {
    const found: Callback[] = [];
    await this.#each(condition, (callback) => found.push(callback));
    return found;
  }

  async #each(condition: Condition, use: (callback: Callback) => void): Promise<void> {
    const { store } = this.#dependencies;
    for await (const page of pages(store, "callbacks", [condition], limits.largeDocumentsPage))
      for (const document of page.documents) use(CallbackSchema.parse(document.data));
  }
}

function toStoredCallback(document: StoredDocument, readTime: number): StoredCallback {
  return {
    callback: CallbackSchema.parse(document.data),
    version: document.version,
    ageMs: readTime - document.updateTime,
  };
}

function callbackKey(callbackId: string): DocumentKey {
  return { collection: "callbacks", id: callbackId };
}
