import * as z from "zod";
import { FUNCTION_TASK_TYPE, type TaskDefinition } from "../core/definition.ts";
import { BatonError, messageOf, TaskError } from "../core/errors.ts";
import { type JsonObject, type JsonValue, JsonValueSchema } from "../core/json.ts";
import { fillTemplate } from "../core/template.ts";
import type { Assignment, KeyedCall } from "../ports/task-runner.ts";
import { uncounted } from "./current-run.ts";
import { type SecretSource, TaskSecrets } from "./task-secrets.ts";
import type { AnyTaskFunction, KeyFunction, TaskContext, TaskType } from "./task-type.ts";

/** Where the code of tasks is found. */
export interface TaskCode {
  readonly types: ReadonlyMap<string, TaskType>;
  /** The deployed function of a workflow's own task. */
  readonly functionOf: (workflowId: string, taskId: string) => Promise<AnyTaskFunction | undefined>;
  /** The deployed key function of a task. */
  readonly keyFunctionOf: (workflowId: string, taskId: string) => Promise<KeyFunction | undefined>;
}

/** Runs the code of a task as it is deployed now, with the parameters that are pinned in its definition. */
export async function runCode(
  code: TaskCode,
  assignment: Assignment,
  context: TaskContext,
  secrets: SecretSource,
): Promise<unknown> {
  const { task, workflowId } = assignment;
  if (task.type !== FUNCTION_TASK_TYPE) return runBuiltIn(code, assignment, context, secrets);
  // Its file may have to be loaded first, with all that it imports.
  const run = await uncounted(() => code.functionOf(workflowId, task.id));
  // An instance of an older deployment may lack it for a moment: worth another attempt.
  if (!run)
    throw new TaskError(
      `The workflow files of this process hold no code for task ${task.id} of workflow ${workflowId}`,
      {
        code: "TASK_CODE_MISSING",
      },
    );
  return await run(context);
}

/** What a task's key function gives, as it is deployed now. */
export async function runKeyFunction(code: TaskCode, call: KeyedCall): Promise<string> {
  const { workflowId, taskId } = call;
  const keyOf = await code.keyFunctionOf(workflowId, taskId);
  if (!keyOf)
    throw new TaskError(
      `The workflow files of this process hold no key function for task ${taskId} of workflow ${workflowId}`,
      {
        code: "TASK_CODE_MISSING",
      },
    );
  const key: unknown = callKeyFunction(keyOf, call);
  if (typeof key === "string" && key !== "") return key;
  throw new BatonError("IDEMPOTENCY_KEY_INVALID", "The key function returned no text", {
    where: `task ${taskId}`,
  });
}

/** It is a function of the input alone: what it throws once it throws every time. */
function callKeyFunction(keyOf: KeyFunction, { arguments: input, taskId }: KeyedCall): unknown {
  try {
    return keyOf(input);
  } catch (cause) {
    throw new BatonError("IDEMPOTENCY_KEY_INVALID", `The key function throws: ${messageOf(cause)}`, {
      where: `task ${taskId}`,
      cause,
    });
  }
}

async function runBuiltIn(
  code: TaskCode,
  { task }: Assignment,
  context: TaskContext,
  source: SecretSource,
): Promise<unknown> {
  const type = code.types.get(task.type);
  if (!type) throw new TaskError(`There is no task type ${task.type}`, { code: "TASK_TYPE_UNKNOWN" });
  const secrets = new TaskSecrets(source);
  const filled = await fillParameters(type, task, context, secrets);
  const parameters = type.parameters.safeParse(filled);
  if (!parameters.success)
    throw new BatonError(
      "TASK_PARAMETERS_INVALID",
      `The parameters of ${task.type} are wrong: ${z.prettifyError(parameters.error)}`,
      { where: `task ${task.id}` },
    );
  return type.run(context, parameters.data, await secrets.read());
}

/** A secret has a mark in its place, which no input can know, and only where the task type sends it on. */
async function fillParameters(
  { type, secretParameters = [] }: TaskType,
  task: TaskDefinition,
  context: TaskContext,
  secrets: TaskSecrets,
): Promise<JsonObject> {
  const scope = {
    batchId: context.batchId,
    input: context.input,
    parent: async (taskId: string) => JsonValueSchema.parse(await context.parent(taskId)),
  };
  const fill = async ([name, value]: [string, JsonValue]) => {
    const secret = (secretOf: string) => {
      if (secretParameters.includes(name)) return secrets.markOf(secretOf);
      throw new BatonError("TEMPLATE_INVALID", `\`${name}\` of ${type} can't hold a secret`, {
        where: `task ${task.id}`,
      });
    };
    return [name, await fillTemplate(value, { ...scope, secret })] as const;
  };
  return Object.fromEntries(await Promise.all(Object.entries(task.with).map(fill)));
}
