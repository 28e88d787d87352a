import { limits } from "../core/limits.ts";
import { type TaskLog, TaskLogSchema } from "../core/records.ts";
import { isTerminal } from "../core/status.ts";
import type { DocumentKey, Snapshot, StoredDocument, Version } from "../ports/store.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import { type CommitOutcome, commitOwned, type OwnedWrite } from "./owned-commit.ts";
import { pages } from "./pages.ts";

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

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async read(batchId: string, taskId: string): Promise<StoredLog | undefined> {
    return toStoredLog(await this.#dependencies.store.get(logKey(batchId, taskId)));
  }

  /** All logs of a batch, a page at a time: all of them at once may be larger than the memory of a function. */
  async *pagesOf(batchId: string): AsyncGenerator<readonly StoredLog[]> {
    const conditions = [{ field: "batchId", equals: batchId }];
    for await (const page of pages(this.#dependencies.store, "taskLogs", conditions, limits.taskLogsPage))
      yield page.documents.map((document) => fromDocument(document, page.readTime));
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
    return this.#write(undefined, this.#claimed(batch.batchId, taskId, counts));
  }

  /** Claims a later attempt, or takes one up after a wait: the log must be as it was read. */
  claimNext(
    found: StoredLog,
    { attempt, resumes, lostLeases }: Pick<TaskLog, "attempt" | "resumes" | "lostLeases">,
  ): Promise<ClaimOutcome> {
    const { batchId, taskId, failures, key } = found.log;
    const isResumed = attempt === found.log.attempt;
    const startedAt = isResumed ? found.log.startedAt : this.#dependencies.clock.now();
    return this.#write(
      found,
      this.#claimed(batchId, taskId, { attempt, resumes, lostLeases, failures, startedAt, key }),
    );
  }

  /** Ends the wait of a log that was found WAITING: anyone may take it further at once. */
  endWait(found: StoredLog): Promise<ClaimOutcome> {
    return this.#write(found, { ...found.log, dueSeconds: 0, nonce: this.#dependencies.ids.unique() });
  }

  #claimed(batchId: string, taskId: string, counts: Counts): TaskLog {
    const { ids, settings, worker } = this.#dependencies;
    return {
      batchId,
      taskId,
      status: "PROCESSING",
      reason: null,
      ...counts,
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

  async #write(found: StoredLog | undefined, log: TaskLog): Promise<ClaimOutcome> {
    const outcome = await commitOwned(this.#dependencies.store, logWrite(found?.version, log));
    return toClaimOutcome(outcome, log);
  }
}

/** The write that puts a log where it belongs, on condition of the version that was read; undefined: none was there. */
export function logWrite(version: Version | undefined, log: TaskLog): OwnedWrite {
  const key = logKey(log.batchId, log.taskId);
  return version === undefined
    ? { kind: "create", key, data: log }
    : { kind: "update", key, version, data: log };
}

function toClaimOutcome(outcome: CommitOutcome, log: TaskLog): ClaimOutcome {
  if (outcome.kind === "lost") return { kind: "lost", current: toStoredLog(outcome.current) };
  const { version, commitTime } = outcome.committed;
  return { kind: "won", claim: { log, version, writtenAt: commitTime, ageMs: 0, isOurs: false } };
}

export function toStoredLog({ document, readTime }: Snapshot): StoredLog | undefined {
  return document && fromDocument(document, readTime);
}

function fromDocument(document: StoredDocument, readTime: number): StoredLog {
  return {
    log: TaskLogSchema.parse(document.data),
    version: document.version,
    writtenAt: document.updateTime,
    ageMs: readTime - document.updateTime,
    isOurs: false,
  };
}

/** Only of logs that are never written again. */
function withoutResult(stored: StoredLog): StoredLog {
  if (!isTerminal(stored.log.status)) return stored;
  return { ...stored, log: { ...stored.log, result: null, notes: null, arrivals: [] } };
}

export function logKey(batchId: string, taskId: string): DocumentKey {
  return { collection: "taskLogs", id: `${batchId}/${taskId}` };
}
