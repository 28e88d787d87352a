import type { CallbackTarget } from "../../core/callback.ts";
import { errorMessage } from "../../core/errors/errors.ts";
import { toStoredError } from "../../core/records.ts";
import type { AttemptOutcome } from "../../core/settlement.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import type { MaybePromise } from "../../ports/store.ts";
import type { CallbackOutbox } from "../callback-outbox.ts";
import { type AdmissionParts, admitByKey } from "../idempotency-lock.ts";
import { UnitOfWork } from "../outgoing-messages.ts";
import type { PinnedBatch } from "../records/batches.ts";
import type { StoredLog } from "../records/task-logs.ts";
import { deleteExpiredSteps } from "../steps.ts";
import { type SettleParts, settleTask } from "./settle-task.ts";
import { callbackTarget, type ParentParts } from "./task-invocation.ts";

export interface EndingParts extends SettleParts, AdmissionParts, ParentParts {
  readonly outbox: CallbackOutbox;
}

/**
 * Ends a task that waits for its completion. False: its key or its log is another's now; apply the completion later.
 */
export async function endByCompletion(
  parts: EndingParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  found: StoredLog,
  outcome: AttemptOutcome,
): Promise<boolean> {
  const { outbox, records } = parts;
  const unit = new UnitOfWork(parts);
  const target = await callbackTargetAtEnd(parts, batch, task);
  const held = await records.heldBy(found.log);
  // mutation: completion-uses-the-lock-of-its-task
  if (held) return settleTask(parts, batch, task, { log: found, execution: held }, { outcome, target });
  const admitted = await admitByKey(parts, task, found, found.log.key);
  switch (admitted.kind) {
    case "run":
      return alongsideStepDeletion(
        settleTask(parts, batch, task, admitted.claim, { outcome, target }),
        deleteExpiredSteps(parts, admitted.expired, unit),
      );
    case "completed":
      // The task lost its lock while it waited, and another call finished the work.
      await outbox.resendOf(admitted.execution, target);
      return settleTask(
        parts,
        batch,
        task,
        { log: found, execution: undefined },
        { outcome: { kind: "already_completed", result: admitted.execution.result } },
      );
    case "locked":
    case "lost":
      return false;
  }
}

/** Ends a task that timed out or can't run. False: its log has changed since it was read. */
export async function endWithoutRun(
  parts: EndingParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  found: StoredLog,
  outcome: AttemptOutcome,
): Promise<boolean> {
  const claim = { log: found, execution: await parts.records.heldBy(found.log) };
  const target = await callbackTargetAtEnd(parts, batch, task);
  return settleTask(parts, batch, task, claim, { outcome, target });
}

/** Step deletion may take long. It runs beside the work of the claim, whose heartbeat keeps the lease. */
export async function alongsideStepDeletion<T>(work: MaybePromise<T>, deletion: Promise<void>): Promise<T> {
  const [result] = await Promise.all([work, deletion]);
  return result;
}

/**
 * The callback address of a task that did not run to its end. If the address can never be computed, the task ends
 * without a callback. Throws on a retryable error, so that the message is redelivered.
 */
async function callbackTargetAtEnd(
  parts: ParentParts,
  batch: PinnedBatch,
  task: TaskDefinition,
): Promise<CallbackTarget | undefined> {
  try {
    return await callbackTarget(parts, batch, task);
  } catch (error) {
    if (toStoredError(error).retryable) throw error;
    const { batchId } = batch;
    parts.logger.error("a task ends without its callback", {
      batchId,
      taskId: task.id,
      error: errorMessage(error),
    });
    return undefined;
  }
}
