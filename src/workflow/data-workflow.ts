import * as z from "zod";
import { crowdedTasks } from "../core/crowded-tasks.ts";
import { type Definition, FUNCTION_TASK_TYPE } from "../core/definition.ts";
import { JsonObjectSchema } from "../core/json.ts";
import { limits } from "../core/limits.ts";
import { NameSchema } from "../core/names.ts";
import type { TaskType } from "../runtime/task-type.ts";
import { graphProblems } from "./data-graph.ts";
import { parameterProblems } from "./data-parameters.ts";
import { WrittenTriggerSchema } from "./data-trigger.ts";
import { knownInput } from "./input-fields.ts";
import {
  type DataProblem,
  pathOfIssue,
  placed,
  syntaxProblems,
  tasksIn,
  type WorkflowProblem,
} from "./problems.ts";
import { codeOfIssue, WrittenTaskSchema } from "./task-schema.ts";
import { templateProblems } from "./template-problems.ts";
import type { BuiltWorkflow } from "./workflow.ts";
import { parseYaml, type YamlSource } from "./yaml-source.ts";

export type TaskTypes = ReadonlyMap<string, TaskType>;

export type DataWorkflowResult =
  | {
      readonly ok: true;
      readonly workflow: BuiltWorkflow;
      /** What stops single tasks when they run, such as a misspelt template. */
      readonly problems: readonly WorkflowProblem[];
    }
  | { readonly ok: false; readonly problems: readonly WorkflowProblem[] };

/** All but the tasks, which are read one by one, so that a mistake in one does not hide those in others. */
const WorkflowSchema = z.strictObject({
  workflow: NameSchema,
  on: z.array(WrittenTriggerSchema).optional(),
  tasks: z.array(z.unknown()).min(1).max(limits.tasksPerWorkflow),
});

/**
 * Reads a workflow written as data, YAML or JSON:
 *
 *     workflow: sales-refresh
 *     on:
 *       - fileDrop: sales/*.csv
 *     tasks:
 *       - id: load
 *         type: loadFile
 *         with: { table: sales }
 *         retry: { maxAttempts: 5, initial: 1m, factor: 2, max: 1h, jitter: 0.1 }   # or false
 *         timeout: 10m
 *       - id: archive
 *         type: archiveFile
 *         with: { to: archive/ }
 *         after: [load]
 *
 * Never throws: every problem is in the result, not only the first.
 */
export function readDataWorkflow(text: string, file: string, taskTypes: TaskTypes): DataWorkflowResult {
  return validateDataWorkflow(parseYaml(text, file), taskTypes);
}

/** Whether data means to be a workflow at all. */
export function isDataWorkflow(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("workflow" in value || "tasks" in value);
}

export function validateDataWorkflow(source: YamlSource, taskTypes: TaskTypes): DataWorkflowResult {
  if (source.problems.length > 0) return { ok: false, problems: syntaxProblems(source) };
  const outer = WorkflowSchema.safeParse(source.value);
  const written = tasksIn(source.value);
  const tasks = written.map((task) => WrittenTaskSchema.safeParse(task));
  const problems = [
    ...issueProblems(outer.error?.issues ?? [], []),
    ...tasks.flatMap((task, index) => issueProblems(task.error?.issues ?? [], ["tasks", index])),
    ...written.flatMap((task, index) => typeProblems(task, index, taskTypes)),
    ...graphProblems(written),
  ];
  const input = knownInput(undefined, outer.data?.on);
  const ofTemplates = written.flatMap((task, index) =>
    templateProblems(task, taskTypes, input).map((problem) => ({
      ...problem,
      path: ["tasks", index, ...problem.path],
    })),
  );
  if (problems.length > 0 || !outer.success)
    return { ok: false, problems: placed([...problems, ...ofTemplates], source) };
  const { workflow, on = [] } = outer.data;
  const definition: Definition = {
    format: 1,
    workflowId: workflow,
    tasks: tasks.flatMap((task) => task.data ?? []),
  };
  const crowded = crowdedTasks(definition).map(({ taskId, message }): DataProblem => {
    const index = definition.tasks.findIndex(({ id }) => id === taskId);
    return { code: "WORKFLOW_INVALID", message, path: ["tasks", index] };
  });
  if (crowded.length > 0) return { ok: false, problems: placed(crowded, source) };
  const parseInput: BuiltWorkflow["parseInput"] = (input) => input;
  return {
    ok: true,
    problems: placed(ofTemplates, source),
    workflow: {
      id: workflow,
      definition,
      triggers: on,
      parseInput,
      code: new Map(),
      keyFunctions: new Map(),
    },
  };
}

function issueProblems(issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[]): DataProblem[] {
  return issues.map((issue) => ({
    code: codeOfIssue(issue, issue.path),
    message: issue.message,
    path: [...base, ...pathOfIssue(issue)],
  }));
}

/** As much of a task as its type needs: its parameters are checked even when something else about it is wrong. */
const TypedSchema = z.object({ type: z.string(), with: JsonObjectSchema.default({}) });

function typeProblems(task: unknown, index: number, taskTypes: TaskTypes): DataProblem[] {
  const typed = TypedSchema.safeParse(task).data;
  if (!typed) return [];
  const type = taskTypes.get(typed.type);
  if (type)
    return parameterProblems(type, typed.with).map((problem) => ({
      ...problem,
      path: ["tasks", index, "with", ...problem.path],
    }));
  const known = [...taskTypes.keys()].join(", ");
  const message =
    typed.type === FUNCTION_TASK_TYPE
      ? `A workflow written as data has no functions; the task types are ${known}`
      : `There is no task type "${typed.type}"; the task types are ${known}`;
  return [{ code: "TASK_TYPE_UNKNOWN", message, path: ["tasks", index, "type"] }];
}
