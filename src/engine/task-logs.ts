import { type TaskLog, TaskLogSchema } from "../core/records.ts";
import { arrivalsOf, type Settlement } from "../core/settlement.ts";
import { isTerminal } from "../core/status.ts";
import type { DocumentKey, Snapshot, StoredDocument, Version } from "../ports/store.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import { type CommitOutcome, commitOwned } from "./owned-commit.ts";
import { pages } from "./pages.ts";

/** A TaskLog as it stands in the store. */
export interface StoredLog {
  readonly log: TaskLog;
  readonly version: Version;
  /** Time since it was written, by the store's clock. */
  readonly ageMs: number;
  /** We wrote it ourselves: it is our claim, and not one that was found. */
  readonly isOurs: boolean;
}

export type ClaimOutcome =
  | { readonly kind: "won"; readonly claim: StoredLog }
  | { readonly kind: "lost"; readonly current: StoredLog | undefined };

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
    return this.#write(
      undefined,
      this.#claimed(batch.batchId, taskId, { attempt: 1, lostLeases: 0, failures: 0 }),
    );
  }

  /** Claims a later attempt: the log must be as it was read. */
  claimNext(
    found: StoredLog,
    { attempt, lostLeases }: { readonly attempt: number; readonly lostLeases: number },
  ): Promise<ClaimOutcome> {
    const { batchId, taskId, failures } = found.log;
    return this.#write(found, this.#claimed(batchId, taskId, { attempt, lostLeases, failures }));
  }

  /** Moves the claim forward. */
  renew(claim: StoredLog): Promise<ClaimOutcome> {
    return this.#advance(claim, { ...claim.log, nonce: this.#dependencies.ids.unique() });
  }

  /** Writes how the task came out, on our own claim or on a log as it was found, together with everything its ending adds to. */
  settle(batch: PinnedBatch, claim: StoredLog, settlement: Settlement): Promise<ClaimOutcome> {
    const { ids, clock } = this.#dependencies;
    const { batchId, taskId } = claim.log;
    return this.#advance(claim, {
      ...claim.log,
      ...settlement,
      nonce: ids.unique(),
      endedAt: isTerminal(settlement.status) ? clock.now() : null,
      arrivals: arrivalsOf(batch.graph, batchId, taskId, settlement),
    });
  }

  #claimed(
    batchId: string,
    taskId: string,
    counts: Pick<TaskLog, "attempt" | "lostLeases" | "failures">,
  ): TaskLog {
    const { ids, clock, settings, worker } = this.#dependencies;
    return {
      batchId,
      taskId,
      status: "PROCESSING",
      reason: null,
      ...counts,
      nonce: ids.unique(),
      worker,
      dueSeconds: settings.leaseSeconds,
      startedAt: clock.now(),
      endedAt: null,
      result: null,
      error: null,
      arrivals: [],
    };
  }

  /**
   * Writes over a log. On our own claim an earlier write of ours may have been undone after it was answered; the claim is
   * still ours as long as the log is PROCESSING our attempt, since every attempt has one owner. What was merely found
   * has to be as it was: its owner may have come back.
   */
  async #advance(claim: StoredLog, log: TaskLog): Promise<ClaimOutcome> {
    const outcome = await this.#write(claim, log);
    if (outcome.kind === "won" || !outcome.current || !claim.isOurs) return outcome;
    if (!isSameAttempt(outcome.current.log, claim.log)) return outcome;
    return this.#write(outcome.current, log);
  }

  async #write(found: StoredLog | undefined, log: TaskLog): Promise<ClaimOutcome> {
    const key = logKey(log.batchId, log.taskId);
    const outcome = await commitOwned(
      this.#dependencies.store,
      found ? { kind: "update", key, version: found.version, data: log } : { kind: "create", key, data: log },
    );
    return toClaimOutcome(outcome, log);
  }
}

function isSameAttempt(found: TaskLog, ours: TaskLog): boolean {
  return found.status === "PROCESSING" && ours.status === "PROCESSING" && found.attempt === ours.attempt;
}

function toClaimOutcome(outcome: CommitOutcome, log: TaskLog): ClaimOutcome {
  if (outcome.kind === "won")
    return { kind: "won", claim: { log, version: outcome.committed.version, ageMs: 0, isOurs: true } };
  return { kind: "lost", current: toStoredLog(outcome.current) };
}

function toStoredLog({ document, readTime }: Snapshot): StoredLog | undefined {
  return document && fromDocument(document, readTime);
}

function fromDocument(document: StoredDocument, readTime: number): StoredLog {
  return {
    log: TaskLogSchema.parse(document.data),
    version: document.version,
    ageMs: readTime - document.updateTime,
    isOurs: false,
  };
}

export function logKey(batchId: string, taskId: string): DocumentKey {
  return { collection: "taskLogs", id: `${batchId}/${taskId}` };
}
