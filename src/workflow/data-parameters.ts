import type * as z from "zod";
import type { JsonObject } from "../core/json.ts";
import type { TaskType } from "../runtime/task-type.ts";
import { type DataProblem, pathOfIssue } from "./problems.ts";

type Issue = z.core.$ZodIssue;

/**
 * What the task type finds wrong with written parameters. A string with `{{ … }}` may turn into any value when the
 * task runs, so nothing is said about it; it is checked again then.
 */
export function parameterProblems(
  type: Pick<TaskType, "parameters" | "writtenSecrets">,
  parameters: JsonObject,
): DataProblem[] {
  const secrets = type.writtenSecrets?.(parameters) ?? [];
  return [
    ...secrets.map(({ path, message }): DataProblem => ({ code: "SECRET_IN_DEFINITION", message, path })),
    ...schemaProblems(type, parameters),
  ];
}

function schemaProblems(type: Pick<TaskType, "parameters">, parameters: JsonObject): DataProblem[] {
  const parsed = type.parameters.safeParse(parameters);
  if (parsed.success) return [];
  return parsed.error.issues
    .filter((issue) => !dependsOnPlaceholder(issue, parameters))
    .map((issue) => ({ code: "TASK_PARAMETERS_INVALID", message: issue.message, path: pathOfIssue(issue) }));
}

function dependsOnPlaceholder(issue: Issue, root: unknown): boolean {
  const value = valueAt(root, issue.path);
  if (isPlaceholder(value)) return true;
  // A check of the author's own may have looked at anything below.
  if (issue.code === "custom") return holdsPlaceholder(value);
  if (issue.code !== "invalid_union") return false;
  return issue.errors.some(
    (branch) => branch.length > 0 && branch.every((inner) => dependsOnPlaceholder(inner, value)),
  );
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

function isPlaceholder(value: unknown): boolean {
  return typeof value === "string" && value.includes("{{");
}

function holdsPlaceholder(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).some(holdsPlaceholder);
  return isPlaceholder(value);
}
