import * as z from "zod";
import { limits } from "./limits.ts";
import { StoredResultSchema, type TaskLog } from "./records.ts";
import type { AttemptOutcome } from "./settlement.ts";

/** What a step document holds: a returned value, the start of a wait, or that the wait timed out. */
const StepKindSchema = z.enum(["value", "since", "timeout"]);
export type StepKind = z.infer<typeof StepKindSchema>;

/**
 * A step that has ended or waits. Immutable, except that a later batch may overwrite another batch's timed-out wait.
 */
export const StepSchema = z.strictObject({
  scope: z.string(),
  /** The batch whose task stored it. */
  batchId: z.string(),
  name: z.string(),
  kind: StepKindSchema,
  result: StoredResultSchema,
  nonce: z.string(),
});
export type Step = z.infer<typeof StepSchema>;

/** An event that a batch received. Only the first one of a name counts. */
export const BatchEventSchema = z.strictObject({
  batchId: z.string(),
  event: z.string(),
  payload: StoredResultSchema,
  nonce: z.string(),
});

/** The object that holds a large value of a step, or a prefix of such names: they begin with the scope. */
export function stepObjectPrefix(scope: string): string {
  return `steps/${scope}`;
}

/** Whether a step or an event can be stored under the name. */
export function isStorableName(name: unknown): name is string {
  if (
    typeof name !== "string" ||
    name === "" ||
    name.length > limits.stepNameCharacters ||
    !name.isWellFormed()
  )
    return false;
  return encodeURIComponent(name).length <= limits.encodedNameCharacters;
}

/** The ending of a task that a completion from outside reports. Its result is stored already. */
const ReportedEndingSchema = z.union([
  z.strictObject({ result: StoredResultSchema }),
  z.strictObject({ error: z.string() }),
]);
export type ReportedEnding = z.infer<typeof ReportedEndingSchema>;

/** A completion from outside that came before its task waited for it. Only the first one of a task counts. */
export const EarlyCompletionSchema = z.strictObject({
  batchId: z.string(),
  taskId: z.string(),
  ending: ReportedEndingSchema,
  nonce: z.string(),
});

export function awaitsCompletion({ status, reason }: Pick<TaskLog, "status" | "reason">): boolean {
  return status === "WAITING" && reason === "completion";
}

/** A failure that is reported from outside is not retried: the task's own code has ended already. */
export function toReportedOutcome(ending: ReportedEnding): AttemptOutcome {
  if ("result" in ending) return { kind: "succeeded", result: ending.result, notes: null };
  // mutation: failure-from-outside-is-final
  const error = { code: "TASK_FAILED", message: ending.error, retryable: false };
  return { kind: "failed", error, notes: null };
}
