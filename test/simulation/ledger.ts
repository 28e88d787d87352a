import type { JsonValue } from "../../src/core/json.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";
import type { Documents } from "./documents.ts";
import type { Invariants } from "./invariants.ts";
import { findLog } from "./parsed.ts";
import type { World } from "./world.ts";

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

  /** Something that can't be taken back, and is another thing every time. */
  effect(): number {
    this.#effects += 1;
    return this.#effects;
  }

  /**
   * The task goes on with what a step returned: every later run of the same call has to go on with the same. What a worker
   * does that has lost its claim can't be fenced: it comes to nothing.
   */
  used({ batchId, taskId, attempt, idempotencyKey }: Run, step: string, value: JsonValue): void {
    const log = findLog(this.#documents, batchId, taskId);
    if (log?.status !== "PROCESSING" || log.attempt !== attempt) return;
    const name = `${idempotencyKey} ${step}`;
    const before = this.#used.get(name);
    if (before === undefined) this.#used.set(name, value);
    else if (JSON.stringify(before) !== JSON.stringify(value))
      this.#world.violate(
        "step-done-once",
        `${name}: ${JSON.stringify(before)}, then ${JSON.stringify(value)}`,
      );
  }

  /** Whether so many seconds have passed since a call first asked. */
  hasPassed(call: string, seconds: number): boolean {
    const since = this.#since.get(call) ?? this.#world.now;
    this.#since.set(call, since);
    return this.#world.now - since >= seconds * 1_000;
  }
}
