import { type Callback, type CallbackTarget, finalEventId } from "../../core/callback.ts";
import { historyOnSettle } from "../../core/history/attempts.ts";
import {
  type Execution,
  type ExecutionEnd,
  executionIdentity,
  settleExecution,
} from "../../core/idempotency-lock.ts";
import { isTerminal, type TaskLog } from "../../core/records.ts";
import { joinTokensOnSettle, type Settlement } from "../../core/settlement.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import { andThen, type MaybePromise } from "../../ports/store.ts";
import type { Assignment } from "../../ports/task-runner.ts";
import type { Ports } from "../dependencies.ts";
import type { PinnedBatch } from "../records/batches.ts";
import { type AtomicOutcome, commitAtomic, type NoncedWrite } from "../records/commit.ts";
import { isHeldBy, type StoredExecution } from "../records/idempotency-records.ts";
import { keyOf, parsed, recordKinds, writeOf } from "../records/records.ts";
import { logWrite, type StoredLog, toStoredLog } from "../records/task-logs.ts";
import { type StepPorts, StoredSteps } from "../steps.ts";
import { type ParentParts, parentOutcome } from "./task-invocation.ts";

/** What an attempt holds: its TaskLog and, if the task has an idempotency key, the lock of that key. */
export interface Claim {
  readonly log: StoredLog;
  readonly execution: StoredExecution | undefined;
}

/** What one commit writes. */
interface ClaimWrites {
  readonly log: TaskLog;
  readonly execution: Execution | undefined;
  readonly callback: Callback | undefined;
}

/** What is stored with the outcome of a task. */
export interface OutcomeWrites {
  /** What the outcome means for the execution record that the claim holds. */
  readonly end?: ExecutionEnd | undefined;
  readonly callback?: Callback | undefined;
}

type ClaimPorts = Ports<"store" | "ids" | "clock">;

/** Takes the lock of the key for a claimed task. Undefined: the log or the record was written since it was read. */
export function takeLock(
  ports: ClaimPorts,
  log: StoredLog,
  found: StoredExecution | undefined,
  execution: Execution,
): MaybePromise<Claim | undefined> {
  const next = {
    log: { ...log.log, key: execution.key, nonce: ports.ids.unique() },
    execution,
    callback: undefined,
  };
  return write(ports, { log, execution: found }, next);
}

/** Heartbeat: renews the leases of log and lock. Undefined: the claim is lost. */
function renewClaim(ports: ClaimPorts, claim: Claim): MaybePromise<Claim | undefined> {
  const { ids } = ports;
  // mutation: heartbeat-renews-the-lock
  const execution = claim.execution && { ...claim.execution.data, nonce: ids.unique() };
  return advance(ports, claim, {
    log: { ...claim.log.log, nonce: ids.unique() },
    execution,
    callback: undefined,
  });
}

/**
 * Writes the outcome of the task, with its join tokens, execution record and callback. The claim is ours, or a log as
 * it was read. Undefined: the claim is lost.
 */
export function commitOutcome(
  ports: ClaimPorts,
  batch: PinnedBatch,
  claim: Claim,
  settlement: Settlement,
  { end, callback }: OutcomeWrites,
): MaybePromise<Claim | undefined> {
  const { ids, clock } = ports;
  const { batchId, taskId } = claim.log.log;
  const idempotency = claim.execution && batch.graph.tasks.get(taskId)?.idempotency;
  const { attempt, resumes, lostLeases, startedAt, key } = claim.log.log;
  const { status, reason, failures, dueSeconds, events, result, error, notes, skipCause } = settlement;
  const now = clock.now();
  const hasEnded = isTerminal(status);
  // Written out: to spread two objects takes longer than all the rest.
  const log = {
    batchId,
    taskId,
    status,
    reason,
    attempt,
    resumes,
    failures,
    lostLeases,
    nonce: ids.unique(),
    worker: hasEnded ? claim.log.log.worker : null,
    dueSeconds,
    events,
    startedAt,
    endedAt: hasEnded ? now : null,
    result,
    error,
    notes,
    history: historyOnSettle(claim.log.log, settlement, now),
    skipCause,
    key,
    arrivals: joinTokensOnSettle(batch.graph, batchId, taskId, settlement),
  };
  const execution =
    claim.execution && end && idempotency
      ? settleExecution(claim.execution.data, idempotency, end, { nonce: ids.unique(), now })
      : undefined;
  return advance(ports, claim, { log, execution, callback });
}

/**
 * Writes over a claim. After a version conflict our claim may still be ours: the store may have undone an earlier
 * write of ours. It is ours while the log is PROCESSING our attempt and the lock has our token, because each attempt
 * and each token has one owner. A log that we only read must be unchanged: its owner may be back.
 */
function advance(ports: ClaimPorts, claim: Claim, next: ClaimWrites): MaybePromise<Claim | undefined> {
  const first = write(ports, claim, next);
  return first instanceof Promise ? writeAgainIfOurs(ports, claim, next, first) : first;
}

async function writeAgainIfOurs(
  ports: ClaimPorts,
  claim: Claim,
  next: ClaimWrites,
  first: Promise<Claim | undefined>,
): Promise<Claim | undefined> {
  const won = await first;
  if (won || !claim.log.isOurs) return won;
  const current = await reread(ports, claim);
  // mutation: settle-is-fenced
  return current && write(ports, current, next);
}

async function reread({ store }: ClaimPorts, { log, execution }: Claim): Promise<Claim | undefined> {
  const [foundLog, foundExecution] = await Promise.all([
    store.get(logWrite(log.version, log.log).key),
    execution && store.get(keyOf(recordKinds.execution, execution.data)),
  ]);
  const logNow = toStoredLog(foundLog);
  const executionNow = foundExecution && parsed(recordKinds.execution, foundExecution);
  // mutation: own-claim-is-recognised
  if (!logNow || !isSameAttempt(logNow.log, log.log)) return undefined;
  if (execution && !(executionNow && isSameLock(executionNow.data, execution.data))) return undefined;
  return { log: { ...logNow, isOurs: true }, execution: executionNow };
}

/** TaskLog and execution record change in one commit, so that both are held or both are lost. */
function write({ store }: ClaimPorts, claim: Claim, next: ClaimWrites): MaybePromise<Claim | undefined> {
  const writes: NoncedWrite[] = [logWrite(claim.log.version, next.log)];
  // mutation: execution-record-is-in-the-settle-commit
  if (next.execution) writes.push(writeOf(recordKinds.execution, claim.execution?.version, next.execution));
  // mutation: callback-is-in-the-settle-commit
  if (next.callback)
    writes.push({
      kind: "create",
      key: { collection: "callbacks", id: next.callback.callbackId },
      data: next.callback,
    });
  return andThen(commitAtomic(store, writes), (outcome) => writtenClaim(claim, next, outcome));
}

/** The claim after its write. Undefined: it was lost. */
function writtenClaim(claim: Claim, { log, execution }: ClaimWrites, outcome: AtomicOutcome) {
  if (outcome.kind === "lost") return undefined;
  const { version, commitTime } = outcome.committed;
  return {
    log: { log, version, writtenAt: commitTime, ageMs: 0, isOurs: claim.log.isOurs },
    execution: execution && { data: execution, version, writtenAt: commitTime, ageMs: 0 },
  };
}

function isSameAttempt(found: TaskLog, ours: TaskLog): boolean {
  return (
    found.status === "PROCESSING" &&
    ours.status === "PROCESSING" &&
    // mutation: claim-has-an-attempt
    found.attempt === ours.attempt &&
    // mutation: claim-has-a-count-of-resumes
    found.resumes === ours.resumes
  );
}

function isSameLock(found: Execution, ours: Execution): boolean {
  return ours.holder !== null && isHeldBy(found, ours.holder) && found.token === ours.token;
}

type AttemptParts = ParentParts & StepPorts & ClaimPorts & Ports<"settings">;

/** A claimed attempt that runs. Its heartbeats, one at a time, renew the lease and the lock of its idempotency key. */
export class RunningAttempt {
  /** For the task runner. */
  readonly assignment: Assignment;
  readonly #ports: ClaimPorts;
  #claim: Claim;
  #renewing: Promise<boolean> | undefined;

  constructor(
    parts: AttemptParts,
    batch: PinnedBatch,
    task: TaskDefinition,
    claimed: Claim,
    target: CallbackTarget | undefined,
  ) {
    this.#ports = parts;
    this.#claim = claimed;
    const { log } = claimed.log;
    const execution = claimed.execution?.data;
    const { idempotencyKey, steps } = executionIdentity(execution, log);
    const lease = log.dueSeconds ?? parts.settings.leaseSeconds;
    this.assignment = {
      batchId: batch.batchId,
      workflowId: batch.workflowId,
      definitionHash: batch.graph.hash,
      task,
      input: batch.input,
      attempt: log.attempt,
      idempotencyKey,
      leaseSeconds: Math.min(lease, execution?.dueSeconds ?? lease),
      renew: () => this.#renew(),
      parentOutcome: (taskId) => parentOutcome(parts, batch, taskId),
      memory: () => new StoredSteps(parts, steps, batch.batchId),
      callback: target && { ...target, eventId: finalEventId(log) },
    };
  }

  /** The newest version of the claim, against which the outcome is committed. Waits for a running heartbeat. */
  newestClaim(): MaybePromise<Claim> {
    const newest = () => this.#claim;
    return this.#renewing ? this.#renewing.then(newest, newest) : this.#claim;
  }

  #renew(): Promise<boolean> {
    const before = this.#renewing ?? Promise.resolve(true);
    this.#renewing = before.catch(() => true).then((isAlive) => isAlive && this.#renewOnce());
    return this.#renewing;
  }

  async #renewOnce(): Promise<boolean> {
    const renewed = await renewClaim(this.#ports, this.#claim);
    if (renewed) this.#claim = renewed;
    return renewed !== undefined;
  }
}
