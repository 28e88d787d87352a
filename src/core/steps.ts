import * as z from "zod";
import { limits } from "./limits.ts";
import { StoredResultSchema, type TaskLog } from "./records.ts";
import type { AttemptOutcome } from "./settlement.ts";

/** What is known of a step: what it returned, when its wait began, or that it came to nothing. */
const StepKindSchema = z.enum(["value", "since", "timeout"]);
export type StepKind = z.infer<typeof StepKindSchema>;

/** A step that is done, or has begun to wait. Never changed, but that a batch may write over what another waited for in vain. */
export const StepSchema = z.strictObject({
  scope: z.string(),
  /** Whose task stored it. */
  batchId: z.string(),
  name: z.string(),
  kind: StepKindSchema,
  result: StoredResultSchema,
  nonce: z.string(),
});
export type Step = z.infer<typeof StepSchema>;

/** An event that was sent to a batch. The first of a name stands; later ones change nothing. */
export const BatchEventSchema = z.strictObject({
  batchId: z.string(),
  event: z.string(),
  payload: StoredResultSchema,
  nonce: z.string(),
});

/** Names of the objects that hold what steps gave, by what they begin with below all steps: the scope. */
export function stepObjectPrefix(beginning: string): string {
  return `steps/${beginning}`;
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

/** How a task ended elsewhere, its result put where it will be found. */
const ReportedEndingSchema = z.union([
  z.strictObject({ result: StoredResultSchema }),
  z.strictObject({ error: z.string() }),
]);
export type ReportedEnding = z.infer<typeof ReportedEndingSchema>;

/** A completion from outside that its task could not take when it came. The first of a task stands; later ones change nothing. */
export const EarlyCompletionSchema = z.strictObject({
  batchId: z.string(),
  taskId: z.string(),
  ending: ReportedEndingSchema,
  nonce: z.string(),
});

export function awaitsCompletion({ status, reason }: Pick<TaskLog, "status" | "reason">): boolean {
  return status === "WAITING" && reason === "completion";
}

/** A failure that is told from outside is not tried again: the task's own code has ended. */
export function toReportedOutcome(ending: ReportedEnding): AttemptOutcome {
  if ("result" in ending) return { kind: "succeeded", result: ending.result, notes: null };
  // mutation: failure-from-outside-is-final
  const error = { code: "TASK_FAILED", message: ending.error, retryable: false };
  return { kind: "failed", error, notes: null };
}
