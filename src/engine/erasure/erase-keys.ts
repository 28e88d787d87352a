import { BatonError } from "../../core/errors/errors.ts";
import { type Execution, keyStepScope, resetResult } from "../../core/idempotency-lock.ts";
import { limits } from "../../core/limits.ts";
import { ownBuckets } from "../../core/records.ts";
import { StepSchema, stepObjectPrefix } from "../../core/steps.ts";
import {
  decideErasure,
  type ErasedBatchIds,
  type ErasureDecision,
  eraseFailure,
} from "../../core/storage/erasure.ts";
import type { ObjectPrefix } from "../../ports/objects.ts";
import type { StoredDocument } from "../../ports/store.ts";
import type { Ports } from "../dependencies.ts";
import { countObjects, deleteEach, removeObjects } from "../records/bulk.ts";
import { commitIdempotent } from "../records/commit.ts";
import { IdempotencyStore, type StoredExecution } from "../records/idempotency-records.ts";
import { pages, recordKinds, writeOf } from "../records/records.ts";
import { deleteSteps } from "../steps.ts";

interface KeyErasurePlan {
  readonly fate: ErasureDecision;
  /** Steps to delete, and the objects with their results. */
  readonly steps: number;
  readonly objects: number;
}

/** Erases what the records of idempotency keys hold of erased batches. */
export class KeyErasure {
  readonly #ports: Ports<"store" | "objects" | "ids">;
  readonly #records: IdempotencyStore;
  readonly #forgotten: ErasedBatchIds;

  constructor(ports: Ports<"store" | "objects" | "ids">, forgotten: ErasedBatchIds) {
    this.#ports = ports;
    this.#records = new IdempotencyStore(ports.store);
    this.#forgotten = forgotten;
  }

  /** Undefined: the key has no record. Throws `EXECUTION_LOCKED`. */
  async plan(key: string): Promise<KeyErasurePlan | undefined> {
    const found = await this.#records.read(key);
    if (!found) return undefined;
    const { data: execution } = found;
    const { fate, own, all } = await this.#look(execution);
    if (fate !== "deleted") return { fate, steps: own.steps, objects: own.objects };
    return {
      fate,
      steps: all,
      objects: await countObjects(this.#ports.objects, objectsOf(execution)),
    };
  }

  /** Throws `EXECUTION_LOCKED`. */
  async forget(key: string): Promise<void> {
    for (let isDone = false; !isDone; ) {
      const found = await this.#records.read(key);
      isDone = found === undefined || (await this.#forget(found));
    }
  }

  async #look(execution: Execution) {
    const own = { steps: 0, objects: 0 };
    let all = 0;
    for await (const steps of this.#stepsOf(execution)) {
      all += steps.length;
      for (const step of steps.filter((one) => this.#isOwn(one))) {
        own.steps += 1;
        own.objects += objectsOfStep(execution, step).length;
      }
    }
    const fate = decideErasure(execution, this.#forgotten, own.steps > 0);
    if (fate === "locked") throw lockedBy(execution);
    return { fate, own, all };
  }

  /** False: another process has changed the record meanwhile. */
  async #forget(found: StoredExecution): Promise<boolean> {
    const { data: execution, ageMs } = found;
    const { ids } = this.#ports;
    const { fate } = await this.#look(execution);
    if (fate === "deleted") return this.#delete(found);
    if (
      fate === "scrubbed" &&
      !(await this.#records.write(found, eraseFailure(execution, ageMs, ids.unique())))
    )
      return false;
    await this.#deleteOwnSteps(execution);
    return true;
  }

  /**
   * Clears the record first: a later call then starts with steps of its own. The record is deleted last, because the
   * rest is found by it.
   */
  async #delete({ data: execution, version }: StoredExecution): Promise<boolean> {
    const { store, objects, ids } = this.#ports;
    const write = writeOf(recordKinds.execution, version, resetResult(execution, ids.unique()));
    const cleared = await commitIdempotent(store, write);
    if (cleared.kind === "lost") return false;
    await removeObjects(objects, objectsOf(execution));
    await deleteSteps(store, execution);
    const { version: latest, commitTime } = cleared.committed;
    const record = { key: write.key, data: write.data, version: latest, updateTime: commitTime };
    const [isDeleted] = await deleteEach(store, [record]);
    return isDeleted === true;
  }

  /** A step that another batch stored is kept: its call continues from there. */
  async #deleteOwnSteps(execution: Execution): Promise<void> {
    const { store, objects } = this.#ports;
    for await (const steps of this.#stepsOf(execution)) {
      const own = steps.filter((step) => this.#isOwn(step));
      for (const prefix of own.flatMap((step) => objectsOfStep(execution, step)))
        await removeObjects(objects, prefix);
      await deleteEach(store, own);
    }
  }

  async *#stepsOf(execution: Execution): AsyncGenerator<readonly StoredDocument[]> {
    const { store } = this.#ports;
    const scope = { field: "scope", equals: keyStepScope(execution) };
    for await (const page of pages(store, "steps", [scope], limits.largeDocumentsPage)) yield page.documents;
  }

  #isOwn({ data: { batchId } }: StoredDocument): boolean {
    return typeof batchId === "string" && this.#forgotten.has(batchId);
  }
}

/** The objects of all steps of a call. */
function objectsOf(execution: Execution): ObjectPrefix {
  return { bucket: ownBuckets.results, prefix: stepObjectPrefix(`${keyStepScope(execution)}/`) };
}

/** The object with a large result of one step. The result may name other objects, which are not its own. */
function objectsOfStep(execution: Execution, { data }: StoredDocument): ObjectPrefix[] {
  const { result } = StepSchema.parse(data);
  const { bucket, prefix } = objectsOf(execution);
  return "object" in result && result.object.startsWith(prefix) ? [{ bucket, prefix: result.object }] : [];
}

function lockedBy({ key, holder }: Execution): BatonError {
  const by = holder ? `task ${holder.taskId} of batch ${holder.batchId}` : "another call";
  return new BatonError("EXECUTION_LOCKED", `The key ${key} is locked by ${by}`);
}
