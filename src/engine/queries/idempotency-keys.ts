import type { Callback } from "../../core/callback.ts";
import { BatonError } from "../../core/errors/errors.ts";
import {
  type Execution,
  isExpiredExecution,
  keyStepScope,
  releaseExecution,
  resetResult,
} from "../../core/execution-record.ts";
import { limits } from "../../core/limits.ts";
import { truncateResult } from "../../core/records.ts";
import type { Step } from "../../core/steps.ts";
import { type CallbackView, callbackView } from "../../core/views/views.ts";
import type { CallbackCondition } from "../../ports/callbacks.ts";
import type { Dependencies } from "../dependencies.ts";
import { callbackMessage } from "../messages.ts";
import { type CallbackOutbox, type FoundCallbacks, findArchived } from "../outbox.ts";
import { IdempotencyStore, type StoredExecution } from "../records/executions.ts";
import { recordKinds } from "../records/record-kinds.ts";
import { Records } from "../records/records.ts";
import { durably, UnitOfWork } from "../unit-of-work.ts";
import { Newest } from "./batch-list.ts";

/** Everything that is known of an idempotency key. */
export interface Explanation {
  readonly execution: Execution;
  /** Time since the record was written, by the store's clock. */
  readonly ageMs: number;
  /** When it was read, by the worker's clock, in milliseconds. */
  readonly readAt: number;
  /** The newest, oldest first. */
  readonly steps: readonly StoredStep[];
  /** The newest, oldest first. */
  readonly callbacks: readonly CallbackView[];
  /** Older steps and callbacks that are not among them. */
  readonly more: number;
}

interface StoredStep extends Pick<Step, "name" | "kind"> {
  /** By the store's clock, in milliseconds. */
  readonly storedAt: number;
  /** The beginning of what it returned, as JSON. */
  readonly value: string;
}

/** What people ask of idempotency keys, and do to them. */
export class IdempotencyAdmin {
  readonly #dependencies: Dependencies;
  readonly #records: IdempotencyStore;
  readonly #outbox: CallbackOutbox;

  constructor(dependencies: Dependencies, outbox: CallbackOutbox) {
    this.#dependencies = dependencies;
    this.#records = new IdempotencyStore(dependencies.store);
    this.#outbox = outbox;
  }

  /** The record of a key, if there is one that still counts. */
  async find(key: string): Promise<StoredExecution | undefined> {
    const found = await this.#records.read(key);
    return found && !isExpiredExecution(found.data, found.ageMs) ? found : undefined;
  }

  /** Throws `EXECUTION_UNKNOWN`. */
  async explain(key: string): Promise<Explanation> {
    const { data: execution, ageMs } = await this.#records.require(key);
    const readAt = this.#dependencies.clock.now();
    const steps = new Newest<StoredStep>(limits.explainedRows, ({ storedAt }) => storedAt);
    const ofScope = [{ field: "scope", equals: keyStepScope(execution) }];
    for await (const page of new Records(this.#dependencies.store, recordKinds.step).pages(ofScope))
      for (const { data, writtenAt } of page) {
        const { name, kind, result } = data;
        steps.add({ name, kind, storedAt: writtenAt, value: kind === "value" ? truncateResult(result) : "" });
      }
    const callbacks = new Newest<CallbackView>(limits.explainedRows, ({ occurredAt }) => occurredAt);
    await this.#outbox.eachOfKey(key, (callback) => callbacks.add(callbackView(callback)));
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
    return this.#records.require(key);
  }

  /** Frees the lock; whoever holds it is fenced. False when it was not locked. Throws `EXECUTION_UNKNOWN`. */
  async unlock(key: string): Promise<boolean> {
    const { store, ids } = this.#dependencies;
    return durably(store, () =>
      this.#records.update(key, ({ data: execution }) =>
        execution.state === "PROCESSING" ? releaseExecution(execution, ids.unique()) : undefined,
      ),
    );
  }

  /** Forgets the result and the stored steps: the next call runs. False when it is locked. Throws `EXECUTION_UNKNOWN`. */
  async clearResult(key: string): Promise<boolean> {
    const { store, ids } = this.#dependencies;
    return durably(store, () =>
      this.#records.update(key, ({ data: execution }) =>
        execution.state === "PROCESSING" ? undefined : resetResult(execution, ids.unique()),
      ),
    );
  }
}

/** What people ask of final callbacks. */
export class CallbackAdmin {
  readonly #dependencies: Dependencies;
  readonly #outbox: CallbackOutbox;
  readonly #records: IdempotencyStore;

  constructor(dependencies: Dependencies, outbox: CallbackOutbox) {
    this.#dependencies = dependencies;
    this.#outbox = outbox;
    this.#records = new IdempotencyStore(dependencies.store);
  }

  async find(callbackId: string): Promise<Callback | undefined> {
    return (await this.#outbox.read(callbackId))?.data;
  }

  /** Throws `CALLBACK_UNKNOWN`. */
  async require(eventId: string): Promise<Callback> {
    const found = await this.find(eventId);
    if (!found) throw new BatonError("CALLBACK_UNKNOWN", `There is no callback ${eventId}`);
    return found;
  }

  /** Those that the tasks of a batch made. */
  ofBatch(batchId: string): Promise<Callback[]> {
    return this.#outbox.ofBatch(batchId);
  }

  ofKey(key: string): Promise<Callback[]> {
    return this.#outbox.ofKey(key);
  }

  /**
   * The final callback of a key: that of its cached result, else the last one that the key made, which outlives its record.
   * Throws `EXECUTION_UNKNOWN`, `CALLBACK_UNKNOWN`.
   */
  async lastOfKey(key: string): Promise<Callback> {
    const record = await this.#records.read(key);
    const cachedId = record?.data.callbackId ?? null;
    const cached = cachedId === null ? undefined : await this.find(cachedId);
    if (cached) return cached;
    const made = await this.#outbox.ofKey(key);
    const firsts = made.filter(({ callbackId, eventId }) => callbackId === eventId);
    const last = firsts.sort((one, other) => other.occurredAt - one.occurredAt)[0];
    if (last) return last;
    if (!record) await this.#records.require(key);
    throw new BatonError("CALLBACK_UNKNOWN", `The key ${key} has no stored callback`);
  }

  /** Sends a stored callback again. Durable when it returns. Throws `CALLBACK_UNKNOWN`. */
  resend(callbackId: string): Promise<Callback> {
    return durably(this.#dependencies.store, () => this.#outbox.resend(callbackId));
  }

  /** Throws `SQL_FAILED`, `TABLE_MISMATCH`, and what the warehouse throws. */
  archived(table: string, condition: CallbackCondition, limit: number): Promise<FoundCallbacks> {
    return findArchived(this.#dependencies.callbackArchive, table, condition, limit);
  }

  /** Has callbacks looked at by this process, which works: those that somebody else sends, or that wait, are left alone. */
  async driveDue(callbackIds: readonly string[]): Promise<void> {
    const unit = new UnitOfWork(this.#dependencies);
    for (const callbackId of callbackIds) {
      const found = await this.#outbox.read(callbackId);
      if (found?.data.state === "PENDING" && found.ageMs >= found.data.dueSeconds * 1_000)
        await unit.publish([callbackMessage(callbackId)]);
    }
  }
}
