import * as z from "zod";
import { BatonError } from "../core/errors/errors.ts";
import type { Completion } from "../core/messages.ts";
import { isTerminal } from "../core/records.ts";
import { type Duration, parseDurationSeconds } from "../core/values/duration.ts";
import { type JsonValue, StoredJsonSchema } from "../core/values/json.ts";
import type { MemoryObjects } from "./fakes/memory-objects.ts";
import { type TestRun, toTestRun } from "./test-run.ts";
import type { WorkflowWorld } from "./workflow-world.ts";

/** A batch that has started. Its time passes only while the test waits for something. */
export interface StartedRun<Tasks> {
  readonly batchId: string;
  /**
   * Lets time pass until the task waits for an event, a completion or a time. Throws `TEST_STUCK` if it ends before.
   */
  untilWaiting(taskId: keyof Tasks & string): Promise<void>;
  /** Lets time pass: `"2h"`. */
  advance(duration: Duration): Promise<void>;
  /** Sends an event to the batch. */
  sendEvent(name: string, payload?: JsonValue): Promise<void>;
  /** Ends a task that waits for its completion, as another system does. */
  complete(taskId: keyof Tasks & string, completion: Completion): Promise<void>;
  cancel(): Promise<void>;
  /** The batch as it is now. */
  show(): Promise<TestRun<Tasks>>;
  /** Lets time pass until the batch has ended and its callbacks are sent. */
  end(): Promise<TestRun<Tasks>>;
}

/** Results by task, of a workflow whose types are not known. */
export type Results = Readonly<Record<string, JsonValue>>;

const LargeResultSchema = z.strictObject({ bucket: z.string(), object: z.string(), bytes: z.int() });

/** How far time and the lists of calls were when a run began. */
export interface Beginning {
  readonly now: number;
  readonly callbacks: number;
  readonly calls: number;
}

/** The real engine behind it. */
export class RealStartedRun implements StartedRun<Results> {
  readonly batchId: string;
  readonly #world: WorkflowWorld;
  readonly #since: Beginning;
  readonly #checkTask: (taskId: string) => void;

  constructor(world: WorkflowWorld, batchId: string, since: Beginning, checkTask: (taskId: string) => void) {
    this.batchId = batchId;
    this.#world = world;
    this.#since = since;
    this.#checkTask = checkTask;
  }

  async untilWaiting(taskId: string): Promise<void> {
    this.#checkTask(taskId);
    await this.#world.until(async () => {
      const { tasks } = await this.#view();
      const status = tasks.find((task) => task.taskId === taskId)?.status ?? "NEW";
      if (isTerminal(status))
        throw new BatonError("TEST_STUCK", `Task ${taskId} ended ${status} without waiting`);
      return status === "WAITING";
    });
  }

  async advance(duration: Duration): Promise<void> {
    await this.#world.advance(parseDurationSeconds(duration, "advance") * 1_000);
  }

  async sendEvent(name: string, payload: JsonValue = null): Promise<void> {
    const { engine } = this.#world.machine;
    const message = { kind: "event", batchId: this.batchId, event: name, payload } as const;
    await this.#world.during(() => engine.receiveEvent(message));
  }

  async complete(taskId: string, completion: Completion): Promise<void> {
    this.#checkTask(taskId);
    const { batchId } = this;
    const { deliveries } = this.#world.machine;
    const message = { kind: "task", batchId, taskId, previousTaskId: taskId, completion } as const;
    await this.#world.during(() => deliveries.deliver({ message, deliveryAttempt: 1 }));
  }

  async cancel(): Promise<void> {
    await this.#world.during(() => this.#world.machine.engine.cancel(this.batchId));
  }

  async show(): Promise<TestRun<Results>> {
    const view = await this.#view();
    const { now, callbacks, fakes } = this.#world;
    return toTestRun(view, {
      callbacks: callbacks.slice(this.#since.callbacks),
      calls: fakes.calls.slice(this.#since.calls),
      durationMs: now - this.#since.now,
      readLarge: (result) => readLarge(result, fakes.objects),
    });
  }

  async end(): Promise<TestRun<Results>> {
    await this.#world.until(async () => {
      const { status } = await this.#view();
      return status !== "RUNNING" && !this.#world.hasPendingCallbacks();
    });
    return this.show();
  }

  #view() {
    return this.#world.machine.engine.admin.show(this.batchId);
  }
}

/** A result that is too large for its TaskLog is an object. */
function readLarge(result: JsonValue, objects: MemoryObjects): JsonValue {
  const { data } = LargeResultSchema.safeParse(result);
  if (!data || !objects.names(data.bucket).includes(data.object)) return result;
  return StoredJsonSchema.parse(JSON.parse(objects.text(data.bucket, data.object)));
}
