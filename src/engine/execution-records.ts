import { BatonError } from "../core/errors.ts";
import {
  type Execution,
  ExecutionSchema,
  executionId,
  freed,
  type Holder,
  heldForCancel,
  isHeldForCancel,
  isSpent,
} from "../core/execution.ts";
import type { TaskLog } from "../core/records.ts";
import type { DocumentKey, DocumentStore, Snapshot, StoredDocument, Version } from "../ports/store.ts";
import { commitOwned, type OwnedWrite } from "./owned-commit.ts";

/** An execution record as it stands in the store. */
export interface StoredExecution {
  readonly execution: Execution;
  readonly version: Version;
  /** Time since it was written, by the store's clock. */
  readonly ageMs: number;
}

/** What became of a key that is to be held for a cancel. */
export type HoldOutcome =
  | { readonly kind: "held"; readonly execution: Execution }
  /** Somebody else ends the same. */
  | { readonly kind: "busy" }
  /** Its work is another call's by now. */
  | { readonly kind: "foreign" };

/** The documents of idempotency keys. */
export class ExecutionRecords {
  readonly #store: DocumentStore;

  constructor(store: DocumentStore) {
    this.#store = store;
  }

  async read(key: string): Promise<StoredExecution | undefined> {
    return toStoredExecution(await this.#store.get(executionDocument(key)));
  }

  /** Throws `EXECUTION_UNKNOWN`. */
  async require(key: string): Promise<StoredExecution> {
    const found = await this.read(key);
    if (!found) throw new BatonError("EXECUTION_UNKNOWN", `There is no execution record of the key ${key}`);
    return found;
  }

  /** The record that a task holds the lock of, if it has a key and still holds it. */
  async heldBy({ key, batchId, taskId }: TaskLog): Promise<StoredExecution | undefined> {
    if (key === null) return undefined;
    const found = await this.read(key);
    // mutation: failed-task-frees-its-lock
    if (!found || !isHeldBy(found.execution, { batchId, taskId })) return undefined;
    return found;
  }

  /** Frees the lock if the task holds it. One that is held for a cancel is given back by whoever cancels, or runs out. */
  async release({ key, batchId, taskId }: TaskLog, nonce: () => string): Promise<void> {
    if (key === null) return;
    await this.#free(
      key,
      nonce,
      ({ execution, ageMs }) =>
        isHeldBy(execution, { batchId, taskId }) && !isHeldForCancel(execution, ageMs),
    );
  }

  /** Keeps everybody else from a key while what a cancelled task has begun elsewhere is ended. */
  async hold(key: string, holder: Holder, nonce: () => string): Promise<HoldOutcome> {
    for (;;) {
      const found = await this.read(key);
      if (!found) return { kind: "foreign" };
      const { execution, ageMs } = found;
      if (execution.state !== "FREE" && !isHeldBy(execution, holder)) return { kind: "foreign" };
      if (isHeldForCancel(execution, ageMs)) return { kind: "busy" };
      // Whoever comes next begins anew, with a job of another name. Held, it would count again.
      if (isSpent(execution, ageMs)) return { kind: "held", execution };
      const held = heldForCancel(execution, holder, nonce());
      const { kind } = await commitOwned(this.#store, executionWrite(found.version, held));
      if (kind === "won") return { kind: "held", execution: held };
    }
  }

  /** Gives back what was held. It may have taken so long that somebody else has it. */
  async giveBack(held: Execution, nonce: () => string): Promise<void> {
    await this.#free(
      held.key,
      nonce,
      ({ execution }) => execution.state === "PROCESSING" && execution.nonce === held.nonce,
    );
  }

  /** Whether nobody has taken what was held since. */
  async isStillHeld({ key, nonce }: Execution): Promise<boolean> {
    return (await this.read(key))?.execution.nonce === nonce;
  }

  /** Reads anew as long as somebody else is faster. */
  async #free(key: string, nonce: () => string, isOurs: (found: StoredExecution) => boolean): Promise<void> {
    for (;;) {
      const found = await this.read(key);
      if (!found || !isOurs(found)) return;
      const write = executionWrite(found.version, freed(found.execution, nonce()));
      if ((await commitOwned(this.#store, write)).kind === "won") return;
    }
  }

  /**
   * Changes the record, reading anew as long as somebody else was faster. `change` gives what is to stand, or
   * undefined when nothing is to be done. Throws `EXECUTION_UNKNOWN`.
   */
  async update(
    key: string,
    change: (found: StoredExecution) => Execution | undefined,
  ): Promise<{ readonly before: Execution; readonly changed: boolean }> {
    for (;;) {
      const found = await this.require(key);
      const next = change(found);
      if (!next) return { before: found.execution, changed: false };
      const outcome = await commitOwned(this.#store, executionWrite(found.version, next));
      if (outcome.kind === "won") return { before: found.execution, changed: true };
    }
  }
}

export function isHeldBy(
  { state, holder }: Execution,
  task: { readonly batchId: string; readonly taskId: string },
): boolean {
  // mutation: only-the-holder-frees-a-lock
  return state === "PROCESSING" && holder?.batchId === task.batchId && holder.taskId === task.taskId;
}

/** The write that puts a record where it belongs, on condition of the version that was read; undefined: none was there. */
export function executionWrite(version: Version | undefined, execution: Execution): OwnedWrite {
  const key = executionDocument(execution.key);
  return version === undefined
    ? { kind: "create", key, data: execution }
    : { kind: "update", key, version, data: execution };
}

function executionDocument(key: string): DocumentKey {
  return { collection: "executions", id: executionId(key) };
}

export function toStoredExecution({ document, readTime }: Snapshot): StoredExecution | undefined {
  return document && fromDocument(document, readTime);
}

function fromDocument(document: StoredDocument, readTime: number): StoredExecution {
  return {
    execution: ExecutionSchema.parse(document.data),
    version: document.version,
    ageMs: readTime - document.updateTime,
  };
}
