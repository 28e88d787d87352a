import type * as z from "zod";
import { BatonError } from "../core/errors/errors.ts";
import type { SecretRedactor } from "../core/values/secrets.ts";
import { NameSchema } from "../core/values/text.ts";
import { FUNCTION_TASK_TYPE, isBuiltIn } from "../core/workflow/definition.ts";
import { taskOfType } from "./task-parameters.ts";
import type { CancelContext, Placeholder, TaskContext, TaskSpec, TaskType } from "./task-type.ts";

/** Parameters as a workflow writes them: each value may be a placeholder. */
export type WrittenParameters<Value> = Value extends string | number | boolean | null | undefined
  ? Value | Placeholder
  : { readonly [Key in keyof Value]: WrittenParameters<Value[Key]> };

export interface TaskTypeOptions<Parameters, Written, Result> {
  /** The name by which workflows use it. */
  readonly type: string;
  /** One line on what it does, for the editor. */
  readonly summary?: string;
  /** The schema of its parameters. Use `z.strictObject`, so that misspelt names are found. */
  readonly parameters: z.ZodType<Parameters, Written>;
  /** Parameters that may hold `{{ secrets.NAME }}`. `run` gets them with marks, which `secrets.reveal` replaces. */
  readonly secretParameters?: readonly (keyof Written & string)[];
  /** Parameters that hold SQL. Their text may not contain templates. */
  readonly sqlParameters?: readonly (keyof Written & string)[];
  /** Does the work of one attempt. Its templates are filled in, and the schema has added defaults. */
  run(context: TaskContext, parameters: Parameters, secrets: SecretRedactor): Promise<Result> | Result;
  /** Ends work in another system when the batch is cancelled. It may be called more than once. */
  cancel?(context: CancelContext, parameters: Parameters): Promise<void>;
}

/** Marks a task type. A workflow file may import another copy of the package than the one that loads it. */
const brand: unique symbol = Symbol.for("baton.taskType");

/** A task type of a project's own, whatever its parameters are. */
export interface AnyTaskType {
  readonly [brand]: TaskType;
}

/** A task type of a project's own. Called with parameters, it is a task for a workflow. */
export interface UserTaskType<Parameters, Result> extends AnyTaskType {
  (parameters: Parameters): TaskSpec<Result, Parameters>;
}

/**
 * A task type of one's own. Workflows in TypeScript call it: `.task("tell", slackMessage({ text: "Done" }))`. A file of
 * the workflow folder that exports it makes it a type for YAML as well: `type: slackMessage`.
 * Throws BatonErrors: `NAME_INVALID`.
 */
export function defineTaskType<Parameters extends object, Written extends object, Result>(
  options: TaskTypeOptions<Parameters, Written, Result>,
): UserTaskType<WrittenParameters<Written>, Result> {
  const { type: name, summary = "", parameters, secretParameters = [], sqlParameters = [], cancel } = options;
  checkName(name);
  const type: TaskType<Parameters, Result> = {
    type: name,
    summary,
    parameters,
    secretParameters,
    sqlParameters,
    run: async (context, given, secrets) => options.run(context, given, secrets),
    ...(cancel && { cancel: (context, given) => cancel.call(options, context, given) }),
  };
  const define = (written: WrittenParameters<Written>): TaskSpec<Result, WrittenParameters<Written>> => ({
    ...taskOfType(type, written),
    taskType: type,
  });
  return Object.assign(define, { [brand]: type });
}

function checkName(name: string): void {
  const where = `task type "${name}"`;
  if (!NameSchema.safeParse(name).success)
    throw new BatonError("NAME_INVALID", `"${name}" is not a valid name`, { where });
  if (name === FUNCTION_TASK_TYPE || isBuiltIn(name))
    throw new BatonError("NAME_INVALID", `"${name}" is the name of a task type of Baton`, { where });
}

/** The task type that a module exports; undefined if the value is something else. */
export function exportedTaskType(value: unknown): TaskType | undefined {
  if (typeof value !== "function" || !(brand in value)) return undefined;
  const type: unknown = value[brand];
  return isTaskType(type) ? type : undefined;
}

function isTaskType(type: unknown): type is TaskType {
  return typeof type === "object" && type !== null && "run" in type && "parameters" in type;
}
