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
import { deliverCallback, type SenderParts } from "./deliver-callback.ts";
import type { Dependencies } from "./dependencies.ts";
import { cancelBatch, requestCancel } from "./end-or-cancel-batch.ts";
import { type ReceivedEvent, receiveEvent } from "./events.ts";
import { FanOut } from "./fan-out.ts";
import { type DeliveryContext, handleTask, type TaskParts } from "./handle-task.ts";
import { UnitOfWork } from "./outgoing-messages.ts";
import { Administration, type AdministrationParts } from "./queries/administration.ts";
import { Batches } from "./records/batches.ts";
import { durably } from "./records/commit.ts";
import { Definitions } from "./records/definitions.ts";
import { IdempotencyStore } from "./records/idempotency-records.ts";
import { TaskLogs } from "./records/task-logs.ts";
import { type RetryParts, retryBatch } from "./start/retry-batch.ts";
import { type ScheduleParts, startDueSlots } from "./start/schedules.ts";
import { type Started, startByMessage, startByObject, startBySlot } from "./start/start-batch.ts";
import { Cleanup, redriveBatch, sweep } from "./sweep.ts";

/** What the handlers use together. Each of them takes a part of it. */
interface EngineParts extends TaskParts, RetryParts, ScheduleParts, SenderParts, AdministrationParts {}

/** Wires the handlers of all messages. What the engine keeps in memory is only a cache. */
export class Engine {
  readonly deadLetters: DeadLetters;
  /** What people ask, and what they do to records. */
  readonly admin: Administration;
  readonly #parts: EngineParts;
  readonly #cleanup: Cleanup;

  constructor(dependencies: Dependencies) {
    const { store, settings } = dependencies;
    const definitions = new Definitions(dependencies);
    this.deadLetters = new DeadLetters(dependencies);
    this.#parts = {
      ...dependencies,
      definitions,
      batches: new Batches(store, definitions, settings.retentionSeconds),
      logs: new TaskLogs(dependencies),
      records: new IdempotencyStore(store),
      outbox: new CallbackOutbox(dependencies),
      fanOut: new FanOut(dependencies),
      deadLetters: this.deadLetters,
    };
    this.#cleanup = new Cleanup(store);
    this.admin = new Administration(this.#parts);
  }

  /** The recursive handler; see `handle-task.ts`. Throws `BATCH_UNKNOWN`, `BATCH_EXPIRED`, `TASK_UNKNOWN`. */
  handleTask(message: TaskMessage, delivery: DeliveryContext): MaybePromise<void> {
    return handleTask(this.#parts, message, delivery);
  }

  /** Throws `WORKFLOW_UNKNOWN`, `INPUT_INVALID`, `INPUT_TOO_LARGE`. */
  start(message: StartMessage): Promise<Started> {
    return startByMessage(this.#parts, message);
  }

  /** Starts the batch of a slot: the same batch that its schedule starts. Throws `INPUT_INVALID`. */
  startBySlot(workflow: DeployedWorkflow, schedule: Schedule, slot: number): Promise<Started> {
    return startBySlot(this.#parts, workflow, schedule, slot);
  }

  /** The time by the store's clock, which decides which slots are due. */
  async now(): Promise<number> {
    return (await this.#parts.store.get({ collection: "schedules", id: "now" })).readTime;
  }

  startByObject(message: ObjectMessage): Promise<Started[]> {
    return startByObject(this.#parts, message);
  }

  /** Which files of a bucket start deployed workflows. */
  async dropInterest(bucket: string): Promise<DropMatcher> {
    return new DropMatcher(bucket, await this.#parts.catalog.all());
  }

  /** Starts the due slots of all schedules. */
  tick(): Promise<void> {
    return startDueSlots(this.#parts);
  }

  /** Publishes again what may be lost; see `sweep`. Deletes expired records where the store does not. */
  async sweep(message: SweepMessage = { kind: "sweep" }): Promise<void> {
    await sweep(this.#parts, message);
    if (this.#parts.settings.retentionSeconds === undefined) await this.#cleanup.next();
  }

  redrive(batchId: string): Promise<void> {
    return redriveBatch(this.#parts, batchId);
  }

  /** Throws `BATCH_UNKNOWN`. */
  receiveEvent(message: EventMessage): Promise<ReceivedEvent> {
    return receiveEvent(this.#parts, message);
  }

  deliverCallback(callbackId: string): Promise<void> {
    return deliverCallback(this.#parts, callbackId);
  }

  /** Throws `BATCH_UNKNOWN`. */
  cancel(batchId: string): Promise<void> {
    return cancelBatch(this.#parts, batchId);
  }

  /** Has a worker cancel the batch. Throws `BATCH_UNKNOWN`. */
  requestCancel(batchId: string): Promise<void> {
    return requestCancel(this.#parts, batchId);
  }

  /** Throws `BATCH_UNKNOWN`, `BATCH_NOT_FINISHED`, `BATCH_SUCCEEDED`. */
  retry(batchId: string): Promise<Started> {
    return retryBatch(this.#parts, batchId);
  }

  /** A unit of work whose messages are published only if its writes were not undone. */
  begin(): UnitOfWork {
    return new UnitOfWork(this.#parts);
  }

  /** Returns the result of `work` when all its writes are durable. Throws if one of them was undone. */
  durably<Result>(work: () => MaybePromise<Result>): Promise<Result> {
    return durably(this.#parts.store, work);
  }
}
