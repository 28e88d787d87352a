import { CallbackSchema } from "../core/callback.ts";
import { limits } from "../core/limits.ts";
import { CONTROL_QUEUE, type SweepMessage } from "../core/messages.ts";
import { isLookDue } from "../core/sweep.ts";
import type { OutgoingMessage } from "../ports/broker.ts";
import type { StoredDocument } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { callbackMessage } from "./messages.ts";
import { UnitOfWork } from "./unit-of-work.ts";

/**
 * Finds what may have lost its driver: every RUNNING batch, and every callback that is due, each of which is then looked at by a
 * message of its own. One message sees to one page and leaves what comes after it to the next, so that no pass grows with
 * the number of batches. Any number of passes may be under way at once.
 */
export class Sweep {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** A message that names no part begins with the first page of each. */
  async pass({ part, after }: SweepMessage): Promise<void> {
    if (part !== "callbacks") await this.#batches(after);
    // mutation: sweep-finds-callbacks
    if (part !== "batches") await this.#callbacks(after);
  }

  async #batches(after: string | undefined): Promise<void> {
    const { settings } = this.#dependencies;
    await this.#page("batches", { field: "status", equals: "RUNNING" }, after, ({ key, updateTime }, now) =>
      isLookDue({ id: key.id, ageMs: now - updateTime, now, passSeconds: settings.sweepSeconds })
        ? { queue: CONTROL_QUEUE, message: { kind: "redrive", batchId: key.id } }
        : undefined,
    );
  }

  /** Those that nobody is at, and whose back-off is over. One that can't be read is told of. */
  async #callbacks(after: string | undefined): Promise<void> {
    await this.#page("callbacks", { field: "state", equals: "PENDING" }, after, (document, now) => {
      const { data: callback } = CallbackSchema.safeParse(document.data);
      if (!callback) this.#dependencies.logger.error("a callback can't be read", { id: document.key.id });
      const isDue = callback && now - document.updateTime >= callback.dueSeconds * 1_000;
      return isDue ? callbackMessage(callback.callbackId) : undefined;
    });
  }

  async #page(
    part: "batches" | "callbacks",
    condition: { readonly field: string; readonly equals: string },
    after: string | undefined,
    messageOf: (document: StoredDocument, now: number) => OutgoingMessage | undefined,
  ): Promise<void> {
    const unit = new UnitOfWork(this.#dependencies);
    const { documents, readTime } = await this.#dependencies.store.query(part, [condition], {
      limit: limits.documentsPerSweep,
      ...(after !== undefined && { startAfter: after }),
    });
    const messages = documents.flatMap((document) => messageOf(document, readTime) ?? []);
    const last = documents.length < limits.documentsPerSweep ? undefined : documents.at(-1)?.key.id;
    if (last !== undefined)
      messages.push({ queue: CONTROL_QUEUE, message: { kind: "sweep", part, after: last } });
    if (messages.length > 0) await unit.publish(messages);
  }
}
