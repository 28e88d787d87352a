import { hashJson } from "./canonical.ts";
import { FUNCTION_TASK_TYPE, type TaskDefinition } from "./definition.ts";
import { BatonError } from "./errors.ts";
import { executionKey, fieldValues } from "./idempotency.ts";
import type { JsonValue } from "./json.ts";
import type { BatchStatus } from "./status.ts";

/** The key of the batch of an item: the same item, wherever and however often it stands, is one batch. */
export function backfillKey(item: JsonValue): string {
  return `backfill ${hashJson(item)}`;
}

/** One run of the lineage that an item has begun. */
export interface ItemRun {
  readonly batchId: string;
  readonly status: BatchStatus;
  readonly run: number;
  readonly createdAt: string;
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

/**
 * What is to be done about an item. A lineage may have branched, when its workflow changed between two retries: one
 * run that succeeded is enough, and none is retried beside one that runs.
 */
export function decideItem(runs: readonly ItemRun[], keys: readonly ItemKey[]): ItemDecision {
  const newestFirst = runs.toSorted(
    (one, other) => other.run - one.run || other.createdAt.localeCompare(one.createdAt),
  );
  const done = newestFirst.find(({ status }) => status === "SUCCESS");
  if (done) return { action: "skip", reason: `done: ${done.batchId}` };
  const running = newestFirst.find(({ status }) => status === "RUNNING");
  if (running) return { action: "follow", batchId: running.batchId, reason: `running: ${running.batchId}` };
  const [failed] = newestFirst;
  if (failed)
    return {
      action: "retry",
      batchId: failed.batchId,
      reason: `${failed.status === "CANCELLED" ? "cancelled" : "failed"}: ${failed.batchId}`,
    };
  const [first] = keys;
  if (first && keys.every(({ key, completed }) => key !== null && completed))
    return { action: "skip", reason: `already_completed: ${first.key}` };
  return { action: "run", reason: "new" };
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
