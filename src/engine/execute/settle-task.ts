import { type Callback, type CallbackTarget, newCallback } from "../../core/callback.ts";
import type { ExecutionEnd } from "../../core/idempotency-lock.ts";
import {
  isTerminal,
  type Notes,
  type StoredError,
  type StoredResult,
  toStoredError,
} from "../../core/records.ts";
import { withPause } from "../../core/retry.ts";
import {
  type AttemptOutcome,
  decideSettlement,
  inlineResult,
  type Settlement,
} from "../../core/settlement.ts";
import type { JsonText } from "../../core/values/json.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import { andThen, type MaybePromise } from "../../ports/store.ts";
import type { TaskOutcome } from "../../ports/task-runner.ts";
import type { Ports } from "../dependencies.ts";
import type { FanOut } from "../fan-out.ts";
import { callbackMessage, executeMessage, UnitOfWork } from "../outgoing-messages.ts";
import type { PinnedBatch } from "../records/batches.ts";
import { retryTransient } from "../records/commit.ts";
import { storeResult } from "../records/results.ts";
import { type Claim, commitOutcome, type OutcomeWrites } from "./claims.ts";

/** The outcome of a task, and its final callback. */
export interface AttemptResult {
  readonly outcome: AttemptOutcome;
  /** Receiver of the final callback, if the task has one. */
  readonly target?: CallbackTarget | undefined;
  /** Data of the final callback after a success. Default: the result. */
  readonly data?: StoredResult | undefined;
}

export interface SettleParts extends Ports<"store" | "broker" | "timer" | "clock" | "ids" | "logger"> {
  readonly fanOut: FanOut;
}

/**
 * Settles a task: commits the outcome, then publishes what follows from it. False: the claim was lost, and nothing is
 * committed.
 */
export function settleTask(
  parts: SettleParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  claim: Claim,
  result: AttemptResult,
): MaybePromise<boolean> {
  const settlement = decideSettlement(task, claim.log.log, result.outcome, parts.ids.random());
  const companions = companionsOf(parts, claim, settlement, result);
  const unit = new UnitOfWork(parts);
  const follow = () => announce(parts, batch, task, settlement, companions.callback, unit);
  // mutation: settle-is-committed-first
  const settled = retryTransient(parts, () => commitOutcome(parts, batch, claim, settlement, companions));
  const conclude = (won: Claim | undefined): MaybePromise<boolean> => {
    if (!won) return dropOutcome(parts, claim);
    const announced = follow();
    return announced instanceof Promise ? announced.then(() => true) : true;
  };
  return andThen(settled, conclude);
}

function dropOutcome({ logger }: Ports<"logger">, { log: { log } }: Claim): false {
  const { batchId, taskId, attempt } = log;
  logger.warn("an outcome is dropped: the claim was lost", { batchId, taskId, attempt });
  return false;
}

/** After the commit: fan-out and final callback of a task that ended, the timer of one that waits. */
function announce(
  { timer, fanOut }: SettleParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  { status, reason, dueSeconds }: Settlement,
  callback: Callback | undefined,
  unit: UnitOfWork,
): MaybePromise<void> {
  if (!isTerminal(status))
    // mutation: end-of-a-wait-is-scheduled
    return timer.schedule(executeMessage(batch, task.id), (dueSeconds ?? 0) * 1_000);
  const callbacks = callback ? [callbackMessage(callback.callbackId)] : [];
  return fanOut.announceEnding(batch, task.id, { status, reason }, { callbacks, unit });
}

function companionsOf(
  { ids, clock }: Ports<"ids" | "clock">,
  { log: { log } }: Claim,
  settlement: Settlement,
  result: AttemptResult,
): OutcomeWrites {
  const about = finalCallback(settlement, result);
  const { batchId, taskId, key } = log;
  const callback =
    about && newCallback({ ...about, key, batchId, taskId }, { nonce: ids.unique(), now: clock.now() });
  return { end: executionEnd(settlement, result.outcome, callback), callback };
}

function executionEnd(
  settlement: Settlement,
  outcome: AttemptOutcome,
  callback: Callback | undefined,
): ExecutionEnd | undefined {
  switch (outcome.kind) {
    case "succeeded":
      return { kind: "succeeded", result: outcome.result, callbackId: callback?.callbackId ?? null };
    case "failed":
      return { kind: "failed", error: outcome.error };
    case "parked":
      return { kind: "parked", seconds: settlement.dueSeconds ?? 0 };
    case "released":
    case "skipped":
      return { kind: "released" };
    case "already_completed":
    case "lock_held":
      return undefined;
  }
}

/** Only a success and a final failure have a callback. */
function finalCallback(settlement: Settlement, { outcome, target, data }: AttemptResult) {
  if (!target) return undefined;
  if (outcome.kind === "succeeded")
    return { type: "task.completed", target, data: data ?? outcome.result } as const;
  if (settlement.status === "ERROR" && settlement.error)
    return { type: "task.failed", target, data: failureData(settlement.error) } as const;
  return undefined;
}

function failureData({ code, message }: StoredError): StoredResult {
  return { value: { error: { code, message } } };
}

/**
 * Stores the result of an attempt before the commit that refers to it. A result that can't be stored fails the attempt.
 */
export function storeResultFor(
  ports: Ports<"objects" | "logger" | "clock">,
  claim: Claim,
  outcome: Exclude<TaskOutcome, { kind: "abandoned" }>,
  target: CallbackTarget | undefined,
): MaybePromise<AttemptResult> {
  if (outcome.kind !== "succeeded") return { outcome, target };
  const { notes, summary, result } = outcome;
  const isWhole = !target || result === summary;
  const inline = isWhole ? inlineResult(summary) : undefined;
  if (inline) return { outcome: { kind: "succeeded", result: inline, notes }, target };
  const { batchId, taskId, attempt, nonce } = claim.log.log;
  const object = `${batchId}/${taskId}/${attempt}-${nonce}`;
  const keep = (name: string, value: JsonText) =>
    retryTransient(ports, () => storeResult(ports.objects, name, value));
  const stored = [
    keep(`${object}.json`, summary),
    isWhole ? undefined : keep(`${object}.callback.json`, result),
  ] as const;
  return storedResult(notes, target, Promise.all(stored));
}

async function storedResult(
  notes: Notes | null,
  target: CallbackTarget | undefined,
  stored: Promise<[StoredResult, StoredResult | undefined]>,
): Promise<AttemptResult> {
  try {
    const [result, data] = await stored;
    return { outcome: { kind: "succeeded", result, notes }, target, data };
  } catch (thrown) {
    return { outcome: { kind: "failed", ...withPause(toStoredError(thrown), thrown), notes }, target };
  }
}
