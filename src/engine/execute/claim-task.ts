import { decideClaim } from "../../core/claim.ts";
import type { AttemptOutcome } from "../../core/settlement.ts";
import { awaitsCompletion } from "../../core/steps.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import type { Dependencies } from "../dependencies.ts";
import { earlyCompletion } from "../early-completion.ts";
import type { FanOut } from "../fan-out.ts";
import { executeMessage, finalCallbackMessages } from "../messages.ts";
import type { PinnedBatch } from "../records/batches.ts";
import type { ClaimOutcome, StoredLog, TaskLogs } from "../records/task-logs.ts";
import { resumeIfEventReceived } from "../steps.ts";
import type { UnitOfWork } from "../unit-of-work.ts";

interface Parts {
  readonly dependencies: Dependencies;
  readonly logs: TaskLogs;
  readonly fanOut: FanOut;
  /** Ends the task as it was found. */
  readonly end: (found: StoredLog, outcome: AttemptOutcome) => Promise<void>;
  /** Ends it by a completion from outside; false when that can't be stored now. */
  readonly complete: (found: StoredLog, outcome: AttemptOutcome) => Promise<boolean>;
}

/** What a message that wants to run a task makes of the log that it finds: a try to claim it, or nothing more to do. */
export async function handleExistingLog(
  { dependencies, logs, fanOut, end, complete }: Parts,
  batch: PinnedBatch,
  task: TaskDefinition,
  found: StoredLog | undefined,
  unit: UnitOfWork,
): Promise<ClaimOutcome | undefined> {
  if (!found) return logs.claimFirst(batch, task.id);
  // A completion that came in time counts, however late it is taken.
  const kept = awaitsCompletion(found.log) ? await earlyCompletion(dependencies.store, found.log) : undefined;
  // mutation: redelivery-takes-a-stored-completion
  if (kept) {
    const isTaken = await complete(found, kept.outcome);
    if (!isTaken) await dependencies.timer.schedule(executeMessage(batch, task.id), kept.lookAgainMs);
    return undefined;
  }
  // mutation: lease-is-judged-by-the-clock-of-the-store
  const arrival = decideClaim(found.log, found.ageMs);
  switch (arrival.kind) {
    case "ended": {
      // mutation: redelivery-sends-the-callback
      const callbacks = finalCallbackMessages(batch.batchId, task);
      // mutation: redelivery-passes-the-ending-on
      await fanOut.announceEnding(batch, task.id, arrival.ending, { callbacks, unit });
      return undefined;
    }
    case "held":
      // Whoever parked it may have died before it could look for events that came meanwhile.
      // mutation: redelivery-looks-for-events
      if (await resumeIfEventReceived({ dependencies, logs }, batch, found)) return undefined;
      // mutation: held-lease-is-checked-when-it-ends
      await dependencies.timer.schedule(executeMessage(batch, task.id), arrival.remainingMs);
      return undefined;
    case "take":
      return logs.claimNext(found, arrival);
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
