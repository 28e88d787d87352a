import type { Ending } from "./joins.ts";
import { limits } from "./limits.ts";
import type { TaskLog } from "./records.ts";
import { isParkReason, isTerminal } from "./records.ts";

/** What a message that wants to run a task does, given the TaskLog it finds. */
export type ClaimDecision =
  /** It has ended: pass the ending on once more, for whoever passed it on first may have died. */
  | { readonly kind: "ended"; readonly ending: Ending }
  /** Somebody has it, or it waits: look again when that should be over. */
  | { readonly kind: "held"; readonly remainingMs: number }
  /** Claim it as this attempt. */
  | {
      readonly kind: "take";
      readonly attempt: number;
      readonly resumes: number;
      readonly lostLeases: number;
    }
  /** Its worker died each time. */
  | { readonly kind: "lost_too_often" }
  /** It waited for a completion from outside that never came. */
  | { readonly kind: "completion_timeout" };

/** `ageMs`: time since the log was written, by the store's clock. */
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
