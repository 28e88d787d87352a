import { errorMessage } from "../core/errors/errors.ts";
import { type Execution, keyStepScope } from "../core/execution-record.ts";
import { type Step, StepSchema, stepObjectPrefix } from "../core/steps.ts";
import type { JsonText, JsonValue } from "../core/values/json.ts";
import type { DocumentKey, DocumentStore, Snapshot, StoredDocument, Version } from "../ports/store.ts";
import type { StepMemory, StepResult, StepWait } from "../ports/task-runner.ts";
import type { Dependencies } from "./dependencies.ts";
import type { UnitOfWork } from "./outgoing-messages.ts";
import { deleteWhere } from "./records/bulk.ts";
import { commitIdempotent, durably, retryTransient } from "./records/commit.ts";
import { keyOf, Records, recordKinds } from "./records/records.ts";
import { readResult, storeResult } from "./records/results.ts";

type Place =
  | { readonly kind: "create"; readonly key: DocumentKey }
  | { readonly kind: "update"; readonly key: DocumentKey; readonly version: Version };

type NewStep = Pick<Step, "name" | "result"> & Pick<StepResult, "kind">;

/**
 * The stored steps of one call. A step is created once and never changed: whoever comes second, be it a worker that
 * has lost its lease, gets what the first has stored.
 */
export class StoredSteps implements StepMemory {
  readonly #dependencies: Dependencies;
  readonly #scope: string;
  readonly #batchId: string;

  constructor(dependencies: Dependencies, scope: string, batchId: string) {
    this.#dependencies = dependencies;
    this.#scope = scope;
    this.#batchId = batchId;
  }

  find(name: string): Promise<StepResult | undefined> {
    const { store } = this.#dependencies;
    return this.#insist(async () => this.#doneStep(await store.get(this.#key(name, "value"))));
  }

  async store(name: string, kind: StepResult["kind"], value: JsonText): Promise<StepResult> {
    const { objects, ids } = this.#dependencies;
    // A name of its own: whoever comes second must not write over what the first one's step refers to.
    const object = stepObjectPrefix(`${this.#scope}/${ids.unique()}.json`);
    const result = await this.#insist(() => storeResult(objects, object, value));
    return this.#insist(() => this.#keep({ name, kind, result }));
  }

  startWait(name: string): Promise<StepWait> {
    return this.#insist(() => this.#waiting(name));
  }

  event(name: string): Promise<{ readonly payload: JsonValue } | undefined> {
    return this.#insist(() => this.#event(name));
  }

  #insist<T>(work: () => Promise<T>): Promise<T> {
    // mutation: step-store-errors-are-retried
    return retryTransient(this.#dependencies, work);
  }

  async #keep(step: NewStep): Promise<StepResult> {
    const { name, kind, result } = step;
    const key = this.#key(name, "value");
    let stands = await this.#write({ kind: "create", key }, step);
    // mutation: first-step-counts
    for (let { document } = stands; document && this.#isForeignTimeout(document); { document } = stands)
      stands = await this.#write({ kind: "update", key, version: document.version }, step);
    return (
      (await this.#doneStep(stands)) ?? { kind, value: await readResult(this.#dependencies.objects, result) }
    );
  }

  async #waiting(name: string): Promise<StepWait> {
    const key = this.#key(name, "since");
    const found = await this.#dependencies.store.get(key);
    if (found.document) return { since: found.document.updateTime, now: found.readTime };
    const stands = await this.#write(
      { kind: "create", key },
      { name, kind: "since", result: { value: null } },
    );
    const since = stands.document?.updateTime ?? stands.readTime;
    return { since, now: Math.max(since, stands.readTime) };
  }

  async #event(name: string): Promise<{ readonly payload: JsonValue } | undefined> {
    const { store, objects } = this.#dependencies;
    const found = await new Records(store, recordKinds.event).read({ batchId: this.#batchId, event: name });
    return found && { payload: await readResult(objects, found.data.payload) };
  }

  /** Gives what stands afterwards, durably. */
  async #write(place: Place, step: Pick<Step, "name" | "kind" | "result">): Promise<Snapshot> {
    const { store, ids } = this.#dependencies;
    const data = { scope: this.#scope, batchId: this.#batchId, ...step, nonce: ids.unique() };
    const outcome = await durably(store, () => commitIdempotent(store, { ...place, data }));
    if (outcome.kind === "lost") return outcome.current;
    const { version, commitTime } = outcome.committed;
    return { document: { key: place.key, data, version, updateTime: commitTime }, readTime: commitTime };
  }

  async #doneStep({ document }: Snapshot): Promise<StepResult | undefined> {
    if (!document || this.#isForeignTimeout(document)) return undefined;
    const { kind, result } = StepSchema.parse(document.data);
    if (kind === "since") return undefined;
    return { kind, value: await readResult(this.#dependencies.objects, result) };
  }

  /** Another batch waited in vain: this one waits for itself. What steps gave is for every call of the same key. */
  #isForeignTimeout({ data }: StoredDocument): boolean {
    const { kind, batchId } = StepSchema.parse(data);
    return kind === "timeout" && batchId !== this.#batchId;
  }

  #key(name: string, kind: Step["kind"]): DocumentKey {
    return keyOf(recordKinds.step, { scope: this.#scope, batchId: this.#batchId, name, kind });
  }
}

/** Deletes the steps that belong to a generation of a key. */
export function deleteSteps(
  store: DocumentStore,
  execution: Pick<Execution, "key" | "generation">,
): Promise<void> {
  return deleteWhere(store, "steps", { field: "scope", equals: keyStepScope(execution) });
}

/**
 * Deletes the steps of a result that has run out, once somebody else has the key: another call may have been about to go on
 * with them before. `unit`: that of the claim of the key. Never throws: nobody finds them any more, and a task is not to fail for them.
 */
export async function deleteExpiredSteps(
  dependencies: Pick<Dependencies, "store" | "logger" | "clock">,
  expired: Pick<Execution, "key" | "generation"> | undefined,
  unit: UnitOfWork,
): Promise<void> {
  if (!expired) return;
  const { store, logger } = dependencies;
  try {
    await unit.durable();
    await retryTransient(dependencies, () => deleteSteps(store, expired));
  } catch (error) {
    logger.warn("steps of a result that has run out stay", { key: expired.key, error: errorMessage(error) });
  }
}
