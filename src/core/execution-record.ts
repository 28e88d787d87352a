import * as z from "zod";
import type { Idempotency } from "./idempotency.ts";
import { limits } from "./limits.ts";
import { StoredErrorSchema, StoredResultSchema } from "./records.ts";
import { backoffMs } from "./retry.ts";
import type { AttemptOutcome } from "./settlement.ts";
import { hashJson } from "./values/json.ts";

/** Which attempt of which task. */
const HolderSchema = z.strictObject({
  batchId: z.string(),
  taskId: z.string(),
  attempt: z.int(),
  worker: z.string(),
});

const cancelling = " (cancelling)";

/** Who has a lock. Version 0.1 wrote the purpose behind the name of the worker. */
const LockHolderSchema = HolderSchema.extend({
  /** It does not do the work: it ends what a cancelled task has started elsewhere. */
  purpose: z.literal("cancel").exactOptional(),
}).transform((holder): LockHolder => {
  if (!holder.worker.endsWith(cancelling)) return holder;
  return { ...holder, worker: holder.worker.slice(0, -cancelling.length), purpose: "cancel" };
});

/**
 * The execution record: one document per idempotency key that is the lock while PROCESSING, the success key and the
 * cached result while SUCCESS, and neither while FREE.
 */
export const ExecutionSchema = z.strictObject({
  key: z.string(),
  state: z.enum(["FREE", "PROCESSING", "SUCCESS"]),
  /** Rises with every claim of the key. */
  token: z.int().positive(),
  /** A fresh name whenever the key begins anew, after its result has run out: stored steps belong to one generation. */
  generation: z.string(),
  /** Who has the lock, while PROCESSING. */
  holder: LockHolderSchema.nullable(),
  /**
   * How long this state holds, in seconds since the document was last written, by the store's clock: the lease of the
   * lock, the time-to-live of the result, or how long the steps of an unfinished call are kept.
   */
  dueSeconds: z.number(),
  /** What the TaskLog of a call that is not run again gets. */
  result: StoredResultSchema.nullable(),
  /** The final callback of the success. */
  callbackId: z.string().nullable(),
  /** Which attempt succeeded last, and when, by its worker's clock. */
  producedBy: HolderSchema.extend({ endedAt: z.number() }).nullable(),
  /** How the last attempt failed that did. */
  lastFailure: HolderSchema.extend({ endedAt: z.number(), error: StoredErrorSchema }).nullable(),
  nonce: z.string(),
});
export type Execution = z.infer<typeof ExecutionSchema>;
export type Holder = z.infer<typeof HolderSchema>;
type LockHolder = Holder & { readonly purpose?: "cancel" };

/** What a call finds at its key. */
export type AdmissionDecision =
  /** Nobody has it, or not any more: claim it like this. `generation` undefined: it begins anew. */
  | { readonly kind: "take"; readonly token: number; readonly generation: string | undefined }
  /** Done already. */
  | { readonly kind: "completed"; readonly execution: Execution }
  | LockedAdmission;

/** Another call is at it; its lease holds for so long without a heartbeat. */
export interface LockedAdmission {
  readonly kind: "locked";
  readonly remainingMs: number;
  /** It is held only until what a cancelled task has begun elsewhere is ended. */
  readonly byCancel: boolean;
}

/** `ageMs`: time since the record was written, by the store's clock. */
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
 * What becomes of a task whose key is locked. One that waits checks again before the lease ends: the lock may be free
 * sooner. `resumes`: how often it has waited.
 */
export function lockedOutcome(
  idempotency: Pick<Idempotency, "onLocked"> | undefined,
  resumes: number,
  { remainingMs, byCancel }: LockedAdmission,
): AttemptOutcome {
  // A cancel does not do the work that the task would be skipped for.
  if (idempotency?.onLocked === "skip" && !byCancel) return { kind: "lock_held" };
  const { first, most } = limits.lockPollSeconds;
  const poll = { initialSeconds: first, factor: 2, maxSeconds: most, jitter: 0 };
  const waitMs = Math.min(remainingMs, backoffMs(poll, resumes + 1, 0));
  return { kind: "parked", reason: "lock_held", seconds: waitMs / 1_000 };
}

/** An earlier attempt of the same task in the same batch is fenced by the TaskLog already: its lock is ours. */
export function isSameTask(
  holder: Pick<Holder, "batchId" | "taskId"> | null,
  arriving: Pick<Holder, "batchId" | "taskId">,
) {
  return holder?.batchId === arriving.batchId && holder.taskId === arriving.taskId;
}

/** A key in the hands of a new attempt. What is known of earlier ones stays, for people. */
export function claimExecution(
  key: string,
  before: Execution | undefined,
  taken: { readonly token: number; readonly generation: string | undefined },
  claim: { readonly holder: Holder; readonly lockSeconds: number; readonly nonce: string },
): Execution {
  return {
    key,
    state: "PROCESSING",
    token: taken.token,
    generation: taken.generation ?? claim.nonce,
    holder: claim.holder,
    dueSeconds: claim.lockSeconds,
    result: null,
    callbackId: null,
    producedBy: before?.producedBy ?? null,
    lastFailure: before?.lastFailure ?? null,
    nonce: claim.nonce,
  };
}

/** How an attempt that held a key came out. */
export type ExecutionEnd =
  | {
      readonly kind: "succeeded";
      readonly result: Execution["result"];
      readonly callbackId: string | null;
    }
  /** It waits, and keeps the lock. */
  | { readonly kind: "parked"; readonly seconds: number }
  | { readonly kind: "failed"; readonly error: z.infer<typeof StoredErrorSchema> }
  | { readonly kind: "released" };

/** The record after an attempt that held it. Failures are never cached: the lock is free at once. */
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

/** In the hands of whoever ends what a cancelled task has begun elsewhere. */
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

/** Whether somebody is at ending what the task that has the lock had begun. */
export function isHeldForCancel({ holder, dueSeconds }: Execution, ageMs: number): boolean {
  return holder?.purpose === "cancel" && ageMs < dueSeconds * 1_000;
}

/** The holder of a lock as commands print it. */
export function toDisplayedHolder({ purpose, ...holder }: LockHolder): Holder {
  return purpose === "cancel" ? { ...holder, worker: `${holder.worker}${cancelling}` } : holder;
}

/** Locked by nobody. What its steps have stored stays for a while. */
export function releaseExecution(execution: Execution, nonce: string): Execution {
  return { ...execution, state: "FREE", holder: null, dueSeconds: limits.unfinishedExecutionSeconds, nonce };
}

/** Without its result: the next call begins anew. */
export function resetResult(execution: Execution, nonce: string): Execution {
  return { ...releaseExecution(execution, nonce), dueSeconds: 0, result: null, callbackId: null };
}

/** Whether a record says nothing any more that a call would heed. */
export function isExpiredExecution({ state, dueSeconds }: Execution, ageMs: number): boolean {
  return state !== "PROCESSING" && ageMs >= dueSeconds * 1_000;
}

/** Name of the document: keys may be long, and hold any character. */
export function executionId(key: string): string {
  return hashJson(key);
}

/** What is the same for every attempt at the same work: the key it passes on, and what its stored steps belong to. */
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

/** What the stored steps of a task without a key belong to. */
export function taskStepScope({ batchId, taskId }: Pick<Holder, "batchId" | "taskId">): string {
  return `${batchId}.${taskId}`;
}

/** What the stored steps of a key belong to. */
export function keyStepScope({ key, generation }: Pick<Execution, "key" | "generation">): string {
  return `${executionId(key)}.${generation}`;
}
