import type { TaskDefinition } from "../core/definition.ts";
import { claimedExecution, decideAdmission, type Execution } from "../core/execution.ts";
import type { Idempotency } from "../core/idempotency.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Claim, Claims } from "./claims.ts";
import { deleteSteps } from "./delete-steps.ts";
import type { Dependencies } from "./dependencies.ts";
import type { ExecutionRecords } from "./execution-records.ts";
import type { StoredLog, TaskLogs } from "./task-logs.ts";

export type Admitted =
  /** Run it: the key, if it has one, is ours. */
  | { readonly kind: "run"; readonly claim: Claim }
  /** It has been done. */
  | { readonly kind: "completed"; readonly execution: Execution }
  /** Another call is at it. */
  | { readonly kind: "locked"; readonly remainingMs: number }
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
      const admission = decideAdmission(found, holder);
      if (admission.kind !== "take") return admission;
      const nonce = this.#dependencies.ids.unique();
      const { lockSeconds } = idempotency;
      const execution = claimedExecution(key, found?.execution, admission, { holder, lockSeconds, nonce });
      // What belonged to a result that has run out is nobody's any more. Deleted first: should it take longer than our
      // lease, the key is not ours, and nothing runs.
      if (found && admission.generation === undefined)
        await deleteSteps(this.#dependencies.store, found.execution);
      const claim = await this.#claims.acquire(claimed, found, execution);
      if (claim) return { kind: "run", claim };
      const current = await this.#logs.read(batchId, task.id);
      if (current?.version !== claimed.version) return { kind: "lost" };
    }
  }
}
