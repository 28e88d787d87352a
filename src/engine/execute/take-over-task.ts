import { decideClaim } from "../../core/claim.ts";
import type { AttemptOutcome } from "../../core/settlement.ts";
import { awaitsCompletion } from "../../core/steps.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import { cancelRemoteJob, type RemoteJobParts } from "../cancel-remote-job.ts";
import { findEarlyCompletion } from "../completion.ts";
import { resumeIfEventReceived } from "../events.ts";
import type { UnitOfWork } from "../outgoing-messages.ts";
import { executeMessage, finalCallbackMessages } from "../outgoing-messages.ts";
import type { PinnedBatch } from "../records/batches.ts";
import type { ClaimOutcome, StoredLog, TaskLogs } from "../records/task-logs.ts";
import { type EndingParts, endByCompletion, endWithoutRun } from "./end-without-run.ts";

export type ClaimParts = EndingParts & RemoteJobParts;

/**
 * Handles an execute message for a task that has a TaskLog already: takes the task over when its lease or its wait is
 * over. Undefined: the message has nothing left to do.
 */
export async function handleExistingLog(
  parts: ClaimParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  found: StoredLog | undefined,
  unit: UnitOfWork,
): Promise<ClaimOutcome | undefined> {
  const { logs, store, timer, fanOut } = parts;
  if (!found) return logs.claimFirst(batch, task.id);
  // A worker that died after the cancel had looked may have left a remote job running.
  if (found.log.status === "CANCELLED") await cancelRemoteJob(parts, batch, found.log);
  // A completion that was received in time counts, however late it is applied.
  const early = awaitsCompletion(found.log) ? await findEarlyCompletion(store, found.log) : undefined;
  // mutation: redelivery-takes-a-stored-completion
  if (early) {
    const isApplied = await endByCompletion(parts, batch, task, found, early.outcome);
    if (!isApplied) await timer.schedule(executeMessage(batch, task.id), early.retryAfterMs);
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
      if (await resumeIfEventReceived(parts, batch, found)) return undefined;
      // mutation: held-lease-is-checked-when-it-ends
      await timer.schedule(executeMessage(batch, task.id), decision.remainingMs);
      return undefined;
    case "take":
      return logs.claimNext(found, decision);
    case "lost_too_often":
      return endClaimed(
        parts,
        batch,
        task,
        found,
        failure("TASK_LOST_TOO_OFTEN", `its worker was lost ${found.log.lostLeases + 1} times`),
      );
    case "completion_timeout":
      return endClaimed(
        parts,
        batch,
        task,
        found,
        failure("EVENT_TIMEOUT", `no completion came within ${found.log.dueSeconds} s`),
      );
  }
}

/** Ends a task that is not run any more. After a lost race the caller decides again from what won. */
export async function endClaimed(
  parts: ClaimParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  found: StoredLog,
  outcome: AttemptOutcome,
): Promise<ClaimOutcome | undefined> {
  if (await endWithoutRun(parts, batch, task, found, outcome)) return undefined;
  return lostClaim(parts.logs, batch, task);
}

/**
 * What won a race. Undefined: the log was erased, or undone together with our claim. Then the message is redelivered; a
 * claim would revive an erased batch.
 */
export async function lostClaim(
  logs: TaskLogs,
  { batchId }: PinnedBatch,
  { id }: TaskDefinition,
): Promise<ClaimOutcome | undefined> {
  const current = await logs.read(batchId, id);
  return current && { kind: "lost", current };
}

function failure(code: "TASK_LOST_TOO_OFTEN" | "EVENT_TIMEOUT", message: string): AttemptOutcome {
  return { kind: "failed", error: { code, message, retryable: false }, notes: null };
}
