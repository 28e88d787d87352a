import { errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { isTerminal, type TaskLog } from "../../core/records.ts";
import { eventToken } from "../../core/settlement.ts";
import {
  type Condition,
  type DocumentKey,
  type Snapshot,
  StoreTimeoutError,
  type Version,
} from "../../ports/store.ts";
import type { Dependencies } from "../dependencies.ts";
import type { PinnedBatch } from "./batches.ts";
import { type CommitOutcome, commitEachIdempotent, commitIdempotent, type NoncedWrite } from "./commit.ts";
import { keyOf, parsed, Records, recordKinds, type Stored, writeOf } from "./records.ts";

/**
 * Gives back a claim that nobody waits for any more, should it come about after all: its task need not wait for the end of a lease
 * that nobody uses, and no lease counts as lost. A process that is gone by then leaves the claim to its lease; so does an instance
 * of Cloud Run that has answered all its requests, and gets no processor time.
 */
function releaseOrphanedClaim(
  dependencies: Dependencies,
  key: DocumentKey,
  claim: TaskLog,
  late: Promise<unknown>,
): void {
  const { logger } = dependencies;
  const { batchId, taskId } = claim;
  const giveBack = async () => {
    if (await giveBackNow(dependencies, key, claim))
      logger.warn("a claim that had been given up came about, and was given back", { batchId, taskId });
  };
  // After an error too: the client may have been told of a conflict with its own earlier try.
  late.then(giveBack, giveBack).catch((error: unknown) => {
    logger.warn("a claim that was given up may have come about", {
      batchId,
      taskId,
      error: errorMessage(error),
    });
  });
}

async function giveBackNow({ store, ids }: Dependencies, key: DocumentKey, claim: TaskLog): Promise<boolean> {
  const { document } = await store.get(key);
  // mutation: only-the-late-claim-is-released
  if (document?.data.nonce !== claim.nonce) return false;
  const free = { status: "WAITING", reason: "released", worker: null, dueSeconds: 0 } as const;
  const data = { ...claim, ...free, nonce: ids.unique() };
  const given = await commitIdempotent(store, { kind: "update", key, version: document.version, data });
  return given.kind === "won";
}

/** A TaskLog as it stands in the store. */
export interface StoredLog {
  readonly log: TaskLog;
  readonly version: Version;
  /** When it was written, by the store's clock, in milliseconds. */
  readonly writtenAt: number;
  /** Time since it was written, by the store's clock. */
  readonly ageMs: number;
  /** It is our claim, and durable: as long as it stands, an undone write of ours may be written again. */
  readonly isOurs: boolean;
}

export type ClaimOutcome =
  | { readonly kind: "won"; readonly claim: StoredLog }
  | { readonly kind: "lost"; readonly current: StoredLog | undefined };

type Counts = Pick<TaskLog, "attempt" | "resumes" | "lostLeases" | "failures" | "startedAt" | "key">;

/** The TaskLog documents: every change is one conditional write that its writer can recognise. */
export class TaskLogs {
  readonly #dependencies: Dependencies;
  readonly #records: Records<TaskLog, Pick<TaskLog, "batchId" | "taskId">>;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
    this.#records = new Records(dependencies.store, recordKinds.taskLog);
  }

  async read(batchId: string, taskId: string): Promise<StoredLog | undefined> {
    const found = await this.#records.read({ batchId, taskId });
    return found && asLog(found);
  }

  /** All logs of a batch, a page at a time: all of them at once may be larger than the memory of a function. */
  pagesOf(batchId: string): AsyncGenerator<readonly StoredLog[]> {
    return this.#pages({ field: "batchId", equals: batchId }, limits.taskLogsPage);
  }

  /** The logs of a batch that wait for an event, as many at a time as can be woken at once. */
  waitersFor(batchId: string, event: string): AsyncGenerator<readonly StoredLog[]> {
    return this.#pages({ field: "arrivals", equals: eventToken(batchId, event) }, limits.writesPerCommit);
  }

  async *#pages(condition: Condition, logsPerPage: number): AsyncGenerator<readonly StoredLog[]> {
    for await (const page of this.#records.pages([condition], logsPerPage)) {
      // mutation: sweep-uses-the-clock-of-the-store
      yield page.map(asLog);
    }
  }

  /** All logs of a batch, by task, with their results. */
  async readAll(batchId: string): Promise<Map<string, StoredLog>> {
    const logs = new Map<string, StoredLog>();
    for await (const page of this.pagesOf(batchId))
      for (const stored of page) logs.set(stored.log.taskId, stored);
    return logs;
  }

  /** How all tasks of a batch stand, by task: what has ended without its result. */
  async readStates(batchId: string): Promise<Map<string, StoredLog>> {
    const logs = new Map<string, StoredLog>();
    for await (const page of this.pagesOf(batchId))
      for (const stored of page) logs.set(stored.log.taskId, withoutResult(stored));
    return logs;
  }

  /** Claims the first attempt: the log must not exist. */
  claimFirst(batch: PinnedBatch, taskId: string): Promise<ClaimOutcome> {
    const counts = {
      attempt: 1,
      resumes: 0,
      lostLeases: 0,
      failures: 0,
      startedAt: this.#dependencies.clock.now(),
      key: null,
    };
    return this.#claim(undefined, this.#claimed(batch.batchId, taskId, counts));
  }

  /** Claims a later attempt, or takes one up after a wait: the log must be as it was read. */
  claimNext(
    found: StoredLog,
    { attempt, resumes, lostLeases }: Pick<TaskLog, "attempt" | "resumes" | "lostLeases">,
  ): Promise<ClaimOutcome> {
    const { batchId, taskId, failures, key } = found.log;
    const isResumed = attempt === found.log.attempt;
    const startedAt = isResumed ? found.log.startedAt : this.#dependencies.clock.now();
    return this.#claim(
      found,
      this.#claimed(batchId, taskId, { attempt, resumes, lostLeases, failures, startedAt, key }),
    );
  }

  /**
   * Ends the waits of logs that were found WAITING, at most `writesPerCommit` of them: anyone may take them further at once.
   * Gives those that still waited.
   */
  async endWaits(found: readonly StoredLog[]): Promise<StoredLog[]> {
    const { store, ids } = this.#dependencies;
    const writes = found.map(({ version, log }) =>
      logWrite(version, { ...log, dueSeconds: 0, nonce: ids.unique() }),
    );
    const outcomes = await commitEachIdempotent(store, writes);
    return found.filter((_, index) => outcomes[index]?.kind === "won");
  }

  #claimed(batchId: string, taskId: string, counts: Counts): TaskLog {
    const { ids, settings, worker } = this.#dependencies;
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
      arrivals: [],
    };
  }

  async #claim(found: StoredLog | undefined, log: TaskLog): Promise<ClaimOutcome> {
    const write = logWrite(found?.version, log);
    try {
      return toClaimOutcome(await commitIdempotent(this.#dependencies.store, write), log);
    } catch (thrown) {
      if (thrown instanceof StoreTimeoutError)
        releaseOrphanedClaim(this.#dependencies, write.key, log, thrown.lateResult);
      throw thrown;
    }
  }
}

/** The write that puts a log where it belongs, on condition of the version that was read; undefined: none was there. */
export function logWrite(version: Version | undefined, log: TaskLog): NoncedWrite {
  return writeOf(recordKinds.taskLog, version, log);
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

/** Only of logs that are never written again. */
function withoutResult(stored: StoredLog): StoredLog {
  if (!isTerminal(stored.log.status)) return stored;
  return { ...stored, log: { ...stored.log, result: null, notes: null, arrivals: [] } };
}

export function logKey(batchId: string, taskId: string): DocumentKey {
  return keyOf(recordKinds.taskLog, { batchId, taskId });
}
