import { hashJson } from "./canonical.ts";
import { FUNCTION_TASK_TYPE, type TaskDefinition } from "./definition.ts";
import { BatonError } from "./errors.ts";
import { executionKey, fieldValues } from "./idempotency.ts";
import type { JsonValue } from "./json.ts";
import { answeringRun, type LineageRun } from "./lineage.ts";

/** The key of the batch of an item: the same item, wherever and however often it stands, is one batch. */
export function backfillKey(item: JsonValue): string {
  return `backfill ${hashJson(item)}`;
}

/** What is known of one task's idempotency key before the item has a batch. */
export interface ItemKey {
  /** Null when the input alone doesn't tell it, or there is none. */
  readonly key: string | null;
  /** Whether the key has a success that still counts. */
  readonly completed: boolean;
}

export type ItemDecision =
  | { readonly action: "run"; readonly reason: "new" }
  | { readonly action: "skip"; readonly reason: string }
  /** Its batch is under way already. */
  | { readonly action: "follow"; readonly batchId: string; readonly reason: string }
  /** A batch that ended badly, to be retried. */
  | { readonly action: "retry"; readonly batchId: string; readonly reason: string };

/** What is to be done about an item, by the runs of its lineage; no run is retried beside one that is under way. */
export function decideItem(runs: readonly LineageRun[], keys: readonly ItemKey[]): ItemDecision {
  const run = answeringRun(runs);
  if (run) return decideRun(run);
  const [first] = keys;
  if (first && keys.every(({ key, completed }) => key !== null && completed))
    return { action: "skip", reason: `already_completed: ${first.key}` };
  return { action: "run", reason: "new" };
}

function decideRun({ batchId, status }: LineageRun): ItemDecision {
  switch (status) {
    case "SUCCESS":
      return { action: "skip", reason: `done: ${batchId}` };
    case "RUNNING":
      return { action: "follow", batchId, reason: `running: ${batchId}` };
    case "CANCELLED":
      return { action: "retry", batchId, reason: `cancelled: ${batchId}` };
    case "ERROR":
      return { action: "retry", batchId, reason: `failed: ${batchId}` };
  }
}

/** Whether a task has a key that depends on nothing but the input of its batch, unless that lacks what the key is made of. */
export function hasKeyOfInput({ type, idempotency }: TaskDefinition): boolean {
  return type === FUNCTION_TASK_TYPE && idempotency?.scope === "global";
}

/** The key that a task would have in a batch of this input; null when the input doesn't tell it. */
export function keyFromInput(
  workflowId: string,
  task: TaskDefinition,
  input: JsonValue,
  custom?: string,
): string | null {
  const { id: taskId, idempotency } = task;
  if (!idempotency || !hasKeyOfInput(task)) return null;
  // Neither the batch nor the time is part of such a key.
  const call = { workflowId, taskId, batchId: "", arguments: input, claimedAt: 0 };
  try {
    if (idempotency.key.by === "date" && !hasDate(call)) return null;
    return executionKey(idempotency, call, custom);
  } catch (error) {
    // The task itself will say so.
    if (error instanceof BatonError && error.code === "IDEMPOTENCY_KEY_INVALID") return null;
    throw error;
  }
}

/** Without a date the key is the day on which the task begins. */
function hasDate(call: { readonly arguments: JsonValue; readonly taskId: string }): boolean {
  return fieldValues(["date?"], call).every(([, value]) => value !== null);
}
