import type { CallbackTarget } from "../../core/callback.ts";
import { errorMessage } from "../../core/errors/errors.ts";
import { toStoredError } from "../../core/records.ts";
import type { AttemptOutcome } from "../../core/settlement.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import type { Dependencies } from "../dependencies.ts";
import type { IdempotencyGate, TaskInvocations } from "../idempotency.ts";
import type { CallbackOutbox } from "../outbox.ts";
import type { PinnedBatch } from "../records/batches.ts";
import type { IdempotencyStore } from "../records/executions.ts";
import type { StoredLog } from "../records/task-logs.ts";
import { forgetSteps } from "../steps.ts";
import { UnitOfWork } from "../unit-of-work.ts";
import type { OutcomeCommitter } from "./settle-task.ts";

interface Parts {
  readonly dependencies: Pick<Dependencies, "store" | "broker" | "logger" | "clock">;
  readonly records: IdempotencyStore;
  readonly calls: TaskInvocations;
  readonly admission: IdempotencyGate;
  readonly settlements: OutcomeCommitter;
  readonly outbox: CallbackOutbox;
}

/** Ends a task that waits for its completion. False: it can't be stored now, and the completion has to come again. */
export async function endByCompletion(
  { dependencies, calls, admission, outbox, records, settlements }: Parts,
  batch: PinnedBatch,
  task: TaskDefinition,
  found: StoredLog,
  outcome: AttemptOutcome,
): Promise<boolean> {
  const unit = new UnitOfWork(dependencies);
  const target = await targetOf({ dependencies, calls }, batch, task);
  const held = await records.heldBy(found.log);
  // mutation: completion-uses-the-lock-of-its-task
  if (held) return settlements.settle(batch, task, { log: found, execution: held }, { outcome, target });
  const admitted = await admission.admit(batch, task, found, found.log.key);
  switch (admitted.kind) {
    case "run":
      return afterForgetting(
        settlements.settle(batch, task, admitted.claim, { outcome, target }),
        forgetSteps(dependencies, admitted.spent, unit),
      );
    case "completed":
      // It lost its lock while it waited, and another call has done the work.
      await outbox.resendOf(admitted.execution, target);
      return settlements.settle(
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

/** Ends a task that is not run any more, such as one whose time is over. False: its log has changed since it was read. */
export async function endWithoutRun(
  { dependencies, calls, records, settlements }: Parts,
  batch: PinnedBatch,
  task: TaskDefinition,
  found: StoredLog,
  outcome: AttemptOutcome,
): Promise<boolean> {
  const claim = { log: found, execution: await records.heldBy(found.log) };
  const target = await targetOf({ dependencies, calls }, batch, task);
  return settlements.settle(batch, task, claim, { outcome, target });
}

/** Beside the work of a claim, which has its heartbeat: what takes long must not cost it its lease. */
export async function afterForgetting<T>(work: Promise<T>, forgetting: Promise<void>): Promise<T> {
  const [done] = await Promise.all([work, forgetting]);
  return done;
}

/**
 * Where a task that did not run to its end reports to. An address that can never be known must not keep the task from
 * ending; one that can't be read just now brings the message back.
 */
async function targetOf(
  { dependencies, calls }: Pick<Parts, "dependencies" | "calls">,
  batch: PinnedBatch,
  task: TaskDefinition,
): Promise<CallbackTarget | undefined> {
  try {
    return await calls.callbackTarget(batch, task);
  } catch (error) {
    if (toStoredError(error).retryable) throw error;
    const { batchId } = batch;
    dependencies.logger.error("a task ends without its callback", {
      batchId,
      taskId: task.id,
      error: errorMessage(error),
    });
    return undefined;
  }
}
