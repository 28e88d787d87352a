import type { CallbackTarget } from "../core/callback.ts";
import type { TaskDefinition } from "../core/definition.ts";
import { messageOf } from "../core/errors.ts";
import { failureOf } from "../core/failure.ts";
import type { AttemptOutcome } from "../core/settlement.ts";
import type { Admission } from "./admission.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Calls } from "./calls.ts";
import { forgetSteps } from "./delete-steps.ts";
import type { Dependencies } from "./dependencies.ts";
import type { ExecutionRecords } from "./execution-records.ts";
import type { Outbox } from "./outbox.ts";
import type { Settlements } from "./settlements.ts";
import type { StoredLog } from "./task-logs.ts";
import { UnitOfWork } from "./unit-of-work.ts";

interface Parts {
  readonly dependencies: Pick<Dependencies, "store" | "broker" | "logger" | "clock">;
  readonly records: ExecutionRecords;
  readonly calls: Calls;
  readonly admission: Admission;
  readonly settlements: Settlements;
  readonly outbox: Outbox;
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
    if (failureOf(error).retryable) throw error;
    const { batchId } = batch;
    dependencies.logger.error("a task ends without its callback", {
      batchId,
      taskId: task.id,
      error: messageOf(error),
    });
    return undefined;
  }
}
