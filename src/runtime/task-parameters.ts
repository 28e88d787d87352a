import * as z from "zod";
import { BatonError } from "../core/errors/errors.ts";
import { encodeJson, JsonObjectSchema } from "../core/values/json.ts";
import type { TaskSpec, TaskType } from "./task-type.ts";

type Issue = z.core.$ZodIssue;

/**
 * What the schema of a task type finds in parameters as they are written. A string with `{{ … }}` may become any value
 * when the task runs, so it is checked then.
 */
export function parameterIssues(
  { parameters: schema }: Pick<TaskType, "parameters">,
  written: unknown,
): readonly Issue[] {
  const { error } = schema.safeParse(written);
  return error?.issues.filter((issue) => !dependsOnPlaceholder(issue, written)) ?? [];
}

function dependsOnPlaceholder(issue: Issue, root: unknown): boolean {
  const value = valueAt(root, issue.path);
  if (isPlaceholder(value)) return true;
  // A custom check may have read any value below.
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

/**
 * A task of a type with its parameters, for a workflow. The parameters are checked now, so that an error points to
 * its source. They are stored as written: placeholders and defaults are applied when the task runs.
 * Throws `TASK_PARAMETERS_INVALID`, listing every problem, and `SECRET_IN_DEFINITION`.
 */
export function taskOfType<Parameters, Result, Written, Needed>(
  type: TaskType<Parameters, Result>,
  parameters: Written,
): TaskSpec<Result, Written, Needed> {
  const issues = parameterIssues(type, parameters);
  if (issues.length > 0) throw invalid(type.type, z.prettifyError(new z.core.$ZodError([...issues])));
  const encoded = encodeJson(parameters);
  if (!encoded.ok) throw invalid(type.type, `${encoded.path}: ${encoded.problem}`);
  const written = JsonObjectSchema.parse(JSON.parse(encoded.text));
  const [secret] = type.findLiteralSecrets?.(written) ?? [];
  if (secret) throw new BatonError("SECRET_IN_DEFINITION", secret.message, { where: secret.path.join(".") });
  return { type: type.type, with: written };
}

function invalid(type: string, problems: string): BatonError {
  return new BatonError("TASK_PARAMETERS_INVALID", `The parameters of ${type} are wrong:\n${problems}`);
}
