import { BatonError } from "../core/errors/errors.ts";
import type { Broker, OutgoingMessage } from "../ports/broker.ts";
import type { DocumentStore, SyncMark } from "../ports/store.ts";

/**
 * A stretch of work whose messages must not outlive its writes: a store may undo a write after it has answered. The unit
 * remembers the moment that it began, so every message that is published through it is checked against its writes.
 */
export class UnitOfWork {
  readonly #store: DocumentStore;
  readonly #broker: Broker;
  readonly #since: SyncMark;

  constructor({ store, broker }: { readonly store: DocumentStore; readonly broker: Broker }) {
    this.#store = store;
    this.#broker = broker;
    this.#since = store.mark();
  }

  /**
   * Publishes what follows from the writes of this unit, unless any of them was undone. No other work comes between the
   * check and the publish. Throws `STORE_FAILED`.
   */
  publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.#store.mark() !== this.#since)
      return Promise.reject(new BatonError("STORE_FAILED", "What was to be announced has been undone"));
    return this.#broker.publish(messages);
  }

  /** Resolves when all writes of this unit are durable; throws when any of them was undone. */
  durable(): Promise<void> {
    return this.#store.sync(this.#since);
  }
}

/** Gives the result of work that writes once its writes are durable. Throws what the work throws, or that one was undone. */
export async function durably<Result>(store: DocumentStore, work: () => Promise<Result>): Promise<Result> {
  const since = store.mark();
  const result = await work();
  await store.sync(since);
  return result;
}
