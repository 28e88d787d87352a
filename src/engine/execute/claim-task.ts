import { decideClaim } from "../../core/claim.ts";
import type { AttemptOutcome } from "../../core/settlement.ts";
import { awaitsCompletion } from "../../core/steps.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import { findEarlyCompletion } from "../completion.ts";
import type { Dependencies } from "../dependencies.ts";
import { resumeIfEventReceived } from "../events.ts";
import type { FanOut } from "../fan-out.ts";
import type { UnitOfWork } from "../outgoing-messages.ts";
import { executeMessage, finalCallbackMessages } from "../outgoing-messages.ts";
import type { PinnedBatch } from "../records/batches.ts";
import type { ClaimOutcome, StoredLog, TaskLogs } from "../records/task-logs.ts";

interface ClaimParts {
  readonly dependencies: Dependencies;
  readonly logs: TaskLogs;
  readonly fanOut: FanOut;
  /** Ends the task without running it. */
  readonly end: (found: StoredLog, outcome: AttemptOutcome) => Promise<void>;
  /** Ends the task by a completion from outside. False: not now. */
  readonly complete: (found: StoredLog, outcome: AttemptOutcome) => Promise<boolean>;
}

/**
 * Handles an execute message for a task that has a TaskLog already: takes the task over when its lease or its wait is
 * over. Undefined: the message has nothing left to do.
 */
export async function handleExistingLog(
  { dependencies, logs, fanOut, end, complete }: ClaimParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  found: StoredLog | undefined,
  unit: UnitOfWork,
): Promise<ClaimOutcome | undefined> {
  if (!found) return logs.claimFirst(batch, task.id);
  // A completion that was received in time counts, however late it is applied.
  const early = awaitsCompletion(found.log)
    ? await findEarlyCompletion(dependencies.store, found.log)
    : undefined;
  // mutation: redelivery-takes-a-stored-completion
  if (early) {
    const isApplied = await complete(found, early.outcome);
    if (!isApplied) await dependencies.timer.schedule(executeMessage(batch, task.id), early.retryAfterMs);
    return undefined;
  }
  // mutation: lease-is-judged-by-the-clock-of-the-store
  const decision = decideClaim(found.log, found.ageMs);
  switch (decision.kind) {
    case "ended": {
      // mutation: redelivery-sends-the-callback
      const callbacks = finalCallbackMessages(batch.batchId, task);
      // mutation: redelivery-passes-the-ending-on
      await fanOut.announceEnding(batch, task.id, decision.ending, { callbacks, unit });
      return undefined;
    }
    case "held":
      // The worker that parked the task may have died before it looked for events received meanwhile.
      // mutation: redelivery-looks-for-events
      if (await resumeIfEventReceived({ dependencies, logs }, batch, found)) return undefined;
      // mutation: held-lease-is-checked-when-it-ends
      await dependencies.timer.schedule(executeMessage(batch, task.id), decision.remainingMs);
      return undefined;
    case "take":
      return logs.claimNext(found, decision);
    case "lost_too_often":
      await end(
        found,
        failure("TASK_LOST_TOO_OFTEN", `its worker was lost ${found.log.lostLeases + 1} times`),
      );
      return undefined;
    case "completion_timeout":
      await end(found, failure("EVENT_TIMEOUT", `no completion came within ${found.log.dueSeconds} s`));
      return undefined;
  }
}

function failure(code: "TASK_LOST_TOO_OFTEN" | "EVENT_TIMEOUT", message: string): AttemptOutcome {
  return { kind: "failed", error: { code, message, retryable: false }, notes: null };
}
