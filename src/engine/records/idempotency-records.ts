import { BatonError } from "../../core/errors/errors.ts";
import {
  type Execution,
  type Holder,
  holdForCancel,
  isExpiredExecution,
  isHeldForCancel,
  releaseExecution,
} from "../../core/idempotency-lock.ts";
import type { TaskLog } from "../../core/records.ts";
import type { DocumentStore } from "../../ports/store.ts";
import { Records, recordKinds, type Stored } from "./records.ts";

export type StoredExecution = Stored<Execution>;

/** The result of locking a key while the remote job of a cancelled task is stopped. */
export type HoldOutcome =
  | { readonly kind: "held"; readonly execution: Execution }
  /** Another canceller holds it. */
  | { readonly kind: "busy" }
  /** Another call has taken the key. */
  | { readonly kind: "foreign" };

/** The execution records: one document per idempotency key. */
export class IdempotencyStore {
  readonly #records: Records<Execution, Pick<Execution, "key">>;

  constructor(store: DocumentStore) {
    this.#records = new Records(store, recordKinds.execution);
  }

  read(key: string): Promise<StoredExecution | undefined> {
    return this.#records.read({ key });
  }

  /** Conditional update. False on a version conflict. */
  async write(found: StoredExecution, execution: Execution): Promise<boolean> {
    return (await this.#records.write(found, execution)) !== undefined;
  }

  /** Throws `EXECUTION_UNKNOWN`. */
  async require(key: string): Promise<StoredExecution> {
    return required(key, await this.read(key));
  }

  /** Undefined: the task has no key, or does not hold its lock any more. */
  async heldBy({ key, batchId, taskId }: TaskLog): Promise<StoredExecution | undefined> {
    if (key === null) return undefined;
    const found = await this.read(key);
    // mutation: failed-task-frees-its-lock
    if (!found || !isHeldBy(found.data, { batchId, taskId })) return undefined;
    return found;
  }

  /** Releases the lock if the task holds it. A lock held for a cancel is left to its canceller, or expires. */
  async release({ key, batchId, taskId }: TaskLog, nonce: () => string): Promise<void> {
    if (key === null) return;
    await this.#releaseIf(
      key,
      nonce,
      ({ data: execution, ageMs }) =>
        isHeldBy(execution, { batchId, taskId }) && !isHeldForCancel(execution, ageMs),
    );
  }

  /** Locks the key while the remote job of a cancelled task is stopped: another call could adopt the job. */
  async hold(key: string, holder: Holder, nonce: () => string): Promise<HoldOutcome> {
    for (;;) {
      const found = await this.read(key);
      if (!found) return { kind: "foreign" };
      const { data: execution, ageMs } = found;
      if (execution.state !== "FREE" && !isHeldBy(execution, holder)) return { kind: "foreign" };
      if (isHeldForCancel(execution, ageMs)) return { kind: "busy" };
      // The next call starts a new generation, with a job of another name. A lock would revive the expired result.
      if (isExpiredExecution(execution, ageMs)) return { kind: "held", execution };
      const held = holdForCancel(execution, holder, nonce());
      if (await this.write(found, held)) return { kind: "held", execution: held };
    }
  }

  /** Releases the hold, unless it has expired and another call has the key. */
  async releaseHold(held: Execution, nonce: () => string): Promise<void> {
    await this.#releaseIf(
      held.key,
      nonce,
      ({ data }) => data.state === "PROCESSING" && data.nonce === held.nonce,
    );
  }

  async isStillHeld({ key, nonce }: Execution): Promise<boolean> {
    return (await this.read(key))?.data.nonce === nonce;
  }

  async #releaseIf(
    key: string,
    nonce: () => string,
    isOurs: (found: StoredExecution) => boolean,
  ): Promise<void> {
    await this.#records.update({ key }, (found) =>
      found && isOurs(found) ? releaseExecution(found.data, nonce()) : undefined,
    );
  }

  /**
   * Changes the record. False if `change` returns undefined; it runs again after a version conflict. Throws
   * `EXECUTION_UNKNOWN`.
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
