import * as z from "zod";
import type { Idempotency } from "./idempotency-key.ts";
import { limits } from "./limits.ts";
import { StoredErrorSchema, StoredResultSchema } from "./records.ts";
import { backoffMs } from "./retry.ts";
import type { AttemptOutcome } from "./settlement.ts";
import { hashJson } from "./values/json.ts";

const HolderSchema = z.strictObject({
  batchId: z.string(),
  taskId: z.string(),
  attempt: z.int(),
  worker: z.string(),
});

const cancelling = " (cancelling)";

/** The holder of a lock. Version 0.1 wrote the purpose after the name of the worker. */
const LockHolderSchema = HolderSchema.extend({
  /** The holder does not run the task; it cancels the task's remote job. */
  purpose: z.literal("cancel").exactOptional(),
}).transform((holder): LockHolder => {
  if (!holder.worker.endsWith(cancelling)) return holder;
  return { ...holder, worker: holder.worker.slice(0, -cancelling.length), purpose: "cancel" };
});

/**
 * The execution record of an idempotency key. It is the lock while PROCESSING, and the success key with the cached
 * result while SUCCESS. While FREE it only keeps the steps of an unfinished call.
 */
export const ExecutionSchema = z.strictObject({
  key: z.string(),
  state: z.enum(["FREE", "PROCESSING", "SUCCESS"]),
  /** Incremented by every claim of the key. */
  token: z.int().positive(),
  /** A new random id each time the key restarts after its result expired. Stored steps belong to one generation. */
  generation: z.string(),
  /** The holder of the lock, while PROCESSING. */
  holder: LockHolderSchema.nullable(),
  /**
   * How long this state lasts, in seconds from the last write of the document, by the store's clock: the lease of the
   * lock, the time to live of the result, or how long the steps of an unfinished call are kept.
   */
  dueSeconds: z.number(),
  /** The cached result, for the TaskLogs of later calls. */
  result: StoredResultSchema.nullable(),
  /** The final callback of the success. */
  callbackId: z.string().nullable(),
  /** The last attempt that succeeded, and when, by its worker's clock. */
  producedBy: HolderSchema.extend({ endedAt: z.number() }).nullable(),
  /** The last attempt that failed, with its error. */
  lastFailure: HolderSchema.extend({ endedAt: z.number(), error: StoredErrorSchema }).nullable(),
  nonce: z.string(),
});
export type Execution = z.infer<typeof ExecutionSchema>;
export type Holder = z.infer<typeof HolderSchema>;
type LockHolder = Holder & { readonly purpose?: "cancel" };

/** What a call does, given the execution record of its key. */
export type AdmissionDecision =
  /** The key is free, or its lease has expired: claim it. `generation` is undefined if the key restarts. */
  | { readonly kind: "take"; readonly token: number; readonly generation: string | undefined }
  /** An earlier call has succeeded, and its result still counts. */
  | { readonly kind: "completed"; readonly execution: Execution }
  | LockedAdmission;

/** Another call holds the lock, for `remainingMs` unless a heartbeat extends its lease. */
export interface LockedAdmission {
  readonly kind: "locked";
  readonly remainingMs: number;
  /** The lock is held only while a cancelled task's remote job is being stopped. */
  readonly byCancel: boolean;
}

/** `ageMs`: time since the last write of the record, by the store's clock. */
export function decideAdmission(
  found: { readonly execution: Execution; readonly ageMs: number } | undefined,
  arriving: Pick<Holder, "batchId" | "taskId">,
): AdmissionDecision {
  if (!found) return { kind: "take", token: 1, generation: undefined };
  const { execution, ageMs } = found;
  const { token, generation, state } = execution;
  // mutation: lock-ends-with-its-lease
  const remainingMs = Math.ceil(execution.dueSeconds * 1_000 - ageMs);
  // mutation: expired-result-is-not-used
  if (state !== "PROCESSING" && remainingMs <= 0)
    return { kind: "take", token: token + 1, generation: undefined };
  if (state === "SUCCESS") return { kind: "completed", execution };
  // mutation: held-lock-is-respected
  if (state === "PROCESSING" && remainingMs > 0 && !isSameTask(execution.holder, arriving))
    return { kind: "locked", remainingMs, byCancel: isHeldForCancel(execution, ageMs) };
  // mutation: take-over-raises-the-token-of-the-key
  return { kind: "take", token: token + 1, generation };
}

/**
 * The outcome of a task whose key is locked. If it waits, it checks again before the lease ends, since the holder may
 * finish earlier. `resumes`: how often it has waited.
 */
export function lockedOutcome(
  idempotency: Pick<Idempotency, "onLocked"> | undefined,
  resumes: number,
  { remainingMs, byCancel }: LockedAdmission,
): AttemptOutcome {
  // A canceller does not do the work, so the task must not be skipped because of it.
  if (idempotency?.onLocked === "skip" && !byCancel) return { kind: "lock_held" };
  const { first, most } = limits.lockPollSeconds;
  const poll = { initialSeconds: first, factor: 2, maxSeconds: most, jitter: 0 };
  const waitMs = Math.min(remainingMs, backoffMs(poll, resumes + 1, 0));
  return { kind: "parked", reason: "lock_held", seconds: waitMs / 1_000 };
}

/** An earlier attempt of the same task is fenced by its TaskLog already, so the new attempt may take over its lock. */
export function isSameTask(
  holder: Pick<Holder, "batchId" | "taskId"> | null,
  arriving: Pick<Holder, "batchId" | "taskId">,
) {
  return holder?.batchId === arriving.batchId && holder.taskId === arriving.taskId;
}

/** The record, claimed by a new attempt. The last success and failure stay, for `baton explain`. */
export function claimExecution(
  key: string,
  previous: Execution | undefined,
  take: { readonly token: number; readonly generation: string | undefined },
  claim: { readonly holder: Holder; readonly lockSeconds: number; readonly nonce: string },
): Execution {
  return {
    key,
    state: "PROCESSING",
    token: take.token,
    generation: take.generation ?? claim.nonce,
    holder: claim.holder,
    dueSeconds: claim.lockSeconds,
    result: null,
    callbackId: null,
    producedBy: previous?.producedBy ?? null,
    lastFailure: previous?.lastFailure ?? null,
    nonce: claim.nonce,
  };
}

/** How an attempt that held a key ended. */
export type ExecutionEnd =
  | {
      readonly kind: "succeeded";
      readonly result: Execution["result"];
      readonly callbackId: string | null;
    }
  /** The task waits and keeps the lock. */
  | { readonly kind: "parked"; readonly seconds: number }
  | { readonly kind: "failed"; readonly error: z.infer<typeof StoredErrorSchema> }
  | { readonly kind: "released" };

/** The record after an attempt has ended. Failures are not cached: they free the lock at once. */
export function settleExecution(
  execution: Execution,
  idempotency: Idempotency,
  end: ExecutionEnd,
  stamp: { readonly nonce: string; readonly now: number },
): Execution {
  const ended = execution.holder && endedAttempt(execution.holder, stamp.now);
  const free = releaseExecution(execution, stamp.nonce);
  switch (end.kind) {
    case "succeeded":
      // mutation: recurring-task-sets-no-success-key
      if (idempotency.recurring) return { ...free, dueSeconds: 0, producedBy: ended };
      return {
        ...free,
        state: "SUCCESS",
        // mutation: result-is-cached-for-its-time
        dueSeconds: idempotency.ttlSeconds,
        result: end.result,
        callbackId: end.callbackId,
        producedBy: ended,
      };
    case "parked":
      // mutation: parked-task-keeps-its-lock
      return { ...execution, dueSeconds: end.seconds + idempotency.lockSeconds, nonce: stamp.nonce };
    case "failed":
      // mutation: failure-is-not-cached
      return {
        ...free,
        lastFailure: ended && { ...ended, error: end.error },
      };
    case "released":
      return free;
  }
}

function endedAttempt({ batchId, taskId, attempt, worker }: Holder, endedAt: number) {
  return { batchId, taskId, attempt, worker, endedAt };
}

/** Gives the canceller a lease on the key, so that no other call runs while the remote job is being stopped. */
export function holdForCancel(execution: Execution, holder: Holder, nonce: string): Execution {
  const { token } = execution;
  return {
    ...execution,
    state: "PROCESSING",
    token: token + 1,
    holder: { ...holder, purpose: "cancel" },
    dueSeconds: limits.cancelLockSeconds,
    nonce,
  };
}

/** Whether the lock is held only to cancel the remote job that the task started. */
export function isHeldForCancel({ holder, dueSeconds }: Execution, ageMs: number): boolean {
  return holder?.purpose === "cancel" && ageMs < dueSeconds * 1_000;
}

/** The holder as commands print it: the purpose follows the name of the worker. */
export function toDisplayedHolder({ purpose, ...holder }: LockHolder): Holder {
  return purpose === "cancel" ? { ...holder, worker: `${holder.worker}${cancelling}` } : holder;
}

/** Frees the lock. Stored steps stay for `limits.unfinishedExecutionSeconds`. */
export function releaseExecution(execution: Execution, nonce: string): Execution {
  return { ...execution, state: "FREE", holder: null, dueSeconds: limits.unfinishedExecutionSeconds, nonce };
}

/** Removes the cached result, so that the next call runs from its start. */
export function resetResult(execution: Execution, nonce: string): Execution {
  return { ...releaseExecution(execution, nonce), dueSeconds: 0, result: null, callbackId: null };
}

/** Whether the record has expired: no later call may use its result or its steps. */
export function isExpiredExecution({ state, dueSeconds }: Execution, ageMs: number): boolean {
  return state !== "PROCESSING" && ageMs >= dueSeconds * 1_000;
}

/** The id of the document is a hash, because keys may be long and hold any character. */
export function executionId(key: string): string {
  return hashJson(key);
}

/** The key that a task passes to other systems and the scope of its steps: both are the same for all its attempts. */
export function executionIdentity(
  execution: Pick<Execution, "key" | "generation"> | undefined,
  task: Pick<Holder, "batchId" | "taskId">,
): { readonly idempotencyKey: string; readonly steps: string } {
  if (!execution) return { idempotencyKey: `${task.batchId}/${task.taskId}`, steps: taskStepScope(task) };
  return {
    idempotencyKey: `${execution.key}#${execution.generation}`,
    steps: keyStepScope(execution),
  };
}

/** The scope of the steps of a task without an idempotency key. */
export function taskStepScope({ batchId, taskId }: Pick<Holder, "batchId" | "taskId">): string {
  return `${batchId}.${taskId}`;
}

/** The scope of the steps of an idempotency key. */
export function keyStepScope({ key, generation }: Pick<Execution, "key" | "generation">): string {
  return `${executionId(key)}.${generation}`;
}
