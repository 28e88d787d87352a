import { BatonError } from "../core/errors/errors.ts";
import type { Ending } from "../core/joins.ts";
import { limits } from "../core/limits.ts";
import type { TaskMessage } from "../core/messages.ts";
import { isTerminal } from "../core/records.ts";
import { awaitsCompletion, type ReportedEnding, toReportedOutcome } from "../core/steps.ts";
import type { TaskDefinition } from "../core/workflow/definition.ts";
import type { Dependencies } from "./dependencies.ts";
import { earlyCompletion, keepEarlyCompletion, storeCompletion } from "./early-completion.ts";
import type { Executor } from "./execute/execute.ts";
import type { FanOut } from "./fan-out.ts";
import { executeMessage, finalCallbackMessages } from "./messages.ts";
import type { PinnedBatch } from "./records/batches.ts";
import type { StoredLog, TaskLogs } from "./records/task-logs.ts";
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
    await this.#fanOut.dispatchChildren(batch, taskId, ending, { redrive, rest, unit });
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
    await keepEarlyCompletion(this.#dependencies, { batchId: batch.batchId, taskId }, told);
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
    told: ReportedEnding,
  ): Promise<boolean> {
    if (!found || !awaitsCompletion(found.log)) return false;
    const kept = await earlyCompletion(this.#dependencies.store, found.log);
    return this.#executor.complete(batch, task, found, kept?.outcome ?? toReportedOutcome(told));
  }

  /** After a completion was kept: a task that began to wait meanwhile may not have seen it. Gives how it has ended, if it has. */
  async #lookAgain(batch: PinnedBatch, task: TaskDefinition, told: ReportedEnding, unit: UnitOfWork) {
    const { timer } = this.#dependencies;
    const found = await this.#logs.read(batch.batchId, task.id);
    // mutation: stored-completion-is-checked-again
    const isToTry = found && awaitsCompletion(found.log);
    if (isToTry && !(await this.#take(batch, task, found, told)))
      await timer.schedule(executeMessage(batch, task.id), limits.lockPollSeconds.first * 1_000);
    return this.#endingOf(task, found, unit);
  }
}
