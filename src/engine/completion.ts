import { BatonError } from "../core/errors/errors.ts";
import type { Ending } from "../core/joins.ts";
import { limits } from "../core/limits.ts";
import type { Completion, TaskMessage } from "../core/messages.ts";
import { isTerminal } from "../core/records.ts";
import type { AttemptOutcome } from "../core/settlement.ts";
import { awaitsCompletion, type ReportedEnding, toReportedOutcome } from "../core/steps.ts";
import { hashJson } from "../core/values/json.ts";
import { truncate } from "../core/values/text.ts";
import type { TaskDefinition } from "../core/workflow/definition.ts";
import type { DocumentStore } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { type EndingParts, endByCompletion } from "./execute/end-without-run.ts";
import { executeMessage, finalCallbackMessages, type UnitOfWork } from "./outgoing-messages.ts";
import type { PinnedBatch } from "./records/batches.ts";
import { keyOf, Records, recordKinds } from "./records/records.ts";
import { jsonText, storeResult } from "./records/results.ts";
import type { StoredLog, TaskLogs } from "./records/task-logs.ts";

interface CompletionParts extends EndingParts {
  readonly logs: TaskLogs;
}

/**
 * Handles completions. One from Baton's own workers carries the committed ending: its children are dispatched. One from
 * outside ends the task that waits for it; if the task does not wait yet, it is stored until the task does.
 */
export class Completions {
  readonly #parts: CompletionParts;

  constructor(parts: CompletionParts) {
    this.#parts = parts;
  }

  /** Throws `TASK_UNKNOWN`. */
  async handle(batch: PinnedBatch, taskId: string, message: TaskMessage, unit: UnitOfWork): Promise<void> {
    const ending = message.ending ?? (await this.#readEnding(batch, taskId, message, unit));
    if (!ending) return;
    const { redrive = false, rest } = message;
    // mutation: end-is-a-join
    await this.#parts.fanOut.dispatchChildren(batch, taskId, ending, { redrive, rest, unit });
  }

  /** The committed ending. Undefined: the task has not ended, and the completion is applied or stored. */
  async #readEnding(batch: PinnedBatch, taskId: string, message: TaskMessage, unit: UnitOfWork) {
    const task = batch.graph.tasks.get(taskId);
    if (!task) throw new BatonError("TASK_UNKNOWN", `Batch ${batch.batchId} has no task ${taskId}`);
    const found = await this.#parts.logs.read(batch.batchId, taskId);
    const ending = await this.#committedEnding(task, found, unit);
    if (ending) return ending;
    const reported = await storeReportedResult(
      this.#parts.dependencies,
      { batchId: batch.batchId, taskId },
      message.completion ?? { result: null },
    );
    if (await this.#apply(batch, task, found, reported)) return undefined;
    // mutation: early-completion-is-stored
    await storeEarlyCompletion(this.#parts.dependencies, { batchId: batch.batchId, taskId }, reported);
    // mutation: late-ending-is-passed-on
    return this.#recheck(batch, task, reported, unit);
  }

  /** Publishes the final callback too: the worker that ended the task may have died before it could. */
  async #committedEnding(
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

  /** Ends the task by the first completion that was received for it. False: it does not wait, or can't be ended now. */
  async #apply(
    batch: PinnedBatch,
    task: TaskDefinition,
    found: StoredLog | undefined,
    reported: ReportedEnding,
  ): Promise<boolean> {
    if (!found || !awaitsCompletion(found.log)) return false;
    const early = await findEarlyCompletion(this.#parts.dependencies.store, found.log);
    return endByCompletion(this.#parts, batch, task, found, early?.outcome ?? toReportedOutcome(reported));
  }

  /**
   * The task may have parked, or ended, while its completion was being stored: then it did not see the completion.
   * Returns its ending, if it has one.
   */
  async #recheck(batch: PinnedBatch, task: TaskDefinition, reported: ReportedEnding, unit: UnitOfWork) {
    const { timer } = this.#parts.dependencies;
    const found = await this.#parts.logs.read(batch.batchId, task.id);
    // mutation: stored-completion-is-checked-again
    const isWaiting = found && awaitsCompletion(found.log);
    if (isWaiting && !(await this.#apply(batch, task, found, reported)))
      await timer.schedule(executeMessage(batch, task.id), limits.lockPollSeconds.first * 1_000);
    return this.#committedEnding(task, found, unit);
  }
}

/** A completion that was received before its task could be ended by it. */
export interface EarlyCompletion {
  readonly outcome: AttemptOutcome;
  /** Delay before the next attempt to apply it; grows with its age. */
  readonly retryAfterMs: number;
}

interface TaskName {
  readonly batchId: string;
  readonly taskId: string;
}

/** A large result is in the object store before any document refers to it. */
async function storeReportedResult(
  { objects }: Pick<Dependencies, "objects">,
  { batchId, taskId }: TaskName,
  completion: Completion,
): Promise<ReportedEnding> {
  if ("error" in completion) return { error: truncate(completion.error, limits.errorMessageCharacters) };
  const json = jsonText(completion.result);
  // A completion that is sent twice is the same object.
  const object = `${batchId}/${taskId}/completion-${hashJson(json.text)}.json`;
  return { result: await storeResult(objects, object, json) };
}

/** The first completion of a task counts. */
async function storeEarlyCompletion(
  { store, ids }: Pick<Dependencies, "store" | "ids">,
  { batchId, taskId }: TaskName,
  ending: ReportedEnding,
): Promise<void> {
  const data = { batchId, taskId, ending, nonce: ids.unique() };
  // mutation: first-completion-counts
  await new Records(store, recordKinds.earlyCompletion).create(data);
}

export async function hasEarlyCompletion(store: DocumentStore, task: TaskName): Promise<boolean> {
  return (await store.get(keyOf(recordKinds.earlyCompletion, task))).document !== undefined;
}

export async function findEarlyCompletion(
  store: DocumentStore,
  task: TaskName,
): Promise<EarlyCompletion | undefined> {
  const found = await new Records(store, recordKinds.earlyCompletion).read(task);
  if (!found) return undefined;
  const { first, most } = limits.lockPollSeconds;
  return {
    outcome: toReportedOutcome(found.data.ending),
    retryAfterMs: Math.min(Math.max(found.ageMs, first * 1_000), most * 1_000),
  };
}
