import {
  type Callback,
  type CallbackAddress,
  type CallbackTarget,
  redirectCallback,
  resetForResend,
} from "../core/callback.ts";
import { BatonError } from "../core/errors/errors.ts";
import type { Execution } from "../core/execution-record.ts";
import type { Condition } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { callbackMessage, UnitOfWork } from "./outgoing-messages.ts";
import { Records, recordKinds, type Stored } from "./records/records.ts";

export type StoredCallback = Stored<Callback>;

/** The final callbacks: for each address a document that is PENDING until its receiver has taken it. */
export class CallbackOutbox {
  readonly #dependencies: Dependencies;
  readonly #records: Records<Callback, Pick<Callback, "callbackId">>;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
    this.#records = new Records(dependencies.store, recordKinds.callback);
  }

  read(callbackId: string): Promise<StoredCallback | undefined> {
    return this.#records.read({ callbackId });
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

  /** Replaces the record that was read. Undefined: another writer was faster. */
  write(found: StoredCallback, callback: Callback): Promise<StoredCallback | undefined> {
    return this.#records.write(found, callback);
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
      const isElsewhere = address !== undefined && address.url !== found.data.target.url;
      const written = isElsewhere ? await this.#sendCopy(found.data, address) : await this.#sendAgain(found);
      if (!written) continue;
      await unit.publish([callbackMessage(written.callbackId)]);
      return written;
    }
  }

  /** Undefined: somebody else was faster. */
  async #sendAgain(found: StoredCallback): Promise<Callback | undefined> {
    const again = resetForResend(found.data, this.#dependencies.ids.unique());
    return again ? (await this.write(found, again))?.data : found.data;
  }

  async #sendCopy(callback: Callback, address: CallbackAddress): Promise<Callback | undefined> {
    const copy = redirectCallback(callback, address, this.#dependencies.ids.unique());
    const found = await this.read(copy.callbackId);
    if (found) return this.#sendAgain(found);
    return (await this.#records.write(undefined, copy))?.data;
  }

  async #all(condition: Condition): Promise<Callback[]> {
    const found: Callback[] = [];
    await this.#each(condition, (callback) => found.push(callback));
    return found;
  }

  async #each(condition: Condition, use: (callback: Callback) => void): Promise<void> {
    for await (const page of this.#records.pages([condition])) for (const { data } of page) use(data);
  }
}
