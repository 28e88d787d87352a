import { executionId } from "../../src/core/idempotency-lock.ts";
import type { JsonValue } from "../../src/core/values/json.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";
import type { Documents } from "../../src/testing/world/documents.ts";
import type { World } from "../../src/testing/world/world.ts";
import type { Invariants } from "./invariants.ts";
import { executionOf, findLog } from "./parsed.ts";

type Run = Pick<TaskContext, "batchId" | "taskId" | "attempt" | "idempotencyKey">;

/** What the code of tasks has done to the world outside: it outlives every process. */
export class Ledger {
  readonly #world: World;
  readonly #documents: Documents;
  readonly #invariants: Invariants;
  /** What each step was seen to return, by call and name. */
  readonly #used = new Map<string, JsonValue>();
  readonly #since = new Map<string, number>();
  #effects = 0;

  constructor(world: World, documents: Documents, invariants: Invariants) {
    this.#world = world;
    this.#documents = documents;
    this.#invariants = invariants;
  }

  started(batchId: string, taskId: string): void {
    this.#world.note("a task's code begins", () => `${batchId}/${taskId}`);
    this.#invariants.logs.started(`${batchId}/${taskId}`);
  }

  /** A step has an effect that can't be undone, and differs every time: not again once its result has been used. */
  effect(run: Run, step: string): number {
    if (this.#isLive(run) && this.#used.has(nameOf(run, step)))
      this.#world.violate("step-done-once", `${nameOf(run, step)} is done again`);
    this.#effects += 1;
    return this.#effects;
  }

  /**
   * The task continues with a step's result: every later run of the same call has to continue with the same one. What a
   * worker does that has lost its claim can't be fenced: it has no effect.
   */
  used(run: Run, step: string, value: JsonValue): void {
    if (!this.#isLive(run)) return;
    const name = nameOf(run, step);
    const before = this.#used.get(name);
    if (before === undefined) this.#used.set(name, value);
    else if (JSON.stringify(before) !== JSON.stringify(value))
      this.#world.violate(
        "step-done-once",
        `${name}: ${JSON.stringify(before)}, then ${JSON.stringify(value)}`,
      );
  }

  /** Whether `seconds` have passed since a call first asked. */
  hasPassed(run: Run, seconds: number): boolean {
    const since = this.#since.get(run.idempotencyKey) ?? this.#world.now;
    this.#since.set(run.idempotencyKey, since);
    return this.#world.now - since >= seconds * 1_000;
  }

  /** Something that must not be possible has been. */
  wrong(rule: string, run: Run): void {
    this.#world.violate(rule, `${run.batchId}/${run.taskId}`);
  }

  #isLive({ batchId, taskId, attempt }: Run): boolean {
    const log = findLog(this.#documents, batchId, taskId);
    if (log?.status !== "PROCESSING" || log.attempt !== attempt) return false;
    if (log.key === null) return true;
    const record = this.#documents.get({ collection: "executions", id: executionId(log.key) });
    const holder = record && executionOf(record).holder;
    return holder?.batchId === batchId && holder.taskId === taskId;
  }
}

function nameOf({ idempotencyKey }: Run, step: string): string {
  return `${idempotencyKey} ${step}`;
}
