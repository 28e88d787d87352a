import { type Callback, type CallbackTarget, newCallback } from "../../core/callback.ts";
import type { ExecutionEnd } from "../../core/execution-record.ts";
import { isTerminal, type StoredError, type StoredResult, toStoredError } from "../../core/records.ts";
import { withPause } from "../../core/retry.ts";
import { type AttemptOutcome, decideSettlement, type Settlement } from "../../core/settlement.ts";
import type { JsonText } from "../../core/values/json.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import type { TaskOutcome } from "../../ports/task-runner.ts";
import type { Dependencies } from "../dependencies.ts";
import type { FanOut } from "../fan-out.ts";
import { callbackMessage, executeMessage, UnitOfWork } from "../outgoing-messages.ts";
import type { PinnedBatch } from "../records/batches.ts";
import type { Claim, Claims, OutcomeWrites } from "../records/claims.ts";
import { retryTransient } from "../records/commit.ts";
import { storeResult } from "../records/results.ts";

/** The outcome of a task, and its final callback. */
export interface AttemptResult {
  readonly outcome: AttemptOutcome;
  /** Receiver of the final callback, if the task has one. */
  readonly target?: CallbackTarget | undefined;
  /** Data of the final callback after a success. Default: the result. */
  readonly data?: StoredResult | undefined;
}

/** Settles tasks: commits the outcome, then publishes what follows from it. */
export class OutcomeCommitter {
  readonly #dependencies: Dependencies;
  readonly #claims: Claims;
  readonly #fanOut: FanOut;

  constructor(dependencies: Dependencies, claims: Claims, fanOut: FanOut) {
    this.#dependencies = dependencies;
    this.#claims = claims;
    this.#fanOut = fanOut;
  }

  /** False: the claim was lost, and nothing is committed. */
  async settle(
    batch: PinnedBatch,
    task: TaskDefinition,
    claim: Claim,
    result: AttemptResult,
  ): Promise<boolean> {
    const { logger, ids } = this.#dependencies;
    const { log } = claim.log;
    const settlement = decideSettlement(task, log, result.outcome, ids.random());
    const companions = this.#companions(claim, settlement, result);
    const unit = new UnitOfWork(this.#dependencies);
    // mutation: settle-is-committed-first
    const settled = await retryTransient(this.#dependencies, () =>
      this.#claims.settle(batch, claim, settlement, companions),
    );
    if (!settled) {
      const { batchId, attempt } = log;
      logger.warn("an outcome is dropped: the claim was lost", {
        batchId,
        taskId: task.id,
        attempt,
      });
      return false;
    }
    await this.#follow(batch, task, settlement, companions.callback, unit);
    return true;
  }

  async #follow(
    batch: PinnedBatch,
    task: TaskDefinition,
    settlement: Settlement,
    callback: Callback | undefined,
    unit: UnitOfWork,
  ): Promise<void> {
    const { status, reason, dueSeconds } = settlement;
    if (!isTerminal(status))
      // mutation: end-of-a-wait-is-scheduled
      return this.#dependencies.timer.schedule(executeMessage(batch, task.id), (dueSeconds ?? 0) * 1_000);
    const callbacks = callback ? [callbackMessage(callback.callbackId)] : [];
    await this.#fanOut.announceEnding(batch, task.id, { status, reason }, { callbacks, unit });
  }

  #companions({ log: { log } }: Claim, settlement: Settlement, result: AttemptResult): OutcomeWrites {
    const { ids, clock } = this.#dependencies;
    const about = finalCallback(settlement, result);
    const { batchId, taskId, key } = log;
    const callback =
      about && newCallback({ ...about, key, batchId, taskId }, { nonce: ids.unique(), now: clock.now() });
    return { end: executionEnd(settlement, result.outcome, callback), callback };
  }
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

/** Stores the result of an attempt before the commit that refers to it. A result that can't be stored fails the attempt. */
export async function storeResultFor(
  dependencies: Dependencies,
  claim: Claim,
  outcome: Exclude<TaskOutcome, { kind: "abandoned" }>,
  target: CallbackTarget | undefined,
): Promise<AttemptResult> {
  if (outcome.kind !== "succeeded") return { outcome, target };
  const { batchId, taskId, attempt, nonce } = claim.log.log;
  const object = `${batchId}/${taskId}/${attempt}-${nonce}`;
  const { summary, notes } = outcome;
  try {
    const keep = (name: string, value: JsonText) =>
      retryTransient(dependencies, () => storeResult(dependencies.objects, name, value));
    const result = await keep(`${object}.json`, summary);
    if (!target || outcome.result === summary)
      return { outcome: { kind: "succeeded", result, notes }, target };
    const data = await keep(`${object}.callback.json`, outcome.result);
    return { outcome: { kind: "succeeded", result, notes }, target, data };
  } catch (thrown) {
    return { outcome: { kind: "failed", ...withPause(toStoredError(thrown), thrown), notes }, target };
  }
}
