import type { TaskDefinition } from "../core/definition.ts";
import { BatonError } from "../core/errors.ts";
import type { Ending } from "../core/joins.ts";
import { awaitsCompletion, outcomeOfTold, type ToldEnding } from "../core/kept-completion.ts";
import { limits } from "../core/limits.ts";
import type { TaskMessage } from "../core/messages.ts";
import { isTerminal } from "../core/status.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import type { Executor } from "./execute.ts";
import type { FanOut } from "./fan-out.ts";
import { keepCompletion, keptCompletion, storeCompletion } from "./kept-completions.ts";
import { executeMessage, finalCallbackMessages } from "./messages.ts";
import type { StoredLog, TaskLogs } from "./task-logs.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

/** Handles "a task has completed", from Baton's own workers and from outside. */
export class Completions {
  readonly #dependencies: Dependencies;
  readonly #logs: TaskLogs;
  readonly #executor: Executor;
  readonly #fanOut: FanOut;

  constructor(dependencies: Dependencies, logs: TaskLogs, executor: Executor, fanOut: FanOut) {
    this.#dependencies = dependencies;
    this.#logs = logs;
    this.#executor = executor;
    this.#fanOut = fanOut;
  }

  async complete(batch: PinnedBatch, taskId: string, message: TaskMessage, unit: UnitOfWork): Promise<void> {
    const ending = message.ending ?? (await this.#readEnding(batch, taskId, message, unit));
    if (!ending) return;
    const { redrive = false, rest } = message;
    // mutation: end-is-a-join
    await this.#fanOut.passOn(batch, taskId, ending, { redrive, rest, unit });
  }

  /** The committed ending; undefined when there is none yet and the message has been dealt with. */
  async #readEnding(batch: PinnedBatch, taskId: string, message: TaskMessage, unit: UnitOfWork) {
    const task = batch.graph.tasks.get(taskId);
    if (!task) throw new BatonError("TASK_UNKNOWN", `Batch ${batch.batchId} has no task ${taskId}`);
    const found = await this.#logs.read(batch.batchId, taskId);
    const ending = await this.#endingOf(task, found, unit);
    if (ending) return ending;
    const told = await storeCompletion(
      this.#dependencies,
      { batchId: batch.batchId, taskId },
      message.completion ?? { result: null },
    );
    if (await this.#take(batch, task, found, told)) return undefined;
    // mutation: early-completion-is-stored
    await keepCompletion(this.#dependencies, { batchId: batch.batchId, taskId }, told);
    // mutation: late-ending-is-passed-on
    return this.#lookAgain(batch, task, told, unit);
  }

  /** How a task has ended, if it has. Whoever ended it may have died before it could tell of it, or have been us. */
  async #endingOf(
    task: TaskDefinition,
    found: StoredLog | undefined,
    unit: UnitOfWork,
  ): Promise<Ending | undefined> {
    if (!found || !isTerminal(found.log.status)) return undefined;
    const { batchId, status, reason } = found.log;
    const callbacks = finalCallbackMessages(batchId, task);
    // mutation: completion-sends-a-lost-callback
    if (callbacks.length > 0) await unit.publish(callbacks);
    return { status, reason };
  }

  /** Ends a task that waits, by the first completion that came for it; false when it does not wait, or can't end just now. */
  async #take(
    batch: PinnedBatch,
    task: TaskDefinition,
    found: StoredLog | undefined,
    told: ToldEnding,
  ): Promise<boolean> {
    if (!found || !awaitsCompletion(found.log)) return false;
    const kept = await keptCompletion(this.#dependencies.store, found.log);
    return this.#executor.complete(batch, task, found, kept?.outcome ?? outcomeOfTold(told));
  }

  /** After a completion was kept: a task that began to wait meanwhile may not have seen it. Gives how it has ended, if it has. */
  async #lookAgain(batch: PinnedBatch, task: TaskDefinition, told: ToldEnding, unit: UnitOfWork) {
    const { timer } = this.#dependencies;
    const found = await this.#logs.read(batch.batchId, task.id);
    // mutation: stored-completion-is-checked-again
    const isToTry = found && awaitsCompletion(found.log);
    if (isToTry && !(await this.#take(batch, task, found, told)))
      await timer.schedule(executeMessage(batch, task.id), limits.lockPollSeconds.first * 1_000);
    return this.#endingOf(task, found, unit);
  }
}
