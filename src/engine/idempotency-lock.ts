import { decideClaim } from "../core/claim.ts";
import {
  claimExecution,
  decideAdmission,
  type Execution,
  type Holder,
  isSameTask,
  type LockedAdmission,
} from "../core/execution-record.ts";
import type { Idempotency } from "../core/idempotency.ts";
import { limits } from "../core/limits.ts";
import { isParkReason } from "../core/records.ts";
import type { TaskDefinition } from "../core/workflow/definition.ts";
import type { Dependencies } from "./dependencies.ts";
import type { Claim, Claims } from "./execute/claims.ts";
import type { PinnedBatch } from "./records/batches.ts";
import type { IdempotencyStore, StoredExecution } from "./records/idempotency-records.ts";
import type { StoredLog, TaskLogs } from "./records/task-logs.ts";

export type AdmissionResult =
  /** Run the task; if it has a key, we hold the lock. `expired`: the old record, whose steps must be deleted. */
  | { readonly kind: "run"; readonly claim: Claim; readonly expired?: Execution | undefined }
  /** Another call has finished the work. */
  | { readonly kind: "completed"; readonly execution: Execution }
  /** Another call holds the lock. */
  | LockedAdmission
  /** Another worker has written the TaskLog since it was read. */
  | { readonly kind: "lost" };

/**
 * The lock of an idempotency key. A claimed task takes it before it runs, unless another call holds it or has finished
 * the work.
 */
export class IdempotencyGate {
  readonly #dependencies: Pick<Dependencies, "ids" | "worker">;
  readonly #logs: TaskLogs;
  readonly #claims: Claims;
  readonly #records: IdempotencyStore;

  constructor(
    dependencies: Pick<Dependencies, "ids" | "worker">,
    logs: TaskLogs,
    claims: Claims,
    records: IdempotencyStore,
  ) {
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
  ): Promise<AdmissionResult> {
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
  ): Promise<AdmissionResult> {
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
      if (found && (await this.#isHolderStillActive(found, holder)))
        return { kind: "locked", remainingMs: limits.lockPollSeconds.most * 1_000, byCancel: false };
      const restarts = admission.generation === undefined;
      const nonce = this.#dependencies.ids.unique();
      const { lockSeconds } = idempotency;
      const execution = claimExecution(key, found?.data, admission, { holder, lockSeconds, nonce });
      const claim = await this.#claims.acquire(claimed, found, execution);
      if (claim) return { kind: "run", claim, expired: restarts ? found?.data : undefined };
      const current = await this.#logs.read(batchId, task.id);
      if (current?.version !== claimed.version) return { kind: "lost" };
    }
  }

  /**
   * A parked task has no worker to renew its lock, and its message may be queued for longer than the lease. While its
   * TaskLog is WAITING, the lock counts as held, for at most `parkedLockMarginSeconds` more. The same holds while the
   * task resumes and has not reached its key yet: then its log is newer than the record.
   */
  async #isHolderStillActive(
    { data: execution, version, ageMs }: StoredExecution,
    caller: Pick<Holder, "batchId" | "taskId">,
  ): Promise<boolean> {
    const { key, state, holder, dueSeconds } = execution;
    if (state !== "PROCESSING" || !holder || isSameTask(holder, caller)) return false;
    if (ageMs >= (dueSeconds + limits.parkedLockMarginSeconds) * 1_000) return false;
    const held = await this.#logs.read(holder.batchId, holder.taskId);
    if (held?.log.key !== key) return false;
    const { status, reason } = held.log;
    // mutation: parked-holder-keeps-its-lock
    if (status === "WAITING") return isParkReason(reason) && reason !== "lock_held";
    const isAlive = decideClaim(held.log, held.ageMs).kind === "held";
    return isAlive && held.version !== version;
  }
}
