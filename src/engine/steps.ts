import { errorMessage } from "../core/errors/errors.ts";
import { type Execution, keyStepScope } from "../core/execution-record.ts";
import type { EventMessage } from "../core/messages.ts";
import { type Step, StepSchema, stepObjectPrefix } from "../core/steps.ts";
import type { JsonText, JsonValue } from "../core/values/json.ts";
import type { DocumentKey, DocumentStore, Snapshot, StoredDocument, Version } from "../ports/store.ts";
import type { StepMemory, StepResult, StepWait } from "../ports/task-runner.ts";
import { type Dependencies, retryTransient } from "./dependencies.ts";
import { executeMessage } from "./messages.ts";
import type { Batches, PinnedBatch } from "./records/batches.ts";
import { deleteWhere } from "./records/bulk.ts";
import { commitIdempotent } from "./records/nonced-commit.ts";
import { recordKinds } from "./records/record-kinds.ts";
import { keyOf, Records } from "./records/records.ts";
import { jsonText, readResult, storeResult } from "./records/results.ts";
import type { StoredLog, TaskLogs } from "./records/task-logs.ts";
import { durably, UnitOfWork } from "./unit-of-work.ts";

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
export async function forgetSteps(
  dependencies: Pick<Dependencies, "store" | "logger" | "clock">,
  spent: Pick<Execution, "key" | "generation"> | undefined,
  unit: UnitOfWork,
): Promise<void> {
  if (!spent) return;
  const { store, logger } = dependencies;
  try {
    await unit.durable();
    await retryTransient(dependencies, () => deleteSteps(store, spent));
  } catch (error) {
    logger.warn("steps of a result that has run out stay", { key: spent.key, error: errorMessage(error) });
  }
}

interface Parts {
  readonly dependencies: Dependencies;
  readonly logs: TaskLogs;
}

/** Ends the waits of tasks, at most `writesPerCommit`, and has them looked at. Gives the ids of those that still waited. */
async function resumeOnEvent(
  { dependencies, logs }: Parts,
  batch: PinnedBatch,
  found: readonly StoredLog[],
): Promise<string[]> {
  const waiting = found.filter(({ log }) => log.status === "WAITING");
  if (waiting.length === 0) return [];
  const unit = new UnitOfWork(dependencies);
  const woken = (await logs.endWaits(waiting)).map(({ log }) => log.taskId);
  await unit.publish(
    // mutation: woken-task-is-published
    woken.map((taskId) => executeMessage(batch, taskId)),
  );
  return woken;
}

/**
 * Wakes a task that waits for an event that has been sent already: whoever kept the event may not have seen it wait.
 * False: it goes on waiting, or has been woken. Whoever woke it publishes it; should that be lost, it is found as overdue.
 */
export async function resumeIfEventReceived(
  parts: Parts,
  batch: PinnedBatch,
  found: StoredLog,
): Promise<boolean> {
  const { status, dueSeconds, events } = found.log;
  if (status !== "WAITING" || dueSeconds === 0) return false;
  for (const event of events) {
    const { document } = await parts.dependencies.store.get(
      keyOf(recordKinds.event, { batchId: batch.batchId, event }),
    );
    if (document) return (await resumeOnEvent(parts, batch, [found])).length > 0;
  }
  return false;
}

/** What became of an event. */
export interface ReceivedEvent {
  /** False: one of its name had been sent before, and stands. */
  readonly isFirst: boolean;
  /** Tasks that waited for it. */
  readonly woken: readonly string[];
}

/**
 * Keeps an event for the tasks of a batch that wait for it now or will later. The first of a name stands; sent again,
 * with another payload or not, it only wakes once more. Throws `BATCH_UNKNOWN`.
 */
export async function receiveEvent(
  dependencies: Dependencies,
  batches: Batches,
  logs: TaskLogs,
  { batchId, event, payload }: EventMessage,
): Promise<ReceivedEvent> {
  const batch = await batches.pinned(batchId);
  const { store, objects, ids } = dependencies;
  const object = `${batchId}/events/${ids.unique()}.json`;
  const stored = await storeResult(objects, object, jsonText(payload ?? null));
  const data = { batchId, event, payload: stored, nonce: ids.unique() };
  const events = new Records(store, recordKinds.event);
  // mutation: first-event-counts
  const kept = await events.create(data);
  const woken: string[] = [];
  for await (const page of logs.waitersFor(batchId, event))
    woken.push(...(await resumeOnEvent({ dependencies, logs }, batch, page)));
  return { isFirst: kept.kind === "won", woken };
}
