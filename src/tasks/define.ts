import * as z from "zod";
import { BatonError } from "../core/errors/errors.ts";
import { encodeJson, JsonObjectSchema } from "../core/values/json.ts";
import type { TaskSpec, TaskType } from "../runtime/task-type.ts";

/**
 * A built-in task with its parameters, for a workflow. The parameters are checked now, so that an error points to
 * its source. They are stored as written: placeholders and defaults are applied when the task runs.
 * Throws `TASK_PARAMETERS_INVALID`, listing every problem, and `SECRET_IN_DEFINITION`.
 */
export function defineTaskType<Parameters, Result>(
  type: TaskType<Parameters, Result>,
  parameters: unknown,
): TaskSpec<Result> {
  const parsed = type.parameters.safeParse(parameters);
  if (!parsed.success) throw invalid(type.type, z.prettifyError(parsed.error));
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
