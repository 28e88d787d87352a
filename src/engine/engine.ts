import {
  CONTROL_QUEUE,
  type EventMessage,
  type ObjectMessage,
  type StartMessage,
  type SweepMessage,
  type TaskMessage,
} from "../core/messages.ts";
import type { Schedule } from "../core/schedule/schedule.ts";
import { END_TASK_ID } from "../core/values/text.ts";
import { DropMatcher } from "../core/workflow/trigger.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import { cancelBatch } from "./cancel.ts";
import { Completions } from "./completion.ts";
import { deliverCallback } from "./deliver-callback.ts";
import type { Dependencies } from "./dependencies.ts";
import type { Executor } from "./execute/execute.ts";
import { createExecutor } from "./execute/execute.ts";
import { FanOut, finalizeBatch } from "./fan-out.ts";
import { type DeliveryContext, rerouteToQueue } from "./messages.ts";
import { CallbackOutbox } from "./outbox.ts";
import { Administration } from "./queries/administration.ts";
import { DeadLetters } from "./queries/dead-letters.ts";
import { Batches } from "./records/batches.ts";
import { Definitions } from "./records/definitions.ts";
import { TaskLogs } from "./records/task-logs.ts";
import { retryBatch } from "./start/retry-batch.ts";
import { Schedules } from "./start/schedules.ts";
import { type Started, Starter } from "./start/start-batch.ts";
import { type ReceivedEvent, receiveEvent } from "./steps.ts";
import { Cleanup, isReady, redriveBatch, Sweep } from "./sweep.ts";
import { durably, UnitOfWork } from "./unit-of-work.ts";

/** The engine: every handler of a message. It keeps nothing in memory that may not be lost. */
export class Engine {
  readonly deadLetters: DeadLetters;
  /** What people ask, and what they do to records. */
  readonly admin: Administration;
  readonly #dependencies: Dependencies;
  readonly #definitions: Definitions;
  readonly #batches: Batches;
  readonly #logs: TaskLogs;
  readonly #starter: Starter;
  readonly #schedules: Schedules;
  readonly #executor: Executor;
  readonly #completions: Completions;
  readonly #outbox: CallbackOutbox;
  readonly #cleanup: Cleanup;
  readonly #sweep: Sweep;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
    this.#definitions = new Definitions(dependencies);
    this.#batches = new Batches(
      dependencies.store,
      this.#definitions,
      dependencies.settings.retentionSeconds,
    );
    this.#logs = new TaskLogs(dependencies);
    this.#starter = new Starter(dependencies, this.#definitions, this.#batches);
    this.#outbox = new CallbackOutbox(dependencies);
    this.#cleanup = new Cleanup(dependencies.store);
    this.#sweep = new Sweep(dependencies);
    const fanOut = new FanOut(dependencies);
    this.#executor = createExecutor(dependencies, this.#logs, this.#outbox, fanOut);
    this.#completions = new Completions(dependencies, this.#logs, this.#executor, fanOut);
    this.deadLetters = new DeadLetters(dependencies);
    this.admin = new Administration({
      dependencies,
      definitions: this.#definitions,
      batches: this.#batches,
      logs: this.#logs,
      outbox: this.#outbox,
      deadLetters: this.deadLetters,
    });
    this.#schedules = new Schedules(dependencies, this.#starter, this.deadLetters);
  }

  /**
   * The recursive handler. Without `previousTaskId` it executes `taskId`: claims, runs, commits, and publishes the
   * completion. With it, that task has completed: it publishes an execute message for every child that is ready.
   * With inline completions the first call also does the work of the second.
   */
  async handleTask(message: TaskMessage, arrival: DeliveryContext): Promise<void> {
    const { unit } = arrival;
    const batch = await this.#batches.pinned(message.batchId);
    if (message.previousTaskId !== undefined)
      return await this.#completions.complete(batch, message.previousTaskId, message, unit);
    // Not its turn yet: its parents' completions will start it when it is.
    // mutation: unsigned-message-proves-nothing
    if (!message.ready && !(await isReady(this.#logs, batch, message.taskId))) return;
    if (message.taskId === END_TASK_ID) return this.#end(message.batchId);
    if (await rerouteToQueue(this.#dependencies, batch, message.taskId, arrival)) return;
    await this.#executor.execute(batch, message.taskId, unit);
  }

  /** A cancel that died half-way is carried on before its batch ends. */
  async #end(batchId: string): Promise<void> {
    const batch = await finalizeBatch(this.#dependencies, this.#batches, batchId, { byCancel: false });
    if (batch.status === "RUNNING") await this.cancel(batchId);
  }

  /** Throws `WORKFLOW_UNKNOWN`, `INPUT_INVALID`, `INPUT_TOO_LARGE`. */
  start(message: StartMessage): Promise<Started> {
    return this.#starter.start(message);
  }

  /** Starts the batch of a slot, as its schedule would: it is the same one. Throws `INPUT_INVALID`. */
  startBySlot(workflow: DeployedWorkflow, schedule: Schedule, slot: number): Promise<Started> {
    return this.#starter.startBySlot(workflow, schedule, slot);
  }

  /** The time by the clock of the store, which decides what slots are due. */
  async now(): Promise<number> {
    return (await this.#dependencies.store.get({ collection: "schedules", id: "now" })).readTime;
  }

  startByObject(message: ObjectMessage): Promise<Started[]> {
    return this.#starter.startByObject(message);
  }

  /** What the deployed workflows make of the files of a bucket. */
  async dropInterest(bucket: string): Promise<DropMatcher> {
    return new DropMatcher(bucket, await this.#dependencies.catalog.all());
  }

  /** Starts what the schedules of the deployed workflows say is due. */
  tick(): Promise<void> {
    return this.#schedules.tick();
  }

  /** Looks for what has lost its driver; see `Sweep`. */
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

  /** Has a batch cancelled by whoever handles its messages, who may do what the asker may not. Throws `BATCH_UNKNOWN`. */
  async requestCancel(batchId: string): Promise<void> {
    const { ids } = this.#dependencies;
    const unit = this.begin();
    const batch = await this.#batches.update(batchId, ids.unique, async ({ status, cancelRequested }) =>
      status === "RUNNING" && !cancelRequested ? { cancelRequested: true } : undefined,
    );
    if (batch.status === "RUNNING")
      await unit.publish([{ queue: CONTROL_QUEUE, message: { kind: "redrive", batchId } }]);
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

  /** Begins a unit of work: its messages are published only while its writes stand. */
  begin(): UnitOfWork {
    return new UnitOfWork(this.#dependencies);
  }

  /** Gives the result of work once all that it wrote is durable; throws when any of that was undone. */
  durably<Result>(work: () => Promise<Result>): Promise<Result> {
    return durably(this.#dependencies.store, work);
  }
}
