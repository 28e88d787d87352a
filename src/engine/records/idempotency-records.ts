import { BatonError } from "../../core/errors/errors.ts";
import {
  type Execution,
  type Holder,
  holdForCancel,
  isExpiredExecution,
  isHeldForCancel,
  releaseExecution,
} from "../../core/execution-record.ts";
import type { TaskLog } from "../../core/records.ts";
import type { DocumentStore } from "../../ports/store.ts";
import { Records, recordKinds, type Stored } from "./records.ts";

export type StoredExecution = Stored<Execution>;

/** What became of a key that is to be held for a cancel. */
export type HoldOutcome =
  | { readonly kind: "held"; readonly execution: Execution }
  /** Somebody else ends the same. */
  | { readonly kind: "busy" }
  /** Its work is another call's by now. */
  | { readonly kind: "foreign" };

/** The documents of idempotency keys. */
export class IdempotencyStore {
  readonly #records: Records<Execution, Pick<Execution, "key">>;

  constructor(store: DocumentStore) {
    this.#records = new Records(store, recordKinds.execution);
  }

  read(key: string): Promise<StoredExecution | undefined> {
    return this.#records.read({ key });
  }

  /** Replaces the record that was read; false when another writer was faster. */
  async write(found: StoredExecution, execution: Execution): Promise<boolean> {
    return (await this.#records.write(found, execution)) !== undefined;
  }

  /** Throws `EXECUTION_UNKNOWN`. */
  async require(key: string): Promise<StoredExecution> {
    return required(key, await this.read(key));
  }

  /** The record that a task holds the lock of, if it has a key and still holds it. */
  async heldBy({ key, batchId, taskId }: TaskLog): Promise<StoredExecution | undefined> {
    if (key === null) return undefined;
    const found = await this.read(key);
    // mutation: failed-task-frees-its-lock
    if (!found || !isHeldBy(found.data, { batchId, taskId })) return undefined;
    return found;
  }

  /** Frees the lock if the task holds it. One that is held for a cancel is given back by whoever cancels, or runs out. */
  async release({ key, batchId, taskId }: TaskLog, nonce: () => string): Promise<void> {
    if (key === null) return;
    await this.#free(
      key,
      nonce,
      ({ data: execution, ageMs }) =>
        isHeldBy(execution, { batchId, taskId }) && !isHeldForCancel(execution, ageMs),
    );
  }

  /** Keeps everybody else from a key while what a cancelled task has begun elsewhere is ended. */
  async hold(key: string, holder: Holder, nonce: () => string): Promise<HoldOutcome> {
    for (;;) {
      const found = await this.read(key);
      if (!found) return { kind: "foreign" };
      const { data: execution, ageMs } = found;
      if (execution.state !== "FREE" && !isHeldBy(execution, holder)) return { kind: "foreign" };
      if (isHeldForCancel(execution, ageMs)) return { kind: "busy" };
      // Whoever comes next begins anew, with a job of another name. Held, it would count again.
      if (isExpiredExecution(execution, ageMs)) return { kind: "held", execution };
      const held = holdForCancel(execution, holder, nonce());
      if (await this.write(found, held)) return { kind: "held", execution: held };
    }
  }

  /** Gives back what was held. It may have taken so long that somebody else has it. */
  async releaseHold(held: Execution, nonce: () => string): Promise<void> {
    await this.#free(held.key, nonce, ({ data }) => data.state === "PROCESSING" && data.nonce === held.nonce);
  }

  /** Whether nobody has taken what was held since. */
  async isStillHeld({ key, nonce }: Execution): Promise<boolean> {
    return (await this.read(key))?.data.nonce === nonce;
  }

  async #free(key: string, nonce: () => string, isOurs: (found: StoredExecution) => boolean): Promise<void> {
    await this.#records.update({ key }, (found) =>
      found && isOurs(found) ? releaseExecution(found.data, nonce()) : undefined,
    );
  }

  /**
   * Changes the record; false when `change` gives undefined, as nothing is to be done. It is asked again when another
   * writer was faster. Throws `EXECUTION_UNKNOWN`.
   */
  async update(key: string, change: (found: StoredExecution) => Execution | undefined): Promise<boolean> {
    const { after } = await this.#records.update({ key }, (found) => change(required(key, found)));
    return after !== undefined;
  }
}

export function isHeldBy(
  { state, holder }: Execution,
  task: { readonly batchId: string; readonly taskId: string },
): boolean {
  // mutation: only-the-holder-frees-a-lock
  return state === "PROCESSING" && holder?.batchId === task.batchId && holder.taskId === task.taskId;
}

function required(key: string, found: StoredExecution | undefined): StoredExecution {
  if (!found) throw new BatonError("EXECUTION_UNKNOWN", `There is no execution record of the key ${key}`);
  return found;
}
