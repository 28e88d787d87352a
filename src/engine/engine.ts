import type {
  EventMessage,
  ObjectMessage,
  StartMessage,
  SweepMessage,
  TaskMessage,
} from "../core/messages.ts";
import type { Schedule } from "../core/schedule/schedule.ts";
import { DropMatcher } from "../core/workflow/trigger.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import type { MaybePromise } from "../ports/store.ts";
import { CallbackOutbox } from "./callback-outbox.ts";
import { DeadLetters } from "./dead-letters.ts";
import { deliverCallback } from "./deliver-callback.ts";
import type { Dependencies } from "./dependencies.ts";
import { cancelBatch, requestCancel } from "./end-or-cancel-batch.ts";
import { type ReceivedEvent, receiveEvent } from "./events.ts";
import { type DeliveryContext, TaskHandler } from "./handle-task.ts";
import { UnitOfWork } from "./outgoing-messages.ts";
import { Administration } from "./queries/administration.ts";
import { Batches } from "./records/batches.ts";
import { durably } from "./records/commit.ts";
import { Definitions } from "./records/definitions.ts";
import { TaskLogs } from "./records/task-logs.ts";
import { retryBatch } from "./start/retry-batch.ts";
import { Schedules } from "./start/schedules.ts";
import { type Started, Starter } from "./start/start-batch.ts";
import { Cleanup, redriveBatch, Sweep } from "./sweep.ts";

/** Wires the handlers of all messages. What the engine keeps in memory is only a cache. */
export class Engine {
  readonly deadLetters: DeadLetters;
  /** What people ask, and what they do to records. */
  readonly admin: Administration;
  readonly #dependencies: Dependencies;
  readonly #definitions: Definitions;
  readonly #batches: Batches;
  readonly #logs: TaskLogs;
  readonly #outbox: CallbackOutbox;
  readonly #tasks: TaskHandler;
  readonly #starter: Starter;
  readonly #schedules: Schedules;
  readonly #sweep: Sweep;
  readonly #cleanup: Cleanup;

  constructor(dependencies: Dependencies) {
    const { store, settings } = dependencies;
    this.#dependencies = dependencies;
    this.#definitions = new Definitions(dependencies);
    this.#batches = new Batches(store, this.#definitions, settings.retentionSeconds);
    this.#logs = new TaskLogs(dependencies);
    this.#outbox = new CallbackOutbox(dependencies);
    this.deadLetters = new DeadLetters(dependencies);
    this.#tasks = new TaskHandler(dependencies, this.#batches, this.#logs, this.#outbox);
    this.#starter = new Starter(dependencies, this.#definitions, this.#batches);
    this.#schedules = new Schedules(dependencies, this.#starter, this.deadLetters);
    this.#sweep = new Sweep(dependencies);
    this.#cleanup = new Cleanup(store);
    this.admin = new Administration({
      dependencies,
      definitions: this.#definitions,
      batches: this.#batches,
      logs: this.#logs,
      outbox: this.#outbox,
      deadLetters: this.deadLetters,
    });
  }

  /** The recursive handler; see `handle-task.ts`. Throws `BATCH_UNKNOWN`, `BATCH_EXPIRED`, `TASK_UNKNOWN`. */
  handleTask(message: TaskMessage, delivery: DeliveryContext): MaybePromise<void> {
    return this.#tasks.handle(message, delivery);
  }

  /** Throws `WORKFLOW_UNKNOWN`, `INPUT_INVALID`, `INPUT_TOO_LARGE`. */
  start(message: StartMessage): Promise<Started> {
    return this.#starter.start(message);
  }

  /** Starts the batch of a slot: the same batch that its schedule starts. Throws `INPUT_INVALID`. */
  startBySlot(workflow: DeployedWorkflow, schedule: Schedule, slot: number): Promise<Started> {
    return this.#starter.startBySlot(workflow, schedule, slot);
  }

  /** The time by the store's clock, which decides which slots are due. */
  async now(): Promise<number> {
    return (await this.#dependencies.store.get({ collection: "schedules", id: "now" })).readTime;
  }

  startByObject(message: ObjectMessage): Promise<Started[]> {
    return this.#starter.startByObject(message);
  }

  /** Which files of a bucket start deployed workflows. */
  async dropInterest(bucket: string): Promise<DropMatcher> {
    return new DropMatcher(bucket, await this.#dependencies.catalog.all());
  }

  /** Starts the due slots of all schedules. */
  tick(): Promise<void> {
    return this.#schedules.tick();
  }

  /** Publishes again what may be lost; see `Sweep`. Deletes expired records where the store does not. */
  async sweep(message: SweepMessage = { kind: "sweep" }): Promise<void> {
    await this.#sweep.pass(message);
    if (this.#dependencies.settings.retentionSeconds === undefined) await this.#cleanup.next();
  }

  redrive(batchId: string): Promise<void> {
    return redriveBatch(this.#dependencies, this.#batches, this.#logs, batchId);
  }

  /** Throws `BATCH_UNKNOWN`. */
  receiveEvent(message: EventMessage): Promise<ReceivedEvent> {
    return receiveEvent(this.#dependencies, this.#batches, this.#logs, message);
  }

  deliverCallback(callbackId: string): Promise<void> {
    return deliverCallback(this.#dependencies, this.#outbox, callbackId);
  }

  /** Throws `BATCH_UNKNOWN`. */
  cancel(batchId: string): Promise<void> {
    return cancelBatch(this.#dependencies, this.#batches, this.#logs, batchId);
  }

  /** Has a worker cancel the batch. Throws `BATCH_UNKNOWN`. */
  requestCancel(batchId: string): Promise<void> {
    return requestCancel(this.#dependencies, this.#batches, batchId);
  }

  /** Throws `BATCH_UNKNOWN`, `BATCH_NOT_FINISHED`, `BATCH_SUCCEEDED`. */
  retry(batchId: string): Promise<Started> {
    return retryBatch(
      {
        dependencies: this.#dependencies,
        definitions: this.#definitions,
        batches: this.#batches,
        logs: this.#logs,
      },
      batchId,
    );
  }

  /** A unit of work whose messages are published only if its writes were not undone. */
  begin(): UnitOfWork {
    return new UnitOfWork(this.#dependencies);
  }

  /** Returns the result of `work` when all its writes are durable. Throws if one of them was undone. */
  durably<Result>(work: () => MaybePromise<Result>): Promise<Result> {
    return durably(this.#dependencies.store, work);
  }
}
