import type { Execution } from "../../src/core/idempotency-lock.ts";
import type { StoredDocument } from "../../src/ports/store.ts";
import type { Change } from "../../src/testing/world/documents.ts";
import type { Commit } from "../../src/testing/world/simulated-ports.ts";
import type { Sight } from "./invariants.ts";
import { goesOn } from "./oracle.ts";
import { definitionOf, executionOf, findBatch, taskLogOf } from "./parsed.ts";

const parkedMarginMs = 3_600_000;

/** The record of a key is lock, success key and result. It has one owner at a time, and never caches a failure. */
export function executionInvariants(sight: Sight, { key, before, after }: Change, commit: Commit): void {
  const was = before && executionOf(before);
  const ageMs = sight.world.now - (before?.updateTime ?? 0);
  if (!after) {
    if (was && (was.state === "PROCESSING" || ageMs < was.dueSeconds * 1_000))
      sight.world.violate("record-kept", `${key.id} was deleted while it counts`);
    return;
  }
  const is = executionOf(after);
  checkDuration(sight, is, commit);
  if (is.state === "PROCESSING") checkLock(sight, before, ageMs, is);
  if (is.state === "SUCCESS") checkSuccess(sight, was, is, commit);
  if (is.state === "FREE" && was?.state === "PROCESSING") checkFreed(sight, was, commit);
}

/** The holder releases the lock with its outcome, or is cancelled. */
function checkFreed({ world, documents }: Sight, was: Execution, { changes }: Commit): void {
  const isByHolder = changes.some(({ key }) => key.collection === "taskLogs" && key.id === nameOf(was));
  const document = documents.get({ collection: "taskLogs", id: nameOf(was) });
  if (!isByHolder && document && taskLogOf(document).status !== "CANCELLED")
    world.violate("only-the-holder-frees", `${was.key} was taken from ${nameOf(was)}`);
}

/** How long a record counts is what the definition of its task says, whatever the engine makes of it. */
function checkDuration({ world, documents }: Sight, is: Execution, { changes }: Commit): void {
  const log = changes.map(({ after }) => after).find((after) => after?.key.collection === "taskLogs");
  if (!log || is.state === "FREE") return;
  const { batchId, taskId, status, dueSeconds } = taskLogOf(log);
  const batch = findBatch(documents, batchId);
  const task = batch && definitionOf(documents, batch.definitionHash).tasks.find(({ id }) => id === taskId);
  if (!task?.idempotency) return;
  const { lockSeconds, ttlSeconds } = task.idempotency;
  const parkedSeconds = status === "WAITING" && is.holder?.taskId === taskId ? (dueSeconds ?? 0) : 0;
  const seconds = is.state === "SUCCESS" ? ttlSeconds : lockSeconds + parkedSeconds;
  if (is.dueSeconds !== seconds)
    world.violate(
      "record-counts-as-long-as-defined",
      `${is.key}: ${is.state} for ${is.dueSeconds} s, not ${seconds}`,
    );
}

function checkLock(sight: Sight, before: StoredDocument | undefined, ageMs: number, is: Execution): void {
  const { world } = sight;
  const was = before && executionOf(before);
  if (was?.state === "PROCESSING" && was.token === is.token) {
    if (nameOf(was) !== nameOf(is))
      world.violate("token-per-holder", `${is.key}: ${nameOf(was)}, then ${nameOf(is)}`);
    return;
  }
  if (was && is.token !== was.token + 1)
    world.violate("tokens-rise", `${is.key}: token ${was.token}, then ${is.token}`);
  const isSpent = ageMs >= (was?.dueSeconds ?? 0) * 1_000;
  if (was?.state === "SUCCESS" && !isSpent)
    world.violate("done-once", `${is.key} was taken while its result counts`);
  if (was?.state !== "PROCESSING" || isSameTask(was, is)) return;
  if (!isSpent) world.violate("lock-respected", `${is.key} was taken from ${nameOf(was)} after ${ageMs} ms`);
  if (before && waitsWithLock(sight, before))
    world.violate("parked-lock-respected", `${is.key} was taken from ${nameOf(was)}, which waits`);
}

/** Whether the task that has a lock waits and continues with it: then it has the lock for an hour beyond its time. */
function waitsWithLock({ world, documents }: Sight, record: StoredDocument): boolean {
  const execution = executionOf(record);
  const found = documents.get({ collection: "taskLogs", id: nameOf(execution) });
  if (execution.state !== "PROCESSING" || !found) return false;
  const log = taskLogOf(found);
  const overMs = world.now - record.updateTime - execution.dueSeconds * 1_000;
  return overMs < parkedMarginMs && log.key === execution.key && goesOn(log) && log.reason !== "lock_held";
}

/** The same, or it has just been resumed and not reached its key yet: else both had been written together. */
export function goesOnWithLock(sight: Sight, record: StoredDocument): boolean {
  const execution = executionOf(record);
  const log = sight.documents.get({ collection: "taskLogs", id: nameOf(execution) });
  const hasGoneOn = log && taskLogOf(log).status === "PROCESSING" && log.updateTime > record.updateTime;
  return hasGoneOn || waitsWithLock(sight, record);
}

function checkSuccess(
  { world, documents }: Sight,
  was: Execution | undefined,
  is: Execution,
  { changes }: Commit,
): void {
  if (was?.state !== "PROCESSING" || was.token !== is.token)
    world.violate("only-the-holder-succeeds", `${is.key} became SUCCESS out of ${was?.state} ${was?.token}`);
  const log = changes.find(({ key }) => key.collection === "taskLogs")?.after;
  const settled = log && taskLogOf(log);
  if (settled?.status !== "SUCCESS" || settled.key !== is.key) {
    world.violate("result-with-status", `${is.key} became SUCCESS alone`);
    return;
  }
  if (JSON.stringify(settled.result) !== JSON.stringify(is.result))
    world.violate("result-with-status", `${is.key} has another result than its task`);
  const batch = findBatch(documents, settled.batchId);
  const task =
    batch && definitionOf(documents, batch.definitionHash).tasks.find(({ id }) => id === settled.taskId);
  if (task?.idempotency?.recurring) world.violate("recurring-not-cached", is.key);
}

function isSameTask(was: Execution, is: Execution): boolean {
  return nameOf(was) === nameOf(is);
}

function nameOf({ holder }: Execution): string {
  return `${holder?.batchId}/${holder?.taskId}`;
}
