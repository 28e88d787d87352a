import { decideArrival } from "../core/claim.ts";
import type { TaskDefinition } from "../core/definition.ts";
import {
  claimedExecution,
  decideAdmission,
  type Execution,
  type Holder,
  isSameTask,
  type Locked,
} from "../core/execution.ts";
import type { Idempotency } from "../core/idempotency.ts";
import { limits } from "../core/limits.ts";
import { isParkReason } from "../core/status.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Claim, Claims } from "./claims.ts";
import type { Dependencies } from "./dependencies.ts";
import type { ExecutionRecords, StoredExecution } from "./execution-records.ts";
import type { StoredLog, TaskLogs } from "./task-logs.ts";

export type Admitted =
  /** Run it: the key, if it has one, is ours. `spent`: whose steps belong to a result that has run out, and are nobody's. */
  | { readonly kind: "run"; readonly claim: Claim; readonly spent?: Execution | undefined }
  /** It has been done. */
  | { readonly kind: "completed"; readonly execution: Execution }
  /** Another call is at it. */
  | Locked
  /** Meanwhile the TaskLog has become somebody else's. */
  | { readonly kind: "lost" };

/** Lets a claimed task run, unless its idempotency key says that the work is done or being done. */
export class Admission {
  readonly #dependencies: Dependencies;
  readonly #logs: TaskLogs;
  readonly #claims: Claims;
  readonly #records: ExecutionRecords;

  constructor(dependencies: Dependencies, logs: TaskLogs, claims: Claims, records: ExecutionRecords) {
    this.#dependencies = dependencies;
    this.#logs = logs;
    this.#claims = claims;
    this.#records = records;
  }

  async admit(
    batch: PinnedBatch,
    task: TaskDefinition,
    claimed: StoredLog,
    key: string | null,
  ): Promise<Admitted> {
    const { idempotency } = task;
    // mutation: key-is-taken
    if (!idempotency || key === null) return { kind: "run", claim: { log: claimed, execution: undefined } };
    return this.#admit(batch, task, idempotency, key, claimed);
  }

  async #admit(
    batch: PinnedBatch,
    task: TaskDefinition,
    idempotency: Idempotency,
    key: string,
    claimed: StoredLog,
  ): Promise<Admitted> {
    const { batchId } = batch;
    const holder = {
      batchId,
      taskId: task.id,
      attempt: claimed.log.attempt,
      worker: this.#dependencies.worker,
    };
    for (;;) {
      const found = await this.#records.read(key);
      const admission = decideAdmission(found && { execution: found.data, ageMs: found.ageMs }, holder);
      if (admission.kind !== "take") return admission;
      if (found && (await this.#holderGoesOn(found, holder)))
        return { kind: "locked", remainingMs: limits.lockPollSeconds.most * 1_000, byCancel: false };
      const isAnew = admission.generation === undefined;
      const nonce = this.#dependencies.ids.unique();
      const { lockSeconds } = idempotency;
      const execution = claimedExecution(key, found?.data, admission, { holder, lockSeconds, nonce });
      const claim = await this.#claims.acquire(claimed, found, execution);
      if (claim) return { kind: "run", claim, spent: isAnew ? found?.data : undefined };
      const current = await this.#logs.read(batchId, task.id);
      if (current?.version !== claimed.version) return { kind: "lost" };
    }
  }

  /**
   * A task that waits has no worker that could keep its lock, and its message may stand in line for longer than the lock: as
   * long as its TaskLog says that it goes on, it has the lock, within bounds. The same until it has reached its key again: then
   * its log has been written since the record was.
   */
  async #holderGoesOn(
    { data: execution, version, ageMs }: StoredExecution,
    arriving: Pick<Holder, "batchId" | "taskId">,
  ): Promise<boolean> {
    const { key, state, holder, dueSeconds } = execution;
    if (state !== "PROCESSING" || !holder || isSameTask(holder, arriving)) return false;
    if (ageMs >= (dueSeconds + limits.parkedLockMarginSeconds) * 1_000) return false;
    const held = await this.#logs.read(holder.batchId, holder.taskId);
    if (held?.log.key !== key) return false;
    const { status, reason } = held.log;
    // mutation: parked-holder-keeps-its-lock
    if (status === "WAITING") return isParkReason(reason) && reason !== "lock_held";
    const isAlive = decideArrival(held.log, held.ageMs).kind === "held";
    return isAlive && held.version !== version;
  }
}
