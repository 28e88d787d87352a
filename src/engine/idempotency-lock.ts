import { decideClaim } from "../core/claim.ts";
import type { Idempotency } from "../core/idempotency-key.ts";
import {
  claimExecution,
  decideAdmission,
  type Execution,
  type Holder,
  isSameTask,
  type LockedAdmission,
} from "../core/idempotency-lock.ts";
import { limits } from "../core/limits.ts";
import { isParkReason } from "../core/records.ts";
import type { TaskDefinition } from "../core/workflow/definition.ts";
import type { Ports } from "./dependencies.ts";
import { type Claim, takeLock } from "./execute/claims.ts";
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

export interface AdmissionParts extends Ports<"store" | "ids" | "clock" | "worker"> {
  readonly logs: TaskLogs;
  readonly records: IdempotencyStore;
}

/**
 * The lock of an idempotency key. A claimed task takes it before it runs, unless another call holds it or has finished
 * the work.
 */
export async function admitByKey(
  parts: AdmissionParts,
  { idempotency }: TaskDefinition,
  claimed: StoredLog,
  key: string | null,
): Promise<AdmissionResult> {
  // mutation: key-is-taken
  if (!idempotency || key === null) return { kind: "run", claim: { log: claimed, execution: undefined } };
  return admit(parts, claimed, key, idempotency);
}

async function admit(
  parts: AdmissionParts,
  claimed: StoredLog,
  key: string,
  { lockSeconds }: Idempotency,
): Promise<AdmissionResult> {
  const { logs, records, ids, worker } = parts;
  const { batchId, taskId, attempt } = claimed.log;
  const holder = { batchId, taskId, attempt, worker };
  for (;;) {
    const found = await records.read(key);
    const admission = decideAdmission(found && { execution: found.data, ageMs: found.ageMs }, holder);
    if (admission.kind !== "take") return admission;
    if (found && (await isHolderStillActive(logs, found, holder)))
      return { kind: "locked", remainingMs: limits.lockPollSeconds.most * 1_000, byCancel: false };
    const restarts = admission.generation === undefined;
    const execution = claimExecution(key, found?.data, admission, {
      holder,
      lockSeconds,
      nonce: ids.unique(),
    });
    const claim = await takeLock(parts, claimed, found, execution);
    if (claim) return { kind: "run", claim, expired: restarts ? found?.data : undefined };
    const current = await logs.read(batchId, taskId);
    if (current?.version !== claimed.version) return { kind: "lost" };
  }
}

/**
 * A parked task has no worker to renew its lock, and its message may be queued for longer than the lease. While its
 * TaskLog is WAITING, the lock counts as held, for at most `parkedLockMarginSeconds` more. The same holds while the
 * task resumes and has not reached its key yet: then its log is newer than the record.
 */
async function isHolderStillActive(
  logs: TaskLogs,
  { data: execution, version, ageMs }: StoredExecution,
  caller: Pick<Holder, "batchId" | "taskId">,
): Promise<boolean> {
  const { key, state, holder, dueSeconds } = execution;
  if (state !== "PROCESSING" || !holder || isSameTask(holder, caller)) return false;
  if (ageMs >= (dueSeconds + limits.parkedLockMarginSeconds) * 1_000) return false;
  const held = await logs.read(holder.batchId, holder.taskId);
  if (held?.log.key !== key) return false;
  const { status, reason } = held.log;
  // mutation: parked-holder-keeps-its-lock
  if (status === "WAITING") return isParkReason(reason) && reason !== "lock_held";
  const isAlive = decideClaim(held.log, held.ageMs).kind === "held";
  return isAlive && held.version !== version;
}
