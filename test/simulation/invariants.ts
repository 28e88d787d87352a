import type { Change, Documents } from "../../src/testing/world/documents.ts";
import type { Commit } from "../../src/testing/world/simulated-ports.ts";
import type { World } from "../../src/testing/world/world.ts";
import { batchInvariants } from "./batch-invariants.ts";
import { executionInvariants } from "./execution-invariants.ts";
import { endOf, hasEnded } from "./oracle.ts";
import { callbackOf, definitionOf, executionOf, findBatch, findLog, stepOf } from "./parsed.ts";
import { TaskLogInvariants } from "./task-log-invariants.ts";

/** What the invariants look at. */
export interface Sight {
  readonly world: World;
  readonly documents: Documents;
  readonly leaseSeconds: number;
  readonly sweepSeconds: number;
  readonly faultsEndMs: number;
  /** Batches whose cancel has returned. */
  readonly cancelled: Set<string>;
}

/**
 * The promises of section 7 of the design that every single commit must keep. They see what the store sees, and know
 * nothing of how the engine came to write it.
 */
export class Invariants {
  readonly logs: TaskLogInvariants;
  readonly #sight: Sight;

  constructor(sight: Omit<Sight, "cancelled">) {
    this.#sight = { ...sight, cancelled: new Set() };
    this.logs = new TaskLogInvariants(this.#sight);
  }

  /** Looks at what a commit has changed. */
  check(commit: Commit): void {
    for (const change of commit.changes) this.#checkChange(change, commit);
  }

  cancelReturned(batchId: string): void {
    const { cancelled, documents } = this.#sight;
    cancelled.add(batchId);
    this.#requireAllEnded(batchId, "cancel returned");
    for (const document of documents.all("executions")) {
      const { key, state, holder } = executionOf(document);
      if (state === "PROCESSING" && holder?.batchId === batchId) this.#violate("cancel-frees-locks", key);
    }
  }

  #checkChange(change: Change, commit: Commit): void {
    switch (change.key.collection) {
      case "taskLogs":
        this.logs.check(change, commit);
        break;
      case "batches":
        batchInvariants(this.#sight.world, this.#sight.documents, change);
        this.#checkEnd(change);
        break;
      case "executions":
        executionInvariants(this.#sight, change, commit);
        break;
      case "callbacks":
        this.#checkCallback(change, commit);
        break;
      case "steps":
        this.#checkStep(change);
        break;
      case "events":
      case "definitions":
        if (change.before && change.before !== change.after)
          this.#violate("written-once", `${change.key.collection}/${change.key.id} was changed`);
        break;
      default:
    }
  }

  #checkCallback({ key, before, after }: Change, { changes }: Commit): void {
    if (!after) {
      this.#violate("callback-stays", `${key.id} was deleted`);
      return;
    }
    const callback = callbackOf(after);
    const { callbackId, eventId, batchId, taskId } = callback;
    const logId = `${batchId}/${taskId}`;
    const isWithItsLog = changes.some(
      (other) => other.key.collection === "taskLogs" && other.key.id === logId,
    );
    if (!before && callbackId === eventId && !isWithItsLog)
      this.#violate("callback-with-status", `${logId}: its callback came alone`);
    const said = before && callbackOf(before);
    if (said && (said.eventId !== eventId || JSON.stringify(said.data) !== JSON.stringify(callback.data)))
      this.#violate("callback-bytes", `${callbackId} changed`);
  }

  /** A step is done once. An event whose wait timed out may still come, for another batch. */
  #checkStep({ key, before, after }: Change): void {
    if (!before || !after || before === after) return;
    if (stepOf(before).kind !== "timeout") this.#violate("step-stored-once", `${key.id} was changed`);
  }

  #checkEnd({ key }: Change): void {
    const batch = findBatch(this.#sight.documents, key.id);
    if (batch && batch.status !== "RUNNING") this.#requireAllEnded(batch.batchId, `it ended ${batch.status}`);
  }

  #requireAllEnded(batchId: string, when: string): void {
    const { documents } = this.#sight;
    const batch = findBatch(documents, batchId);
    for (const { id } of batch ? definitionOf(documents, batch.definitionHash).tasks : [])
      if (endOfTask(documents, batchId, id) === undefined)
        this.#violate("batch-ends-last", `${batchId}/${id} had not ended when ${when}`);
  }

  #violate(rule: string, what: string): void {
    this.#sight.world.violate(rule, what);
  }
}

/** How a task has ended, if it has. */
export function endOfTask(documents: Documents, batchId: string, taskId: string): string | undefined {
  const log = findLog(documents, batchId, taskId);
  return log && hasEnded(log) ? endOf(log) : undefined;
}
