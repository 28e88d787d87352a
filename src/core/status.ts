import * as z from "zod";

/** Status of a TaskLog. `NEW` is never stored: it is what a task without a TaskLog is shown as. */
export const TaskStatusSchema = z.enum(["PROCESSING", "WAITING", "SUCCESS", "ERROR", "SKIPPED", "CANCELLED"]);
export type TaskStatus = z.infer<typeof TaskStatusSchema>;
export type ShownTaskStatus = TaskStatus | "NEW";

export const TerminalStatusSchema = z.enum(["SUCCESS", "ERROR", "SKIPPED", "CANCELLED"]);
/** The four statuses that never change again. */
export type TerminalStatus = z.infer<typeof TerminalStatusSchema>;

export function isTerminal(status: ShownTaskStatus): status is TerminalStatus {
  return status === "SUCCESS" || status === "ERROR" || status === "SKIPPED" || status === "CANCELLED";
}

export const BatchStatusSchema = z.enum(["RUNNING", "SUCCESS", "ERROR", "CANCELLED"]);
export type BatchStatus = z.infer<typeof BatchStatusSchema>;

/** Status of a TaskBatch that has reached its end: a function of its TaskLogs alone. */
export function batchStatusAtEnd(counts: {
  readonly failed: number;
  readonly cancelled: number;
}): BatchStatus {
  if (counts.cancelled > 0) return "CANCELLED";
  return counts.failed > 0 ? "ERROR" : "SUCCESS";
}

export const ReasonSchema = z.enum([
  "already_completed",
  "lock_held",
  "retry",
  "sleep",
  "poll",
  "event",
  "completion",
  "released",
  "inherited",
  "upstream_failed",
  "upstream_skipped",
  "rule_not_met",
  "cancelled",
]);
/** Waits that a task goes on from where it was, as the same attempt. */
const parkReasons = ["lock_held", "sleep", "poll", "event", "completion"] as const;
export type ParkReason = (typeof parkReasons)[number];

export function isParkReason(reason: Reason | null): reason is ParkReason {
  return parkReasons.some((known) => known === reason);
}

/** Why a task waits, was skipped, or took a short cut. */
export type Reason = z.infer<typeof ReasonSchema>;
