import { BatonError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Completion, TaskMessage } from "../core/messages.ts";
import { CONTROL_QUEUE } from "../core/messages.ts";
import type { TaskLog } from "../core/records.ts";
import type { AttemptOutcome } from "../core/settlement.ts";
import { isTerminal } from "../core/status.ts";
import type { SyncMark } from "../ports/store.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import type { Executor } from "./execute.ts";
import type { FanOut } from "./fan-out.ts";
import { finalCallbackMessages } from "./messages.ts";
import { publishSince } from "./publish.ts";
import { jsonText, storeResult } from "./results.ts";
import type { TaskLogs } from "./task-logs.ts";

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

  async complete(batch: PinnedBatch, taskId: string, message: TaskMessage, since: SyncMark): Promise<void> {
    const ending = message.ending ?? (await this.#readEnding(batch, taskId, message, since));
    if (!ending || ending.status === "CANCELLED") return;
    const { redrive = false, rest } = message;
    await this.#fanOut.passOn(batch, taskId, ending, { redrive, rest, since });
  }

  /** The committed ending; undefined when there is none yet and the message has been dealt with. */
  async #readEnding(batch: PinnedBatch, taskId: string, message: TaskMessage, since: SyncMark) {
    const task = batch.graph.tasks.get(taskId);
    if (!task) throw new BatonError("TASK_UNKNOWN", `Batch ${batch.batchId} has no task ${taskId}`);
    const found = await this.#logs.read(batch.batchId, taskId);
    if (found && isTerminal(found.log.status)) {
      const callbacks = finalCallbackMessages(batch.batchId, task);
      if (callbacks.length > 0) await publishSince(this.#dependencies, since, callbacks);
      return { status: found.log.status, reason: found.log.reason };
    }
    const isStored =
      found?.log.status === "WAITING" &&
      found.log.reason === "completion" &&
      (await this.#executor.complete(
        batch,
        task,
        found,
        await this.#outcomeOf(found.log, message.completion),
      ));
    // It came before its task waits for it, or could not be stored now: it is kept until it can, or the task has ended.
    if (!isStored)
      await this.#dependencies.timer.schedule({ queue: CONTROL_QUEUE, message }, limits.earlyCompletionMs);
    return undefined;
  }

  async #outcomeOf(
    { batchId, taskId, attempt }: TaskLog,
    completion: Completion = { result: null },
  ): Promise<AttemptOutcome> {
    if ("error" in completion) {
      const message = completion.error.slice(0, limits.errorMessageCharacters);
      return { kind: "failed", error: { code: "TASK_FAILED", message, retryable: false }, notes: null };
    }
    const { objects, ids } = this.#dependencies;
    const object = `${batchId}/${taskId}/${attempt}-${ids.unique()}.json`;
    const result = await storeResult(objects, object, jsonText(completion.result));
    return { kind: "succeeded", result, notes: null };
  }
}
