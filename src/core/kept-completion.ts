import * as z from "zod";
import type { TaskLog } from "./records.ts";
import type { AttemptOutcome } from "./settlement.ts";
import { StoredResultSchema } from "./stored.ts";

/** How a task ended elsewhere, its result put where it will be found. */
const ToldEndingSchema = z.union([
  z.strictObject({ result: StoredResultSchema }),
  z.strictObject({ error: z.string() }),
]);
export type ToldEnding = z.infer<typeof ToldEndingSchema>;

/** A completion from outside that its task could not take when it came. The first of a task stands; later ones change nothing. */
export const KeptCompletionSchema = z.strictObject({
  batchId: z.string(),
  taskId: z.string(),
  ending: ToldEndingSchema,
  nonce: z.string(),
});

export function awaitsCompletion({ status, reason }: Pick<TaskLog, "status" | "reason">): boolean {
  return status === "WAITING" && reason === "completion";
}

/** A failure that is told from outside is not tried again: the task's own code has ended. */
export function outcomeOfTold(ending: ToldEnding): AttemptOutcome {
  if ("result" in ending) return { kind: "succeeded", result: ending.result, notes: null };
  // mutation: failure-from-outside-is-final
  const error = { code: "TASK_FAILED", message: ending.error, retryable: false };
  return { kind: "failed", error, notes: null };
}
