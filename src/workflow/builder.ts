import * as z from "zod";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { encodeJson, type JsonValue } from "../core/values/json.ts";
import { NameSchema } from "../core/values/text.ts";
import { type Definition, FUNCTION_TASK_TYPE, type TaskDefinition } from "../core/workflow/definition.ts";
import { type Trigger, TriggerSchema } from "../core/workflow/trigger.ts";
import type {
  AnyTaskFunction,
  ConditionFunction,
  KeyFunction,
  TaskFunction,
  TaskSpec,
  TaskType,
} from "../runtime/task-type.ts";
import { DeclaredTasks } from "./declared-tasks.ts";
import type { TaskPolicies } from "./task-policies.ts";
import { issueCode, parseTask } from "./task-schema.ts";
import type {
  ArgumentsOf,
  InputFor,
  JsonResult,
  NewId,
  ParentOf,
  ResultOf,
  TriggerFor,
} from "./typed-mistakes.ts";
import { type BuiltWorkflow, noteUnfinished, workflowBrand, workflowBrandVersion } from "./workflow.ts";

/**
 * Returns the function that parses a workflow's input. Its output is JSON, because it is stored with the TaskBatch.
 * That function throws `INPUT_INVALID`.
 */
function parseInputWith(
  schema: z.ZodType | undefined,
  workflowId: string,
  triggers: readonly Trigger[],
): (input: JsonValue) => JsonValue {
  if (!schema) return (input) => input;
  const remedy = fileRemedy(triggers);
  const invalid = (problem: string, cause?: unknown) =>
    new BatonError("INPUT_INVALID", problem, {
      where: `input of workflow "${workflowId}"`,
      cause,
      ...(remedy !== undefined && { remedy }),
    });
  return (input) => {
    const parsed = parse(schema, input, invalid);
    if (!parsed.success) throw invalid(z.prettifyError(parsed.error));
    const encoded = encodeJson(parsed.data);
    if (!encoded.ok) throw invalid(`The schema's output is not JSON: ${encoded.path}: ${encoded.problem}`);
    return JSON.parse(encoded.text);
  };
}

/** Such a workflow is mostly started by a file, which a person who starts it by hand may not know. */
function fileRemedy(triggers: readonly Trigger[]): string | undefined {
  const patterns = triggers.flatMap((trigger) => (trigger.type === "fileDrop" ? [trigger.pattern] : []));
  if (patterns.length === 0) return undefined;
  return (
    `A dropped file starts this workflow: put one that matches ${patterns.join(" or ")} into the inbox. ` +
    "To start it by hand, name a file that exists in its input: { bucket, object, generation }."
  );
}

/** The author's schema may throw, or be asynchronous, which zod refuses with an error. */
function parse(
  schema: z.ZodType,
  input: JsonValue,
  invalid: (problem: string, cause: unknown) => BatonError,
): z.ZodSafeParseResult<unknown> {
  try {
    return schema.safeParse(input);
  } catch (error) {
    throw invalid(`The input schema throws: ${errorMessage(error)}`, error);
  }
}

export interface WorkflowOptions<Input, Given = unknown, On extends Trigger = Trigger> {
  /** What the workflow takes. Its output must be JSON: it is stored with the TaskBatch. Any JSON when absent. */
  readonly input?: z.ZodType<Input, Given>;
  /** Triggers that start the workflow. */
  readonly on?: readonly (On & TriggerFor<Given, On>)[];
}

/** A workflow under construction. `Tasks` maps the ids of the tasks declared so far to their results. */
export interface Workflow<Input, Tasks> extends BuiltWorkflow {
  /**
   * The same workflow with one more task: a built-in with its parameters, or a function. `after` may only name tasks
   * declared before. Throws BatonErrors: `TASK_ID_DUPLICATE`, `PARENT_UNKNOWN`, `NAME_INVALID`, `DURATION_INVALID`,
   * `TASK_PARAMETERS_INVALID`, `WORKFLOW_INVALID`.
   */
  task<
    Id extends string,
    Parent extends ParentOf<Tasks> = never,
    Result = JsonValue,
    Arguments = Input,
    Needed = unknown,
    Fields extends readonly string[] | [] = never,
  >(
    id: NewId<Id, Tasks>,
    task: (
      | TaskSpec<Result, Arguments, Needed>
      | TaskFunction<Input, Pick<Tasks, Parent & keyof Tasks>, Result>
    ) &
      JsonResult<Result> &
      InputFor<Input, Needed>,
    policies?: TaskPolicies<
      Parent,
      NoInfer<ArgumentsOf<Arguments>>,
      ConditionFunction<Input, Pick<Tasks, Parent & keyof Tasks>>,
      Fields
    >,
  ): Workflow<Input, Tasks & { readonly [K in Id]: ResultOf<Result> }>;
}

/** Creates a workflow, a directed acyclic graph of tasks. Throws BatonErrors: `NAME_INVALID`, `WORKFLOW_INVALID`. */
export function workflow<Input = JsonValue, Given = unknown, On extends Trigger = Trigger>(
  id: string,
  options: WorkflowOptions<Input, Given, On> = {},
): Workflow<Input, Readonly<Record<never, never>>> {
  const name = NameSchema.safeParse(id);
  if (!name.success)
    throw new BatonError("NAME_INVALID", `"${id}" is not a valid name`, { where: "workflow" });
  noteUnfinished(id);
  const triggers = z.array(TriggerSchema).safeParse(options.on ?? []);
  if (!triggers.success)
    throw new BatonError("WORKFLOW_INVALID", `on: ${z.prettifyError(triggers.error)}`, {
      where: `workflow "${id}"`,
    });
  const { input } = options;
  return new WorkflowBuilder(id, { input, triggers: triggers.data }, DeclaredTasks.none);
}

interface WorkflowParts<Input> {
  readonly input: z.ZodType<Input> | undefined;
  readonly triggers: readonly Trigger[];
}

class WorkflowBuilder<Input, Tasks> implements Workflow<Input, Tasks> {
  readonly [workflowBrand] = workflowBrandVersion;
  readonly id: string;
  readonly triggers: readonly Trigger[];
  readonly parseInput: (input: JsonValue) => JsonValue;
  readonly inputSchema: z.ZodType | undefined;
  readonly #parts: WorkflowParts<Input>;
  readonly #tasks: DeclaredTasks;
  #definition: Definition | undefined;
  #code: ReadonlyMap<string, AnyTaskFunction> | undefined;
  #keyFunctions: ReadonlyMap<string, KeyFunction> | undefined;
  #conditions: ReadonlyMap<string, ConditionFunction> | undefined;
  #taskTypes: ReadonlyMap<string, TaskType> | undefined;

  constructor(id: string, parts: WorkflowParts<Input>, tasks: DeclaredTasks) {
    this.id = id;
    this.triggers = parts.triggers;
    this.parseInput = parseInputWith(parts.input, id, parts.triggers);
    this.inputSchema = parts.input;
    this.#parts = parts;
    this.#tasks = tasks;
  }

  get definition(): Definition {
    if (this.#tasks.length === 0)
      throw new BatonError("WORKFLOW_INVALID", "The workflow has no tasks", {
        where: `workflow "${this.id}"`,
      });
    this.#definition ??= {
      format: 1,
      workflowId: this.id,
      tasks: this.#tasks.all().map(({ definition }) => definition),
    };
    return this.#definition;
  }

  get code(): ReadonlyMap<string, AnyTaskFunction> {
    this.#code ??= this.#tasks.byId(({ run }) => run);
    return this.#code;
  }

  get keyFunctions(): ReadonlyMap<string, KeyFunction> {
    this.#keyFunctions ??= this.#tasks.byId(({ keyOf }) => keyOf);
    return this.#keyFunctions;
  }

  get taskTypes(): ReadonlyMap<string, TaskType> {
    this.#taskTypes ??= new Map(
      this.#tasks.all().flatMap(({ taskType }) => (taskType ? [[taskType.type, taskType] as const] : [])),
    );
    return this.#taskTypes;
  }

  get conditions(): ReadonlyMap<string, ConditionFunction> {
    this.#conditions ??= this.#tasks.byId(({ condition }) => condition);
    return this.#conditions;
  }

  task<Id extends string, Result>(
    id: string,
    task: TaskSpec<unknown> | AnyFunction,
    policies: AnyPolicies = {},
  ): Workflow<Input, Tasks & { readonly [K in Id]: ResultOf<Result> }> {
    const kind =
      typeof task === "function" ? { type: FUNCTION_TASK_TYPE } : { type: task.type, with: task.with };
    const parents = this.#tasks.knownParents(policies.after);
    const definition = readTask({ id, ...kind, ...policies }, `workflow "${this.id}", task "${id}"`, parents);
    this.#check(definition, parents !== undefined);
    const tasks = this.#tasks.with({
      definition,
      run: isTaskFunction(task) ? task : undefined,
      keyOf: keyFunctionOf(policies),
      condition: isCondition(policies.when) ? policies.when : undefined,
      taskType: typeof task === "function" ? undefined : task.taskType,
    });
    return new WorkflowBuilder(this.id, this.#parts, tasks);
  }

  #check(added: TaskDefinition, hasKnownParents: boolean): void {
    const where = `workflow "${this.id}", task "${added.id}"`;
    if (this.#tasks.has(added.id))
      throw new BatonError("TASK_ID_DUPLICATE", "A task with this id exists already", { where });
    const unknown = hasKnownParents ? undefined : added.after.find((parent) => !this.#tasks.has(parent));
    if (unknown !== undefined)
      throw new BatonError("PARENT_UNKNOWN", `\`after\` names "${unknown}", which is not declared before`, {
        where,
      });
    if (this.#tasks.length >= limits.tasksPerWorkflow)
      throw new BatonError("WORKFLOW_INVALID", `A workflow has at most ${limits.tasksPerWorkflow} tasks`, {
        where,
      });
  }
}

type AnyFunction = (context: never) => unknown;

/** Policies with their types erased. */
type AnyPolicies = Pick<TaskPolicies, "after"> & {
  readonly idempotency?: true | { readonly key?: unknown };
  readonly when?: unknown;
};

/** The runtime gives every function the context of its type: the input by the schema, the parents by `after`. */
function isTaskFunction(task: unknown): task is AnyTaskFunction {
  return typeof task === "function";
}

/** It gets the input of the batch and the results of the task's parents, which the compiler has checked. */
function isCondition(when: unknown): when is ConditionFunction {
  return typeof when === "function";
}

function keyFunctionOf({ idempotency }: AnyPolicies): KeyFunction | undefined {
  const key = typeof idempotency === "object" ? idempotency.key : undefined;
  return isKeyFunction(key) ? key : undefined;
}

/** It gets the input of the batch, which has passed the schema of its type. */
function isKeyFunction(key: unknown): key is KeyFunction {
  return typeof key === "function";
}

function readTask(written: object, where: string, parents: readonly string[] | undefined): TaskDefinition {
  const parsed = parseTask(written, parents);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (!issue) throw parsed.error;
  throw new BatonError(issueCode(issue, issue.path), `${issue.path.join(".")}: ${issue.message}`, {
    where,
  });
}
