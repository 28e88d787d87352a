import {
  type Execution,
  isExpiredExecution,
  keyStepScope,
  releaseExecution,
  resetResult,
} from "../../core/idempotency-lock.ts";
import { limits } from "../../core/limits.ts";
import { truncateResult } from "../../core/records.ts";
import type { Step } from "../../core/steps.ts";
import { type CallbackView, callbackView } from "../../core/views/views.ts";
import type { CallbackOutbox } from "../callback-outbox.ts";
import type { Ports } from "../dependencies.ts";
import { durably } from "../records/commit.ts";
import type { IdempotencyStore, StoredExecution } from "../records/idempotency-records.ts";
import { Records, recordKinds } from "../records/records.ts";
import { Newest } from "./batch-list.ts";

/** All that is stored about an idempotency key. */
export interface Explanation {
  readonly execution: Execution;
  /** Age of the record, by the store's clock. */
  readonly ageMs: number;
  /** Time of the read by the clock of this process, in milliseconds. */
  readonly readAt: number;
  /** The newest, oldest first. */
  readonly steps: readonly StoredStep[];
  /** The newest, oldest first. */
  readonly callbacks: readonly CallbackView[];
  /** The number of older steps and callbacks. */
  readonly more: number;
}

interface StoredStep extends Pick<Step, "name" | "kind"> {
  /** By the store's clock, in milliseconds. */
  readonly storedAt: number;
  /** The first characters of its result, as JSON. */
  readonly value: string;
}

interface IdempotencyAdminParts extends Ports<"store" | "ids" | "clock"> {
  readonly records: IdempotencyStore;
  readonly outbox: CallbackOutbox;
}

/** Shows, unlocks and clears idempotency keys. */
export class IdempotencyAdmin {
  readonly #parts: IdempotencyAdminParts;

  constructor(parts: IdempotencyAdminParts) {
    this.#parts = parts;
  }

  /** Undefined: there is no record, or it has expired. */
  async find(key: string): Promise<StoredExecution | undefined> {
    const found = await this.#parts.records.read(key);
    return found && !isExpiredExecution(found.data, found.ageMs) ? found : undefined;
  }

  /** Throws `EXECUTION_UNKNOWN`. */
  async explain(key: string): Promise<Explanation> {
    const { data: execution, ageMs } = await this.#parts.records.require(key);
    const readAt = this.#parts.clock.now();
    const steps = new Newest<StoredStep>(limits.explainedRows, ({ storedAt }) => storedAt);
    const ofScope = [{ field: "scope", equals: keyStepScope(execution) }];
    for await (const page of new Records(this.#parts.store, recordKinds.step).pages(ofScope))
      for (const { data, writtenAt } of page) {
        const { name, kind, result } = data;
        steps.add({ name, kind, storedAt: writtenAt, value: kind === "value" ? truncateResult(result) : "" });
      }
    const callbacks = new Newest<CallbackView>(limits.explainedRows, ({ occurredAt }) => occurredAt);
    await this.#parts.outbox.eachOfKey(key, (callback) => callbacks.add(callbackView(callback)));
    return {
      execution,
      ageMs,
      readAt,
      steps: steps.rows.toSorted((one, other) => one.storedAt - other.storedAt),
      callbacks: callbacks.rows.toSorted((one, other) => one.occurredAt.localeCompare(other.occurredAt)),
      more: steps.more + callbacks.more,
    };
  }

  /** The record alone. Throws `EXECUTION_UNKNOWN`. */
  require(key: string): Promise<StoredExecution> {
    return this.#parts.records.require(key);
  }

  /** Releases the lock; the worker that holds it is fenced. False: it was not locked. Throws `EXECUTION_UNKNOWN`. */
  async unlock(key: string): Promise<boolean> {
    const { store, ids } = this.#parts;
    return durably(store, () =>
      this.#parts.records.update(key, ({ data: execution }) =>
        execution.state === "PROCESSING" ? releaseExecution(execution, ids.unique()) : undefined,
      ),
    );
  }

  /** Clears the result and its steps, so that the next call runs. False: it is locked. Throws `EXECUTION_UNKNOWN`. */
  async clearResult(key: string): Promise<boolean> {
    const { store, ids } = this.#parts;
    return durably(store, () =>
      this.#parts.records.update(key, ({ data: execution }) =>
        execution.state === "PROCESSING" ? undefined : resetResult(execution, ids.unique()),
      ),
    );
  }
}
