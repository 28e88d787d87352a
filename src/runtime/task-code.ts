import * as z from "zod";
import { BatonError, errorMessage, TaskError } from "../core/errors/errors.ts";
import { fillTemplate } from "../core/template/template.ts";
import { type JsonObject, type JsonValue, StoredJsonSchema } from "../core/values/json.ts";
import { SecretRedactor } from "../core/values/secrets.ts";
import { type ConditionCall, conditionStatus } from "../core/workflow/condition.ts";
import { FUNCTION_TASK_TYPE, type TaskDefinition } from "../core/workflow/definition.ts";
import type { Ids, Secrets } from "../ports/machine.ts";
import type { MaybePromise } from "../ports/store.ts";
import type { Assignment, CancelledTask, KeyedCall } from "../ports/task-runner.ts";
import type { Logger } from "../ports/telemetry.ts";
import { withoutTaskTime } from "./current-run.ts";
import type {
  AnyTaskFunction,
  CancelContext,
  ConditionFunction,
  KeyFunction,
  Services,
  TaskContext,
  TaskType,
} from "./task-type.ts";

interface SecretSource {
  readonly secrets: Secrets;
  readonly ids: Pick<Ids, "unique">;
}

/** The secrets that an attempt's parameters refer to. Their placeholders are random, so that no input contains one. */
class TaskSecrets {
  readonly #source: SecretSource;
  readonly #placeholders = new Map<string, string>();

  constructor(source: SecretSource) {
    this.#source = source;
  }

  placeholder(name: string): string {
    const placeholder = this.#placeholders.get(name) ?? `secret${this.#source.ids.unique()}`;
    this.#placeholders.set(name, placeholder);
    return placeholder;
  }

  /** Throws `SECRET_NOT_CONFIGURED`, or `SECRET_UNAVAILABLE`, which is retryable. */
  async read(): Promise<SecretRedactor> {
    const read = [...this.#placeholders].map(async ([name, placeholder]) => ({
      name,
      mark: placeholder,
      value: await this.#readValue(name),
    }));
    return new SecretRedactor(await Promise.all(read));
  }

  async #readValue(name: string): Promise<string> {
    try {
      return await this.#source.secrets.read(name);
    } catch (error) {
      if (!(error instanceof BatonError) || error.code !== "SECRET_UNAVAILABLE") throw error;
      throw new TaskError(error.message, { code: error.code, cause: error });
    }
  }
}

/** Finds the code of tasks. */
export interface TaskCode {
  /** A built-in task type, or one of the project. */
  readonly findType: (workflowId: string, type: string) => MaybePromise<TaskType | undefined>;
  /** The deployed function of a task that is written in the workflow. */
  readonly findFunction: (workflowId: string, taskId: string) => MaybePromise<AnyTaskFunction | undefined>;
  /** The deployed key function of a task. */
  readonly findKeyFunction: (workflowId: string, taskId: string) => Promise<KeyFunction | undefined>;
  /** The deployed condition of a task. */
  readonly findCondition: (workflowId: string, taskId: string) => Promise<ConditionFunction | undefined>;
}

/**
 * Runs the deployed code of a task with the parameters of its stored definition. Returns what the code returns, which
 * may be a promise.
 */
export function runCode(
  code: TaskCode,
  assignment: Assignment,
  context: TaskContext,
  secrets: SecretSource,
): unknown {
  const { task, workflowId } = assignment;
  if (task.type !== FUNCTION_TASK_TYPE) return runBuiltIn(code, assignment, context, secrets);
  const found = code.findFunction(workflowId, task.id);
  if (!(found instanceof Promise)) return runFunction(found, assignment, context);
  // The time to load the workflow file does not count as the task's.
  return withoutTaskTime(() => found).then((run) => runFunction(run, assignment, context));
}

/**
 * Throws `TASK_CODE_MISSING`. It is retryable: during a deployment an instance of the older version may lack the code.
 */
function runFunction(
  run: AnyTaskFunction | undefined,
  { task, workflowId }: Assignment,
  context: TaskContext,
): unknown {
  if (run) return run(context);
  throw missing("code", { workflowId, taskId: task.id });
}

function missing(what: string, { workflowId, taskId }: Pick<KeyedCall, "workflowId" | "taskId">): TaskError {
  return new TaskError(
    `The workflow files of this process hold no ${what} for task ${taskId} of workflow ${workflowId}`,
    { code: "TASK_CODE_MISSING" },
  );
}

/** Calls the deployed key function of a task. Throws `TASK_CODE_MISSING`, `IDEMPOTENCY_KEY_INVALID`. */
export async function runKeyFunction(code: TaskCode, call: KeyedCall): Promise<string> {
  const { workflowId, taskId } = call;
  const keyFunction = await code.findKeyFunction(workflowId, taskId);
  if (!keyFunction) throw missing("key function", call);
  const key: unknown = callKeyFunction(keyFunction, call);
  if (typeof key === "string" && key !== "") return key;
  throw new BatonError("IDEMPOTENCY_KEY_INVALID", "The key function returned no text", {
    where: `task ${taskId}`,
  });
}

/** An error is permanent: a key function depends on the input alone, and would throw every time. */
function callKeyFunction(keyFunction: KeyFunction, { arguments: input, taskId }: KeyedCall): unknown {
  try {
    return keyFunction(input);
  } catch (cause) {
    throw new BatonError(
      "IDEMPOTENCY_KEY_INVALID",
      `The key function threw an error: ${errorMessage(cause)}`,
      {
        where: `task ${taskId}`,
        cause,
      },
    );
  }
}

/** Asks the deployed condition of a task. Throws `TASK_CODE_MISSING`, `CONDITION_FAILED`. */
export async function runCondition(code: TaskCode, call: ConditionCall): Promise<boolean> {
  const { workflowId, taskId } = call;
  const condition = await code.findCondition(workflowId, taskId);
  if (!condition) throw missing("condition", call);
  const decided: unknown = callCondition(condition, call);
  if (typeof decided === "boolean") return decided;
  throw new BatonError("CONDITION_FAILED", "The condition returned neither true nor false", {
    where: `task ${taskId}`,
  });
}

/** An error is permanent: a condition depends on its arguments alone, and would throw every time. */
function callCondition(condition: ConditionFunction, call: ConditionCall): unknown {
  const { input, parents } = call;
  try {
    return condition({ input, parents: resultsOf(call), status: conditionStatus(parents) });
  } catch (cause) {
    throw new BatonError("CONDITION_FAILED", `The condition threw an error: ${errorMessage(cause)}`, {
      where: `task ${call.taskId}`,
      cause,
    });
  }
}

/** Reading the result of a parent that has none throws, as `context.parent` does. */
function resultsOf({ parents }: ConditionCall): Readonly<Record<string, unknown>> {
  const properties = Object.entries(parents).map(([id, { status, result }]) => {
    const get = () => {
      if (status === "SUCCESS") return result;
      throw new TaskError(`Parent ${id} ended ${status}: it has no result`, { retryable: false });
    };
    return [id, { get, enumerable: true }] as const;
  });
  return Object.defineProperties({}, Object.fromEntries(properties));
}

async function runBuiltIn(
  code: TaskCode,
  { task, workflowId }: Assignment,
  context: TaskContext,
  source: SecretSource,
): Promise<unknown> {
  const found = code.findType(workflowId, task.type);
  // The time to load a file with task types does not count as the task's.
  const type = found instanceof Promise ? await withoutTaskTime(() => found) : found;
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

/** Fills the templates of the parameters. A secret becomes a placeholder, and only where the task type allows it. */
async function fillParameters(
  { type, secretParameters = [] }: TaskType,
  task: TaskDefinition,
  context: TaskContext,
  secrets: TaskSecrets,
): Promise<JsonObject> {
  const scope = {
    batchId: context.batchId,
    input: context.input,
    parent: async (taskId: string) => StoredJsonSchema.parse(await context.parent(taskId)),
  };
  const fill = async ([name, value]: [string, JsonValue]) => {
    const secret = (secretName: string) => {
      if (secretParameters.includes(name)) return secrets.placeholder(secretName);
      throw new BatonError("TEMPLATE_INVALID", `\`${name}\` of ${type} can't hold a secret`, {
        where: `task ${task.id}`,
      });
    };
    return [name, await fillTemplate(value, { ...scope, secret })] as const;
  };
  return Object.fromEntries(await Promise.all(Object.entries(task.with).map(fill)));
}

/** Cancels the remote job of a cancelled task, if its task type has remote jobs. */
export async function cancelBuiltIn(
  { findType }: Pick<TaskCode, "findType">,
  services: Services,
  log: Logger,
  { batchId, workflowId, task, parameters, idempotencyKey, memory }: CancelledTask,
): Promise<void> {
  const type = await findType(workflowId, task.type);
  if (!type?.cancel) return;
  const parsed = type.parameters.safeParse(parameters);
  // A task with invalid parameters never ran.
  if (!parsed.success) return;
  const context: CancelContext = {
    batchId,
    taskId: task.id,
    idempotencyKey,
    services,
    log,
    stored: async (name) => (await memory.find(name))?.value,
  };
  await type.cancel(context, parsed.data);
}

/** What `await` would wait for. Some libraries have promises of their own. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  const mayHaveMethods = (typeof value === "object" && value !== null) || typeof value === "function";
  return mayHaveMethods && "then" in value && typeof value.then === "function";
}
