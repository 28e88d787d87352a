import {
  type Callback,
  type CallbackAddress,
  type CallbackTarget,
  redirectCallback,
  resetForResend,
} from "../core/callback.ts";
import { BatonError } from "../core/errors/errors.ts";
import type { Execution } from "../core/idempotency-lock.ts";
import type { Condition } from "../ports/store.ts";
import type { Ports } from "./dependencies.ts";
import { callbackMessage, UnitOfWork } from "./outgoing-messages.ts";
import { Records, recordKinds, type Stored } from "./records/records.ts";

export type StoredCallback = Stored<Callback>;

type OutboxPorts = Ports<"store" | "broker" | "ids" | "logger">;

/** The outbox of final callbacks: one document per address, PENDING until the receiver has accepted it. */
export class CallbackOutbox {
  readonly #ports: OutboxPorts;
  readonly #records: Records<Callback, Pick<Callback, "callbackId">>;

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
    this.#records = new Records(ports.store, recordKinds.callback);
  }

  read(callbackId: string): Promise<StoredCallback | undefined> {
    return this.#records.read({ callbackId });
  }

  ofKey(key: string): Promise<Callback[]> {
    return this.#all({ field: "key", equals: key });
  }

  /** One after another: a recurring key may have very many callbacks. */
  eachOfKey(key: string, use: (callback: Callback) => void): Promise<void> {
    return this.#each({ field: "key", equals: key }, use);
  }

  ofBatch(batchId: string): Promise<Callback[]> {
    return this.#all({ field: "batchId", equals: batchId });
  }

  /** Conditional update. Undefined on a version conflict. */
  write(found: StoredCallback, callback: Callback): Promise<StoredCallback | undefined> {
    return this.#records.write(found, callback);
  }

  /**
   * For a call whose work is finished: sends the stored callback to the address of this call, without repeating the
   * work.
   */
  async resendOf(execution: Execution, target: CallbackTarget | undefined): Promise<void> {
    const { callbackId, key } = execution;
    if (callbackId === null) return;
    if (await this.read(callbackId)) await this.resend(callbackId, target);
    else
      this.#ports.logger.warn("a callback is not sent again: it is not stored any more", {
        callbackId,
        key,
      });
  }

  /** Sends a callback again; default address: its own. Throws `CALLBACK_UNKNOWN`. */
  async resend(callbackId: string, address?: CallbackAddress): Promise<Callback> {
    for (;;) {
      const unit = new UnitOfWork(this.#ports);
      const found = await this.read(callbackId);
      if (!found) throw new BatonError("CALLBACK_UNKNOWN", `There is no callback ${callbackId}`);
      const isRedirected = address !== undefined && address.url !== found.data.target.url;
      const written = isRedirected ? await this.#sendCopy(found.data, address) : await this.#sendAgain(found);
      if (!written) continue;
      await unit.publish([callbackMessage(written.callbackId)]);
      return written;
    }
  }

  /** Undefined on a version conflict. */
  async #sendAgain(found: StoredCallback): Promise<Callback | undefined> {
    const again = resetForResend(found.data, this.#ports.ids.unique());
    return again ? (await this.write(found, again))?.data : found.data;
  }

  async #sendCopy(callback: Callback, address: CallbackAddress): Promise<Callback | undefined> {
    const copy = redirectCallback(callback, address, this.#ports.ids.unique());
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
