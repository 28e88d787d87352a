import type { Ending } from "./joins.ts";
import { limits } from "./limits.ts";
import type { TaskLog } from "./records.ts";
import { isParkReason, isTerminal } from "./records.ts";

/** What an execute message does for a task that already has a TaskLog. */
export type ClaimDecision =
  /** The task has ended. Dispatch its children again: the worker that settled it may have died before it did. */
  | { readonly kind: "ended"; readonly ending: Ending }
  /** Another worker holds the lease, or the task is parked. Check again after `remainingMs`. */
  | { readonly kind: "held"; readonly remainingMs: number }
  /** Claim the task as this attempt. */
  | {
      readonly kind: "take";
      readonly attempt: number;
      readonly resumes: number;
      readonly lostLeases: number;
    }
  /** The task lost more leases than `limits.lostLeases`. */
  | { readonly kind: "lost_too_often" }
  /** No completion came from outside within the task's wait. */
  | { readonly kind: "completion_timeout" };

/** `ageMs`: time since the last write of the log, by the store's clock. */
export function decideClaim(log: TaskLog, ageMs: number): ClaimDecision {
  // mutation: terminal-is-final
  if (isTerminal(log.status)) return { kind: "ended", ending: { status: log.status, reason: log.reason } };
  const remainingMs = Math.ceil((log.dueSeconds ?? 0) * 1_000 - ageMs);
  // mutation: expired-lease-is-taken-over
  if (remainingMs > 0) return { kind: "held", remainingMs };
  if (log.reason === "completion") return { kind: "completion_timeout" };
  const lostLeases = log.lostLeases + (log.status === "PROCESSING" ? 1 : 0);
  if (lostLeases > limits.lostLeases) return { kind: "lost_too_often" };
  if (log.status === "WAITING" && isParkReason(log.reason))
    return { kind: "take", attempt: log.attempt, resumes: log.resumes + 1, lostLeases };
  // mutation: take-over-raises-the-attempt
  return { kind: "take", attempt: log.attempt + 1, resumes: log.resumes, lostLeases };
}
