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
import type { Ports } from "./dependencies.ts";
import { type EndingParts, endByCompletion } from "./execute/end-without-run.ts";
import { executeMessage, finalCallbackMessages, type UnitOfWork } from "./outgoing-messages.ts";
import type { PinnedBatch } from "./records/batches.ts";
import { keyOf, Records, recordKinds } from "./records/records.ts";
import { jsonText, storeResult } from "./records/results.ts";
import type { StoredLog } from "./records/task-logs.ts";

/**
 * Handles completions. One from Baton's own workers carries the committed ending: its children are dispatched. One from
 * outside ends the task that waits for it; if the task does not wait yet, it is stored until the task does. Throws
 * `TASK_UNKNOWN`.
 */
export async function handleCompletion(
  parts: EndingParts,
  batch: PinnedBatch,
  taskId: string,
  message: TaskMessage,
  unit: UnitOfWork,
): Promise<void> {
  const ending = message.ending ?? (await readEnding(parts, batch, taskId, message, unit));
  if (!ending) return;
  const { redrive = false, rest } = message;
  // mutation: end-is-a-join
  await parts.fanOut.dispatchChildren(batch, taskId, ending, { redrive, rest, unit });
}

/** The committed ending. Undefined: the task has not ended, and the completion is applied or stored. */
async function readEnding(
  parts: EndingParts,
  batch: PinnedBatch,
  taskId: string,
  message: TaskMessage,
  unit: UnitOfWork,
) {
  const task = batch.graph.tasks.get(taskId);
  if (!task) throw new BatonError("TASK_UNKNOWN", `Batch ${batch.batchId} has no task ${taskId}`);
  const found = await parts.logs.read(batch.batchId, taskId);
  const ending = await committedEnding(task, found, unit);
  if (ending) return ending;
  const reported = await storeReportedResult(
    parts,
    { batchId: batch.batchId, taskId },
    message.completion ?? { result: null },
  );
  if (await applyCompletion(parts, batch, task, found, reported)) return undefined;
  // mutation: early-completion-is-stored
  await storeEarlyCompletion(parts, { batchId: batch.batchId, taskId }, reported);
  // mutation: late-ending-is-passed-on
  return recheck(parts, batch, task, reported, unit);
}

/** Publishes the final callback too: the worker that ended the task may have died before it could. */
async function committedEnding(
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
async function applyCompletion(
  parts: EndingParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  found: StoredLog | undefined,
  reported: ReportedEnding,
): Promise<boolean> {
  if (!found || !awaitsCompletion(found.log)) return false;
  const early = await findEarlyCompletion(parts.store, found.log);
  return endByCompletion(parts, batch, task, found, early?.outcome ?? toReportedOutcome(reported));
}

/**
 * The task may have parked, or ended, while its completion was being stored: then it did not see the completion.
 * Returns its ending, if it has one.
 */
async function recheck(
  parts: EndingParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  reported: ReportedEnding,
  unit: UnitOfWork,
) {
  const found = await parts.logs.read(batch.batchId, task.id);
  // mutation: stored-completion-is-checked-again
  const isWaiting = found && awaitsCompletion(found.log);
  if (isWaiting && !(await applyCompletion(parts, batch, task, found, reported)))
    await parts.timer.schedule(executeMessage(batch, task.id), limits.lockPollSeconds.first * 1_000);
  return committedEnding(task, found, unit);
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
  { objects }: Ports<"objects">,
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
  { store, ids }: Ports<"store" | "ids">,
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
