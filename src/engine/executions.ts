import { type CallbackView, callbackView } from "../core/callback-view.ts";
import { cleared, type Execution, freed, isSpent, stepsOfKey } from "../core/execution.ts";
import { limits } from "../core/limits.ts";
import { shortResult } from "../core/short-result.ts";
import type { Step } from "../core/steps.ts";
import type { Dependencies } from "./dependencies.ts";
import { ExecutionRecords, type StoredExecution } from "./execution-records.ts";
import { Newest } from "./newest.ts";
import type { Outbox } from "./outbox.ts";
import { recordKinds } from "./record-kinds.ts";
import { Records } from "./records.ts";
import { durably } from "./unit-of-work.ts";

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
export class Executions {
  readonly #dependencies: Dependencies;
  readonly #records: ExecutionRecords;
  readonly #outbox: Outbox;

  constructor(dependencies: Dependencies, outbox: Outbox) {
    this.#dependencies = dependencies;
    this.#records = new ExecutionRecords(dependencies.store);
    this.#outbox = outbox;
  }

  /** The record of a key, if there is one that still counts. */
  async find(key: string): Promise<StoredExecution | undefined> {
    const found = await this.#records.read(key);
    return found && !isSpent(found.data, found.ageMs) ? found : undefined;
  }

  /** Throws `EXECUTION_UNKNOWN`. */
  async explain(key: string): Promise<Explanation> {
    const { data: execution, ageMs } = await this.#records.require(key);
    const readAt = this.#dependencies.clock.now();
    const steps = new Newest<StoredStep>(limits.explainedRows, ({ storedAt }) => storedAt);
    const ofScope = [{ field: "scope", equals: stepsOfKey(execution) }];
    for await (const page of new Records(this.#dependencies.store, recordKinds.step).pages(ofScope))
      for (const { data, writtenAt } of page) {
        const { name, kind, result } = data;
        steps.add({ name, kind, storedAt: writtenAt, value: kind === "value" ? shortResult(result) : "" });
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
        execution.state === "PROCESSING" ? freed(execution, ids.unique()) : undefined,
      ),
    );
  }

  /** Forgets the result and the stored steps: the next call runs. False when it is locked. Throws `EXECUTION_UNKNOWN`. */
  async clearResult(key: string): Promise<boolean> {
    const { store, ids } = this.#dependencies;
    return durably(store, () =>
      this.#records.update(key, ({ data: execution }) =>
        execution.state === "PROCESSING" ? undefined : cleared(execution, ids.unique()),
      ),
    );
  }
}
