import { limits } from "../core/limits.ts";
import type { Completion } from "../core/messages.ts";
import type { AttemptOutcome } from "../core/settlement.ts";
import { type ReportedEnding, toReportedOutcome } from "../core/steps.ts";
import { hashJson } from "../core/values/json.ts";
import { truncate } from "../core/values/text.ts";
import type { DocumentStore } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { recordKinds } from "./records/record-kinds.ts";
import { keyOf, Records } from "./records/records.ts";
import { jsonText, storeResult } from "./records/results.ts";

interface TaskName {
  readonly batchId: string;
  readonly taskId: string;
}

/** A completion that waits for its task. */
export interface EarlyCompletion {
  readonly outcome: AttemptOutcome;
  /** When to look again whether the task can take it, if it can't now: the longer it is kept, the later, within limits. */
  readonly lookAgainMs: number;
}

/** Puts a large result where it will be found, before anything refers to it. */
export async function storeCompletion(
  { objects }: Pick<Dependencies, "objects">,
  { batchId, taskId }: TaskName,
  completion: Completion,
): Promise<ReportedEnding> {
  if ("error" in completion) return { error: truncate(completion.error, limits.errorMessageCharacters) };
  const json = jsonText(completion.result);
  // Told once more, it is the same object.
  const object = `${batchId}/${taskId}/completion-${hashJson(json.text)}.json`;
  return { result: await storeResult(objects, object, json) };
}

/** Keeps a completion until its task takes it, or has ended otherwise. The first of a task stands. */
export async function keepEarlyCompletion(
  { store, ids }: Pick<Dependencies, "store" | "ids">,
  { batchId, taskId }: TaskName,
  ending: ReportedEnding,
): Promise<void> {
  const data = { batchId, taskId, ending, nonce: ids.unique() };
  // mutation: first-completion-counts
  await new Records(store, recordKinds.keptCompletion).create(data);
}

export async function isCompletionKept(store: DocumentStore, task: TaskName): Promise<boolean> {
  return (await store.get(keyOf(recordKinds.keptCompletion, task))).document !== undefined;
}

export async function earlyCompletion(
  store: DocumentStore,
  task: TaskName,
): Promise<EarlyCompletion | undefined> {
  const found = await new Records(store, recordKinds.keptCompletion).read(task);
  if (!found) return undefined;
  const { first, most } = limits.lockPollSeconds;
  return {
    outcome: toReportedOutcome(found.data.ending),
    lookAgainMs: Math.min(Math.max(found.ageMs, first * 1_000), most * 1_000),
  };
}
