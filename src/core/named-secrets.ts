import type { Definition } from "./definition.ts";
import { isJsonObject, type JsonValue } from "./json.ts";
import { secretsIn } from "./template.ts";

/** The first part of the variables that give secrets to tasks. A workflow can name no other variable. */
export const taskSecretPrefix = "BATON_TASK_SECRET_";

export interface NamedSecret {
  readonly workflowId: string;
  readonly taskId: string;
  readonly name: string;
}

/** The secrets that tasks of these workflows name. */
export function secretsNamedBy(workflows: readonly { readonly definition: Definition }[]): NamedSecret[] {
  return workflows.flatMap(({ definition: { workflowId, tasks } }) =>
    tasks.flatMap(({ id: taskId, with: parameters, callback }) => {
      const names = new Set([...secretsWithin(parameters), ...secretsIn(callback?.url ?? "")]);
      return [...names].map((name) => ({ workflowId, taskId, name }));
    }),
  );
}

function secretsWithin(value: JsonValue): string[] {
  if (typeof value === "string") return secretsIn(value);
  if (Array.isArray(value)) return value.flatMap(secretsWithin);
  return isJsonObject(value) ? Object.values(value).flatMap(secretsWithin) : [];
}

/** What is said of each that `configured` lacks. */
export function unconfiguredSecrets(
  workflows: readonly { readonly definition: Definition }[],
  configured: Iterable<string>,
): { readonly variable: string; readonly message: string }[] {
  const known = new Set(configured);
  return secretsNamedBy(workflows)
    .filter(({ name }) => !known.has(name))
    .map(({ workflowId, taskId, name }) => ({
      variable: `${taskSecretPrefix}${name}`,
      message: `It is not set, and task ${taskId} of ${workflowId} names the secret ${name}`,
    }));
}
