import { hashJson } from "../core/canonical.ts";
import { KeptCompletionSchema, outcomeOfTold, type ToldEnding } from "../core/kept-completion.ts";
import { limits } from "../core/limits.ts";
import type { Completion } from "../core/messages.ts";
import type { AttemptOutcome } from "../core/settlement.ts";
import { shortened } from "../core/short-text.ts";
import type { DocumentKey, DocumentStore } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { commitOwned } from "./owned-commit.ts";
import { jsonText, storeResult } from "./results.ts";

interface TaskName {
  readonly batchId: string;
  readonly taskId: string;
}

/** A completion that waits for its task. */
export interface KeptCompletion {
  readonly outcome: AttemptOutcome;
  /** When to look again whether the task can take it, if it can't now: the longer it is kept, the later, within limits. */
  readonly lookAgainMs: number;
}

/** Puts a large result where it will be found, before anything refers to it. */
export async function storeCompletion(
  { objects }: Pick<Dependencies, "objects">,
  { batchId, taskId }: TaskName,
  completion: Completion,
): Promise<ToldEnding> {
  if ("error" in completion) return { error: shortened(completion.error, limits.errorMessageCharacters) };
  const json = jsonText(completion.result);
  // Told once more, it is the same object.
  const object = `${batchId}/${taskId}/completion-${hashJson(json.text)}.json`;
  return { result: await storeResult(objects, object, json) };
}

/** Keeps a completion until its task takes it, or has ended otherwise. The first of a task stands. */
export async function keepCompletion(
  { store, ids }: Pick<Dependencies, "store" | "ids">,
  { batchId, taskId }: TaskName,
  ending: ToldEnding,
): Promise<void> {
  const data = { batchId, taskId, ending, nonce: ids.unique() };
  // mutation: first-completion-counts
  await commitOwned(store, { kind: "create", key: keptKey({ batchId, taskId }), data });
}

export async function isCompletionKept(store: DocumentStore, task: TaskName): Promise<boolean> {
  return (await store.get(keptKey(task))).document !== undefined;
}

export async function keptCompletion(
  store: DocumentStore,
  task: TaskName,
): Promise<KeptCompletion | undefined> {
  const { document, readTime } = await store.get(keptKey(task));
  if (!document) return undefined;
  const { first, most } = limits.lockPollSeconds;
  const ageMs = readTime - document.updateTime;
  return {
    outcome: outcomeOfTold(KeptCompletionSchema.parse(document.data).ending),
    lookAgainMs: Math.min(Math.max(ageMs, first * 1_000), most * 1_000),
  };
}

/** Beside the events of its batch, under a name that no event has: theirs are percent-encoded. */
function keptKey({ batchId, taskId }: TaskName): DocumentKey {
  return { collection: "events", id: `${batchId}/#${taskId}` };
}
