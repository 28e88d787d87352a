import { executionId } from "../../src/core/idempotency-lock.ts";
import type { TaskLog } from "../../src/core/records.ts";
import type { TaskDefinition } from "../../src/core/workflow/definition.ts";
import type { StoredDocument } from "../../src/ports/store.ts";
import type { Change } from "../../src/testing/world/documents.ts";
import { isHindrance, type Process } from "../../src/testing/world/process.ts";
import type { Commit } from "../../src/testing/world/simulated-ports.ts";
import { goesOnWithLock } from "./execution-invariants.ts";
import { endOfTask, type Sight } from "./invariants.ts";
import { endOf, fateOf, goesOn, hasEnded, mayStart } from "./oracle.ts";
import { batchOf, definitionOf, executionOf, findBatch, taskLogOf } from "./parsed.ts";

/** A TaskLog that is written over. */
interface Before {
  readonly log: TaskLog;
  readonly document: StoredDocument;
}

interface Holder {
  readonly process: Process;
  readonly claimedAt: number;
  /** Until it claimed. */
  readonly hindrancesBefore: number;
}

/** As the page of limits has it. */
const shownAttempts = 20;

/** What is not seen to at once is seen to by the next sweep; by then nothing hangs or is down any more. */
const patienceMs = 60_000;

/** Its condition or its code decided, after its rule. */
function isOwnSkip({ reason }: TaskLog): boolean {
  return reason === "condition_not_met" || reason === "skipped_by_task";
}

/** What every change of a TaskLog must keep. */
export class TaskLogInvariants {
  readonly #sight: Sight;
  /** Claims that were accepted, and runs of a task's code, by `batch/task`. */
  readonly #claims = new Map<string, number>();
  readonly #starts = new Map<string, number>();
  readonly #holders = new Map<string, Holder>();

  constructor(sight: Sight) {
    this.#sight = sight;
  }

  /** The code of a task begins to run: once for each claim at most. */
  started(name: string): void {
    const starts = (this.#starts.get(name) ?? 0) + 1;
    this.#starts.set(name, starts);
    const claims = this.#claims.get(name) ?? 0;
    if (starts > claims)
      this.#violate("one-run-per-claim", `${name} ran ${starts} times on ${claims} claims`);
  }

  check(change: Change, commit: Commit): void {
    const { key, after: written } = change;
    if (!written) {
      this.#violate("log-stays", `${key.id} was deleted`);
      return;
    }
    const after = taskLogOf(written);
    const before = change.before && { log: taskLogOf(change.before), document: change.before };
    const name = `${after.batchId}/${after.taskId}`;
    if (name !== key.id) this.#violate("one-log", `${key.id} is the log of ${name}`);
    if (before && written !== before.document) this.#checkOrder(name, before.log, after);
    if (isClaim(before?.log, after)) this.#checkClaim(name, before, after, commit);
    else if (before?.log.status === "PROCESSING") this.#checkOwner(name, before, after, commit);
    this.#checkHistory(name, before?.log, after);
    this.#checkEnding(name, after, commit);
  }

  /** Every attempt is in the history once another one may follow it, the last twenty of them. */
  #checkHistory(name: string, before: TaskLog | undefined, after: TaskLog): void {
    if (after.status === "CANCELLED") {
      if (JSON.stringify(after.history) !== JSON.stringify(before?.history ?? []))
        this.#violate("history-outlives-a-cancel", `${name}: ${JSON.stringify(after.history)}`);
      return;
    }
    const isFollowed = after.reason === "retry" || after.reason === "released";
    const last = isFollowed ? after.attempt : after.attempt - 1;
    const expected = Array.from({ length: Math.max(0, last) }, (_, index) => index + 1).slice(-shownAttempts);
    const { history } = after;
    if (history.map(({ attempt }) => attempt).join() !== expected.join())
      this.#violate("history-has-every-attempt", `${name}: ${JSON.stringify(history)} at ${after.attempt}`);
    const latest = history.at(-1);
    if (latest === undefined || history.length === before?.history.length) return;
    const how = isFollowed ? (after.reason === "retry" ? "failed" : "released") : "lost";
    const hasError = how === "failed" && latest.error?.code === after.error?.code;
    if (latest.outcome !== how || hasError !== (how === "failed") || latest.startedAt !== before?.startedAt)
      this.#violate("history-says-what-happened", `${name}: ${JSON.stringify(latest)} at ${claimOf(after)}`);
  }

  #checkOrder(name: string, before: TaskLog, after: TaskLog): void {
    if (hasEnded(before))
      this.#violate("terminal-is-final", `${name}: ${before.status}, then ${after.status}`);
    if (precedes(after, before))
      this.#violate("attempts-rise", `${name}: ${claimOf(before)}, then ${claimOf(after)}`);
  }

  /** Who claims must find it free: by the store's clock, whatever the clocks of the processes say. */
  #checkClaim(name: string, before: Before | undefined, after: TaskLog, { by, fault }: Commit): void {
    this.#claims.set(name, (this.#claims.get(name) ?? 0) + 1);
    if (before && !this.#isDue(before))
      this.#violate("lease-respected", `${name} was claimed out of ${before.log.status} before its time`);
    const next = before ? nextClaim(before.log) : "1.0";
    if (claimOf(after) !== next)
      this.#violate("attempts-rise", `${name} was claimed as ${claimOf(after)}, not ${next}`);
    if (before?.log.status === "PROCESSING") this.#checkLoss(name);
    const hindrancesBefore = by.hindrances - (isHindrance(fault) ? 1 : 0);
    this.#holders.set(name, { process: by, claimedAt: this.#sight.world.now, hindrancesBefore });
    this.#checkReadiness(after);
    this.#checkCancelled(name, after);
    if (after.dueSeconds !== this.#sight.leaseSeconds)
      this.#violate("lease-as-configured", `${name} was claimed for ${after.dueSeconds} s`);
  }

  /** A lease may only be lost by a process that died, hung, or could not reach the store. */
  #checkLoss(name: string): void {
    const holder = this.#holders.get(name);
    if (!holder?.process.isAlive || holder.process.hungUntil > holder.claimedAt) return;
    if (holder.process.hindrances === holder.hindrancesBefore)
      this.#violate(
        "no-lease-lost-in-health",
        `${name} was taken from ${holder.process.name}, which is well`,
      );
  }

  #checkReadiness({ batchId, taskId }: TaskLog): void {
    const { documents } = this.#sight;
    const batch = findBatch(documents, batchId);
    if (batch?.status !== "RUNNING") this.#violate("no-claim-after-end", `${batchId}/${taskId}`);
    const task = this.#definitionOf(batchId, taskId);
    if (!task) this.#violate("pinned-definition", `${batchId} has no task ${taskId}`);
    else if (!mayStart(task, (id) => endOfTask(documents, batchId, id)))
      this.#violate("parents-satisfy-rule", `${batchId}/${taskId} was claimed`);
  }

  #checkCancelled(name: string, { batchId }: TaskLog): void {
    const { world, documents, cancelled, sweepSeconds, faultsEndMs } = this.#sight;
    if (cancelled.has(batchId)) this.#violate("no-claim-after-cancel", name);
    const document = documents.get({ collection: "batches", id: batchId });
    if (!document || !batchOf(document).cancelRequested) return;
    const sinceMs = Math.min(world.now - document.updateTime, world.elapsedMs - faultsEndMs);
    if (sinceMs > 2 * sweepSeconds * 1_000 + patienceMs) this.#violate("cancel-is-carried-on", batchId);
  }

  /**
   * Only its owner writes a PROCESSING log, unless it is cancelled or its lease is over. A heartbeat renews the lock
   * too.
   */
  #checkOwner(name: string, before: Before, after: TaskLog, { by, changes }: Commit): void {
    if (after.status === "CANCELLED") return;
    if (this.#isDue(before) && after.error?.code === "TASK_LOST_TOO_OFTEN") return;
    if (this.#holders.get(name)?.process !== by)
      this.#violate("only-the-owner-settles", `${name}: ${by.name} wrote ${after.status}`);
    if (after.status === "PROCESSING" && after.key !== null && !changes.some(isOf("executions")))
      this.#violate("lock-kept-alive", `${name} renewed its lease, and not its lock`);
  }

  #checkEnding(name: string, after: TaskLog, commit: Commit): void {
    const { changes } = commit;
    const { status, reason } = after;
    if (status === "SKIPPED" && reason !== "lock_held") this.#checkSkip(name, after);
    if (status === "SKIPPED" && reason === "lock_held") this.#checkWasHeld(name, after, commit);
    if (reason === "already_completed") this.#checkGivenOut(name, after, commit);
    if (reason === "retry") this.#checkRetry(name, after);
    if (hasEnded(after) && status !== "CANCELLED") this.#checkLockIsFree(name, after);
    if (status === "SUCCESS" && reason === null) this.#checkSuccess(name, after, changes);
  }

  /** The writes of a success must be one commit: the worker may die in between. */
  #checkSuccess(name: string, { batchId, taskId, key }: TaskLog, changes: Commit["changes"]): void {
    const task = this.#definitionOf(batchId, taskId);
    if (task?.idempotency && key === null) this.#violate("key-is-taken", `${name} ran without its key`);
    if (key !== null && !changes.some(isOf("executions")))
      this.#violate("result-with-status", `${name}: its key stayed behind`);
    if (task?.callback && !changes.some(isOf("callbacks")))
      this.#violate("callback-with-status", `${name}: its callback stayed behind`);
  }

  #checkLockIsFree(name: string, { key, batchId, taskId }: TaskLog): void {
    const record = this.#recordOf(key);
    const { state, holder } = record ? executionOf(record) : {};
    if (state === "PROCESSING" && holder?.batchId === batchId && holder.taskId === taskId)
      this.#violate("ended-without-lock", `${name} ended, and holds its lock`);
  }

  #checkSkip(name: string, after: TaskLog): void {
    const { documents } = this.#sight;
    // A retry inherits skips before it stores its batch; at rest they are compared with those of the batch before.
    if (!findBatch(documents, after.batchId)) return;
    const task = this.#definitionOf(after.batchId, after.taskId);
    const ends = new Map(task?.after.map((id) => [id, endOfTask(documents, after.batchId, id)]));
    if (task && isOwnSkip(after)) {
      this.#checkOwnSkip(
        name,
        after,
        mayStart(task, (id) => ends.get(id)),
      );
      return;
    }
    if (!task || [...ends.values()].includes(undefined)) {
      this.#violate("skip-when-decided", `${name} was skipped before its parents ended`);
      return;
    }
    const fate = fateOf(task, (id) => ends.get(id) ?? "");
    const end = endOf(after);
    if (fate !== end) this.#violate("skip-by-rule", `${name}: ${end}, not ${fate}`);
  }

  #checkOwnSkip(name: string, after: TaskLog, mayRun: boolean): void {
    if (!mayRun) this.#violate("skip-by-rule", `${name}: ${endOf(after)}, although it may not run`);
    if (after.skipCause === null)
      this.#violate("skip-has-a-cause", `${name}: ${endOf(after)} without a cause`);
    if (after.reason === "condition_not_met" && this.#starts.has(name))
      this.#violate("condition-comes-first", `${name} ran before its condition was asked`);
  }

  /**
   * Attempts and waits are those that the definition allows: no jitter here, each wait twice the one before, or as
   * long as the task asks for.
   */
  #checkRetry(name: string, { batchId, taskId, failures, dueSeconds, error }: TaskLog): void {
    const retry = this.#definitionOf(batchId, taskId)?.retry;
    if (!retry) return;
    const asked = Number(/\(asked to wait (\d+) s/.exec(error?.message ?? "")?.[1] ?? 0);
    const seconds = Math.max(asked, Math.min(retry.initialSeconds * 2 ** (failures - 1), retry.maxSeconds));
    if (failures >= retry.maxAttempts || dueSeconds !== seconds)
      this.#violate("retry-as-defined", `${name} waits ${dueSeconds} s after ${failures} failures`);
  }

  /** A result that has run out is not given out. */
  #checkGivenOut(name: string, { key, batchId, taskId }: TaskLog, commit: Commit): void {
    const record = this.#recordOf(key);
    const ttlSeconds = this.#definitionOf(batchId, taskId)?.idempotency?.ttlSeconds ?? 0;
    if (!record || executionOf(record).state !== "SUCCESS") return;
    const overMs = this.#ageMs(record) - ttlSeconds * 1_000;
    if (overMs > slackMs(commit)) this.#violate("expired-not-given", `${name}: ${overMs} ms too late`);
  }

  /** Who does not wait for a lock has found one that another held, and held in time. */
  #checkWasHeld(name: string, { key }: TaskLog, commit: Commit): void {
    const record = this.#recordOf(key);
    const { state, dueSeconds } = record ? executionOf(record) : { state: "FREE", dueSeconds: 0 };
    if (record && goesOnWithLock(this.#sight, record)) return;
    const overMs = record
      ? this.#ageMs(record) - (state === "PROCESSING" ? dueSeconds * 1_000 : 0)
      : Number.MAX_VALUE;
    if (overMs > slackMs(commit))
      this.#violate("skipped-for-a-lock", `${name}: it is ${state} since ${overMs} ms`);
  }

  #recordOf(key: string | null): StoredDocument | undefined {
    return key === null
      ? undefined
      : this.#sight.documents.get({ collection: "executions", id: executionId(key) });
  }

  #definitionOf(batchId: string, taskId: string): TaskDefinition | undefined {
    const { documents } = this.#sight;
    const batch = findBatch(documents, batchId);
    return batch && definitionOf(documents, batch.definitionHash).tasks.find(({ id }) => id === taskId);
  }

  #isDue({ log, document }: Before): boolean {
    return this.#ageMs(document) >= (log.dueSeconds ?? 0) * 1_000;
  }

  #ageMs({ updateTime }: StoredDocument): number {
    return this.#sight.world.now - updateTime;
  }

  #violate(rule: string, what: string): void {
    this.#sight.world.violate(rule, what);
  }
}

/** Between looking and writing lie a few calls, unless something keeps them. */
function slackMs({ by, fault }: Commit): number {
  return by.hindrances > 0 || fault ? patienceMs : 1_000;
}

function isOf(collection: Change["key"]["collection"]): (change: Change) => boolean {
  return ({ key }) => key.collection === collection;
}

function claimOf({ attempt, resumes }: TaskLog): string {
  return `${attempt}.${resumes}`;
}

function isClaim(before: TaskLog | undefined, after: TaskLog): boolean {
  if (after.status !== "PROCESSING") return false;
  return before?.status !== "PROCESSING" || claimOf(before) !== claimOf(after);
}

function precedes(after: TaskLog, before: TaskLog): boolean {
  return (
    after.attempt < before.attempt || (after.attempt === before.attempt && after.resumes < before.resumes)
  );
}

/** A wait continues with the same attempt; everything else is another one. */
function nextClaim(log: TaskLog): string {
  const { attempt, resumes } = log;
  return goesOn(log) ? `${attempt}.${resumes + 1}` : `${attempt + 1}.${resumes}`;
}
