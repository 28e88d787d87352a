import { type TaskLog, TaskLogSchema } from "../core/records.ts";
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

  /** All logs of a batch, by task. */
  async readAll(batchId: string): Promise<Map<string, StoredLog>> {
    const logs = new Map<string, StoredLog>();
    const conditions = [{ field: "batchId", equals: batchId }];
    for await (const page of pages(this.#dependencies.store, "taskLogs", conditions))
      for (const document of page.documents) {
        const stored = fromDocument(document, page.readTime);
        logs.set(stored.log.taskId, stored);
      }
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

export function logKey(batchId: string, taskId: string): DocumentKey {
  return { collection: "taskLogs", id: `${batchId}/${taskId}` };
}
