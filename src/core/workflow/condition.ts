import * as z from "zod";
import { limits } from "../limits.ts";
import type { DisplayStatus } from "../records.ts";
import type { JsonValue } from "../values/json.ts";

/** Decides whether a task runs: a CEL expression, or a function of the workflow's code. */
export const ConditionSchema = z.discriminatedUnion("by", [
  z.strictObject({ by: z.literal("expression"), expression: z.string().max(limits.expressionCharacters) }),
  z.strictObject({ by: z.literal("function") }),
]);
export type Condition = z.infer<typeof ConditionSchema>;

/** The variables of an expression. */
export const conditionVariables = ["input", "parents", "status"] as const;

/** What a condition decides by. */
export interface ConditionCall {
  readonly workflowId: string;
  readonly taskId: string;
  readonly input: JsonValue;
  /** How each parent ended, with its result if it succeeded. Under an `any_…` rule some may not have ended. */
  readonly parents: Readonly<Record<string, ConditionParent>>;
}

export interface ConditionParent {
  readonly status: DisplayStatus;
  readonly result: JsonValue;
}

/** The variables of an expression. A parent without a success has a status and no result. */
export function conditionScope(
  input: JsonValue,
  parents: ConditionCall["parents"],
): Readonly<Record<(typeof conditionVariables)[number], JsonValue>> {
  const successes = Object.entries(parents).filter(([, { status }]) => status === "SUCCESS");
  return {
    input,
    parents: Object.fromEntries(successes.map(([id, { result }]) => [id, result])),
    status: conditionStatus(parents),
  };
}

/** How each parent ended. */
export function conditionStatus(parents: ConditionCall["parents"]): Readonly<Record<string, DisplayStatus>> {
  return Object.fromEntries(Object.entries(parents).map(([id, { status }]) => [id, status]));
}

/** Why a task was skipped, for its TaskLog. */
export function conditionText(condition: Condition): string {
  return condition.by === "expression" ? condition.expression : "when";
}
