import { errorMessage } from "../core/errors/errors.ts";
import { type Execution, keyStepScope } from "../core/idempotency-lock.ts";
import { type Step, StepSchema, stepObjectPrefix } from "../core/steps.ts";
import type { JsonText, JsonValue } from "../core/values/json.ts";
import type {
  DocumentKey,
  DocumentStore,
  MaybePromise,
  Snapshot,
  StoredDocument,
  Version,
} from "../ports/store.ts";
import type { StepMemory, StepResult, StepWait } from "../ports/task-runner.ts";
import type { Ports } from "./dependencies.ts";
import type { UnitOfWork } from "./outgoing-messages.ts";
import { deleteWhere } from "./records/bulk.ts";
import { commitIdempotent, durably, retryTransient } from "./records/commit.ts";
import { keyOf, Records, recordKinds } from "./records/records.ts";
import { readResult, storeResult } from "./records/results.ts";

export type StepPorts = Ports<"store" | "objects" | "ids" | "logger" | "clock">;

type StepWrite =
  | { readonly kind: "create"; readonly key: DocumentKey }
  | { readonly kind: "update"; readonly key: DocumentKey; readonly version: Version };

type NewStep = Pick<Step, "name" | "result"> & Pick<StepResult, "kind">;

/**
 * The stored steps of one call of a task. A step is created once and never changes. A second writer, such as a worker
 * that lost its lease, gets the result of the first.
 */
export class StoredSteps implements StepMemory {
  readonly #ports: StepPorts;
  readonly #scope: string;
  readonly #batchId: string;

  constructor(ports: StepPorts, scope: string, batchId: string) {
    this.#ports = ports;
    this.#scope = scope;
    this.#batchId = batchId;
  }

  async find(name: string): Promise<StepResult | undefined> {
    const { store } = this.#ports;
    return this.#retryTransient(async () => this.#doneStep(await store.get(this.#key(name, "value"))));
  }

  async store(name: string, kind: StepResult["kind"], value: JsonText): Promise<StepResult> {
    const { objects, ids } = this.#ports;
    // A unique name: a second writer must not overwrite the object that the first step refers to.
    const object = stepObjectPrefix(`${this.#scope}/${ids.unique()}.json`);
    const result = await this.#retryTransient(() => storeResult(objects, object, value));
    return this.#retryTransient(() => this.#keep({ name, kind, result }));
  }

  async startWait(name: string): Promise<StepWait> {
    return this.#retryTransient(() => this.#waiting(name));
  }

  async event(name: string): Promise<{ readonly payload: JsonValue } | undefined> {
    return this.#retryTransient(() => this.#event(name));
  }

  #retryTransient<T>(work: () => MaybePromise<T>): MaybePromise<T> {
    // mutation: step-store-errors-are-retried
    return retryTransient(this.#ports, work);
  }

  async #keep(step: NewStep): Promise<StepResult> {
    const { name, kind, result } = step;
    const key = this.#key(name, "value");
    let current = await this.#write({ kind: "create", key }, step);
    // mutation: first-step-counts
    for (let { document } = current; document && this.#isForeignTimeout(document); { document } = current)
      current = await this.#write({ kind: "update", key, version: document.version }, step);
    return (await this.#doneStep(current)) ?? { kind, value: await readResult(this.#ports.objects, result) };
  }

  async #waiting(name: string): Promise<StepWait> {
    const key = this.#key(name, "since");
    const found = await this.#ports.store.get(key);
    if (found.document) return { since: found.document.updateTime, now: found.readTime };
    const written = await this.#write(
      { kind: "create", key },
      { name, kind: "since", result: { value: null } },
    );
    const since = written.document?.updateTime ?? written.readTime;
    return { since, now: Math.max(since, written.readTime) };
  }

  async #event(name: string): Promise<{ readonly payload: JsonValue } | undefined> {
    const { store, objects } = this.#ports;
    const found = await new Records(store, recordKinds.event).read({ batchId: this.#batchId, event: name });
    return found && { payload: await readResult(objects, found.data.payload) };
  }

  /** Returns the document that is stored afterwards, ours or that of another writer. It is durable. */
  async #write(write: StepWrite, step: Pick<Step, "name" | "kind" | "result">): Promise<Snapshot> {
    const { store, ids } = this.#ports;
    const data = { scope: this.#scope, batchId: this.#batchId, ...step, nonce: ids.unique() };
    const outcome = await durably(store, () => commitIdempotent(store, { ...write, data }));
    if (outcome.kind === "lost") return outcome.current;
    const { version, commitTime } = outcome.committed;
    return { document: { key: write.key, data, version, updateTime: commitTime }, readTime: commitTime };
  }

  async #doneStep({ document }: Snapshot): Promise<StepResult | undefined> {
    if (!document || this.#isForeignTimeout(document)) return undefined;
    const { kind, result } = StepSchema.parse(document.data);
    if (kind === "since") return undefined;
    return { kind, value: await readResult(this.#ports.objects, result) };
  }

  /**
   * A wait of another batch timed out: this batch waits itself. Only results of steps are shared by all calls of a key.
   */
  #isForeignTimeout({ data }: StoredDocument): boolean {
    const { kind, batchId } = StepSchema.parse(data);
    return kind === "timeout" && batchId !== this.#batchId;
  }

  #key(name: string, kind: Step["kind"]): DocumentKey {
    return keyOf(recordKinds.step, { scope: this.#scope, batchId: this.#batchId, name, kind });
  }
}

/** Deletes the steps of one generation of a key. */
export function deleteSteps(
  store: DocumentStore,
  execution: Pick<Execution, "key" | "generation">,
): Promise<void> {
  return deleteWhere(store, "steps", { field: "scope", equals: keyStepScope(execution) });
}

/**
 * Deletes the steps of an expired result. `unit` is that of the new lock: until it is durable, another call could still
 * continue with the steps. Never throws: no call finds them any more, and no task may fail because of them.
 */
export async function deleteExpiredSteps(
  ports: Ports<"store" | "logger" | "clock">,
  expired: Pick<Execution, "key" | "generation"> | undefined,
  unit: UnitOfWork,
): Promise<void> {
  if (!expired) return;
  const { store, logger } = ports;
  try {
    await unit.durable();
    await retryTransient(ports, () => deleteSteps(store, expired));
  } catch (error) {
    logger.warn("steps of an expired result are not deleted", {
      key: expired.key,
      error: errorMessage(error),
    });
  }
}
