import { errorMessage } from "../../core/errors/errors.ts";
import { historyAfter, historyOnClaim } from "../../core/history/attempts.ts";
import { limits } from "../../core/limits.ts";
import type { TaskLog } from "../../core/records.ts";
import { eventToken } from "../../core/settlement.ts";
import {
  type Condition,
  type DocumentKey,
  type MaybePromise,
  type Snapshot,
  StoreTimeoutError,
  type Version,
} from "../../ports/store.ts";
import type { Ports } from "../dependencies.ts";
import type { PinnedBatch } from "./batches.ts";
import { type CommitOutcome, commitEachIdempotent, commitIdempotent, type NoncedWrite } from "./commit.ts";
import { keyOf, parsed, Records, recordKinds, type Stored } from "./records.ts";

/**
 * Releases a claim whose commit was applied after we timed out waiting for it. Otherwise the task would idle until the
 * unused lease is over, and that would count as a lost lease. If the process has ended by then, or gets no processor
 * time (Cloud Run after its last response), the claim is left to its lease.
 */
function releaseOrphanedClaim(
  ports: Ports<"store" | "ids" | "clock" | "logger">,
  key: DocumentKey,
  claim: TaskLog,
  late: Promise<unknown>,
): void {
  const { logger } = ports;
  const { batchId, taskId } = claim;
  const release = async () => {
    if (await releaseIfApplied(ports, key, claim))
      logger.warn("a claim that timed out was applied late, and is released", { batchId, taskId });
  };
  // After an error too: it may be a conflict with an earlier try of the client itself.
  late.then(release, release).catch((error: unknown) => {
    logger.warn("a claim that timed out may have been applied", {
      batchId,
      taskId,
      error: errorMessage(error),
    });
  });
}

async function releaseIfApplied(
  { store, ids, clock }: Ports<"store" | "ids" | "clock">,
  key: DocumentKey,
  claim: TaskLog,
): Promise<boolean> {
  const { document } = await store.get(key);
  // mutation: only-the-late-claim-is-released
  if (document?.data.nonce !== claim.nonce) return false;
  const free = { status: "WAITING", reason: "released", worker: null, dueSeconds: 0 } as const;
  const history = historyAfter(claim, { outcome: "released", endedAt: clock.now() });
  const released = { ...claim, ...free, history, nonce: ids.unique() };
  const outcome = await commitIdempotent(store, logWrite(document.version, released));
  return outcome.kind === "won";
}

/** A TaskLog as it was read. */
export interface StoredLog {
  readonly log: TaskLog;
  readonly version: Version;
  /** By the store's clock, in milliseconds. */
  readonly writtenAt: number;
  /** Time between the last write and the read, by the store's clock. */
  readonly ageMs: number;
  /** Our own durable claim. While it is stored, we may repeat a write of ours that the store undid. */
  readonly isOurs: boolean;
}

export type ClaimOutcome =
  | { readonly kind: "won"; readonly claim: StoredLog }
  | { readonly kind: "lost"; readonly current: StoredLog | undefined };

type Counts = Pick<
  TaskLog,
  "attempt" | "resumes" | "lostLeases" | "failures" | "startedAt" | "history" | "key"
>;

type TaskLogPorts = Ports<"store" | "ids" | "clock" | "logger" | "settings" | "worker">;

/** The TaskLog documents. Each change is one conditional write with a nonce. */
export class TaskLogs {
  readonly #ports: TaskLogPorts;
  readonly #records: Records<TaskLog, Pick<TaskLog, "batchId" | "taskId">>;

  constructor(ports: TaskLogPorts) {
    this.#ports = ports;
    this.#records = new Records(ports.store, recordKinds.taskLog);
  }

  async read(batchId: string, taskId: string): Promise<StoredLog | undefined> {
    const found = await this.#records.read({ batchId, taskId });
    return found && asLog(found);
  }

  /** All logs of a batch, in pages: together they may be larger than the memory of a function. */
  pagesOf(batchId: string): AsyncGenerator<readonly StoredLog[]> {
    return this.#pages({ field: "batchId", equals: batchId }, limits.taskLogsPage);
  }

  /** The logs of a batch that wait for an event, in pages that one commit can resume. */
  waitersFor(batchId: string, event: string): AsyncGenerator<readonly StoredLog[]> {
    return this.#pages({ field: "arrivals", equals: eventToken(batchId, event) }, limits.writesPerCommit);
  }

  async *#pages(condition: Condition, logsPerPage: number): AsyncGenerator<readonly StoredLog[]> {
    for await (const page of this.#records.pages([condition], logsPerPage)) {
      // mutation: sweep-uses-the-clock-of-the-store
      yield page.map(asLog);
    }
  }

  /** By task id, with results. */
  async readAll(batchId: string): Promise<Map<string, StoredLog>> {
    const logs = new Map<string, StoredLog>();
    for await (const page of this.pagesOf(batchId))
      for (const stored of page) logs.set(stored.log.taskId, stored);
    return logs;
  }

  /** Claims the first attempt, on condition that there is no log. */
  claimFirst(batch: PinnedBatch, taskId: string): MaybePromise<ClaimOutcome> {
    const counts = {
      attempt: 1,
      resumes: 0,
      lostLeases: 0,
      failures: 0,
      startedAt: this.#ports.clock.now(),
      history: [],
      key: null,
    };
    return this.#claim(undefined, this.#claimed(batch.batchId, taskId, counts));
  }

  /** Claims a later attempt, or resumes one after a wait, on condition that the log is unchanged. */
  claimNext(
    found: StoredLog,
    { attempt, resumes, lostLeases }: Pick<TaskLog, "attempt" | "resumes" | "lostLeases">,
  ): MaybePromise<ClaimOutcome> {
    const { batchId, taskId, failures, key } = found.log;
    const isResumed = attempt === found.log.attempt;
    const startedAt = isResumed ? found.log.startedAt : this.#ports.clock.now();
    const history = historyOnClaim(found.log, found.writtenAt);
    return this.#claim(
      found,
      this.#claimed(batchId, taskId, { attempt, resumes, lostLeases, failures, startedAt, history, key }),
    );
  }

  /**
   * Ends the waits of WAITING logs, at most `writesPerCommit`: their tasks may be resumed now. Returns those that still
   * waited.
   */
  async endWaits(found: readonly StoredLog[]): Promise<StoredLog[]> {
    const { store, ids } = this.#ports;
    const writes = found.map(({ version, log }) =>
      logWrite(version, { ...log, dueSeconds: 0, nonce: ids.unique() }),
    );
    const outcomes = await commitEachIdempotent(store, writes);
    return found.filter((_, index) => outcomes[index]?.kind === "won");
  }

  #claimed(batchId: string, taskId: string, counts: Counts): TaskLog {
    const { ids, settings, worker } = this.#ports;
    return {
      batchId,
      taskId,
      status: "PROCESSING",
      reason: null,
      ...counts,
      // mutation: claim-has-a-nonce
      nonce: ids.unique(),
      worker,
      dueSeconds: settings.leaseSeconds,
      events: [],
      endedAt: null,
      result: null,
      error: null,
      notes: null,
      skipCause: null,
      arrivals: [],
    };
  }

  #claim(found: StoredLog | undefined, log: TaskLog): MaybePromise<ClaimOutcome> {
    const write = logWrite(found?.version, log);
    const outcome = commitIdempotent(this.#ports.store, write);
    return outcome instanceof Promise
      ? this.#outcomeOfClaim(write.key, log, outcome)
      : toClaimOutcome(outcome, log);
  }

  async #outcomeOfClaim(
    key: DocumentKey,
    log: TaskLog,
    outcome: Promise<CommitOutcome>,
  ): Promise<ClaimOutcome> {
    try {
      return toClaimOutcome(await outcome, log);
    } catch (thrown) {
      if (thrown instanceof StoreTimeoutError) releaseOrphanedClaim(this.#ports, key, log, thrown.lateResult);
      throw thrown;
    }
  }
}

/** Conditional on `version`; undefined creates the log. */
export function logWrite(version: Version | undefined, log: TaskLog): NoncedWrite {
  const key = keyOf(recordKinds.taskLog, log);
  const data = withoutDefaults(log);
  return version === undefined ? { kind: "create", key, data } : { kind: "update", key, version, data };
}

/** A TaskLog as it is stored: a field with its default value is left out, as are most fields of most logs. */
type TaskLogData = Pick<TaskLog, "batchId" | "taskId" | "status" | "nonce"> & Partial<TaskLog>;

export function withoutDefaults(log: TaskLog): TaskLogData {
  const { batchId, taskId, status, nonce } = log;
  const stored: WritableLogData = { batchId, taskId, status, nonce };
  if (log.reason !== null) stored.reason = log.reason;
  if (log.attempt !== 0) stored.attempt = log.attempt;
  if (log.resumes !== 0) stored.resumes = log.resumes;
  if (log.failures !== 0) stored.failures = log.failures;
  if (log.lostLeases !== 0) stored.lostLeases = log.lostLeases;
  if (log.worker !== null) stored.worker = log.worker;
  if (log.dueSeconds !== null) stored.dueSeconds = log.dueSeconds;
  if (log.events.length > 0) stored.events = log.events;
  if (log.startedAt !== null) stored.startedAt = log.startedAt;
  if (log.history.length > 0) stored.history = log.history;
  if (log.key !== null) stored.key = log.key;
  addOutcome(stored, log);
  return stored;
}

type WritableLogData = { -readonly [Name in keyof TaskLogData]: TaskLogData[Name] };

function addOutcome(stored: WritableLogData, log: TaskLog): void {
  if (log.endedAt !== null) stored.endedAt = log.endedAt;
  if (log.result !== null) stored.result = log.result;
  if (log.error !== null) stored.error = log.error;
  if (log.notes !== null) stored.notes = log.notes;
  if (log.skipCause !== null) stored.skipCause = log.skipCause;
  if (log.arrivals.length > 0) stored.arrivals = log.arrivals;
}

function toClaimOutcome(outcome: CommitOutcome, log: TaskLog): ClaimOutcome {
  // mutation: lost-claim-is-not-run
  if (outcome.kind === "lost") return { kind: "lost", current: toStoredLog(outcome.current) };
  const { version, commitTime } = outcome.committed;
  return { kind: "won", claim: { log, version, writtenAt: commitTime, ageMs: 0, isOurs: false } };
}

export function toStoredLog(snapshot: Snapshot): StoredLog | undefined {
  const found = parsed(recordKinds.taskLog, snapshot);
  return found && asLog(found);
}

function asLog({ data, version, writtenAt, ageMs }: Stored<TaskLog>): StoredLog {
  return { log: data, version, writtenAt, ageMs, isOurs: false };
}

export function logKey(batchId: string, taskId: string): DocumentKey {
  return keyOf(recordKinds.taskLog, { batchId, taskId });
}
