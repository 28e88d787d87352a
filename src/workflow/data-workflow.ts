import * as z from "zod";
import { limits } from "../core/limits.ts";
import { ScheduleSchema } from "../core/schedule/schedule.ts";
import { type JsonObject, JsonObjectSchema } from "../core/values/json.ts";
import { NameSchema, nearestName } from "../core/values/text.ts";
import { type Definition, FUNCTION_TASK_TYPE, ParentLists } from "../core/workflow/definition.ts";
import { tasksOverJoinLimit } from "../core/workflow/graph.ts";
import { DropPatternSchema, fileDrop, schedule, type Trigger } from "../core/workflow/trigger.ts";
import { parameterIssues } from "../runtime/task-parameters.ts";
import type { TaskType } from "../runtime/task-type.ts";
import { conditionProblems } from "./problems/expression-problems.ts";
import { graphProblems } from "./problems/graph-problems.ts";
import { staticInput } from "./problems/input-fields.ts";
import {
  type DataProblem,
  issuePath,
  placed,
  syntaxProblems,
  tasksIn,
  templateProblems,
  type WorkflowProblem,
} from "./problems/problems.ts";
import { issueCode, parseTask } from "./task-schema.ts";
import { type BuiltWorkflow, workflowBrand, workflowBrandVersion } from "./workflow.ts";
import { parseYaml, type YamlSource } from "./yaml-source.ts";

function parameterProblems(type: TaskType, parameters: JsonObject): DataProblem[] {
  const secrets = type.findLiteralSecrets?.(parameters) ?? [];
  return [
    ...secrets.map(({ path, message }): DataProblem => ({ code: "SECRET_IN_DEFINITION", message, path })),
    ...parameterIssues(type, parameters).map(
      (issue): DataProblem => ({
        code: "TASK_PARAMETERS_INVALID",
        message: issue.message,
        path: issuePath(issue),
      }),
    ),
  ];
}

const FileDropInputSchema = z
  .strictObject({
    fileDrop: DropPatternSchema.describe("Pattern of the files that start it, such as sales/*.csv"),
    bucket: z.string().min(1).optional().describe("Their bucket. Default: the inbox"),
  })
  .transform(({ fileDrop: pattern, bucket }): Trigger => fileDrop(pattern, bucket ? { bucket } : {}));

const ScheduleInputSchema = z
  .strictObject({
    schedule: ScheduleSchema.shape.cron.describe(
      "Cron pattern: minute, hour, day of month, month, day of week",
    ),
    timeZone: ScheduleSchema.shape.timeZone
      .optional()
      .describe("IANA name of the pattern's time zone. Default: UTC"),
    missed: ScheduleSchema.shape.missed
      .optional()
      .describe("What happens for times that passed while Baton was down. Default: skip"),
  })
  .transform(
    ({ schedule: cron, timeZone, missed }): Trigger =>
      schedule(cron, { ...(timeZone !== undefined && { timeZone }), ...(missed && { missed }) }),
  );

const triggerSchemas = new Map<string, z.ZodType<Trigger>>([
  ["fileDrop", FileDropInputSchema],
  ["schedule", ScheduleInputSchema],
]);

/** A trigger written as data. Its key says which kind it is. */
const TriggerInputSchema = z.record(z.string(), z.unknown()).transform((written, context): Trigger => {
  const kind = [...triggerSchemas.keys()].find((name) => Object.hasOwn(written, name));
  const parsed = triggerSchemas.get(kind ?? "")?.safeParse(written);
  if (!parsed) context.addIssue({ code: "custom", message: kindProblem(Object.keys(written)) });
  if (parsed?.success) return parsed.data;
  for (const issue of parsed?.error.issues ?? [])
    context.addIssue({ code: "custom", message: issue.message, path: [...issuePath(issue)] });
  return z.NEVER;
});

function kindProblem(names: readonly string[]): string {
  const meant = names.flatMap((name) => nearestName(name, triggerSchemas.keys()) ?? []);
  const remedy = meant.length > 0 ? `did you mean ${meant[0]}?` : `it has ${names.join(", ") || "nothing"}`;
  return `a trigger has either \`fileDrop\` or \`schedule\`; ${remedy}`;
}

export type TaskTypes = ReadonlyMap<string, TaskType>;

export type DataWorkflowResult =
  | {
      readonly ok: true;
      readonly workflow: BuiltWorkflow;
      /** Problems that fail single tasks when they run, such as a misspelt template. */
      readonly problems: readonly WorkflowProblem[];
    }
  | { readonly ok: false; readonly problems: readonly WorkflowProblem[] };

/** Triggers as a file writes them. Files are read with the schema above, whose messages are better. */
export const TriggersSchema = z.array(z.union([FileDropInputSchema, ScheduleInputSchema]));

/** The fields of a workflow that are neither triggers nor tasks. */
export const WorkflowHeadSchema = z.strictObject({
  workflow: NameSchema.describe("Its name, by which it is started"),
});

/** Everything but the tasks. They are parsed one by one, so that an error in one does not hide those in others. */
const WorkflowSchema = WorkflowHeadSchema.extend({
  on: z.array(TriggerInputSchema).optional(),
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
export function readDataWorkflow(
  text: string,
  file: string,
  taskTypes: TaskTypes,
): Promise<DataWorkflowResult> {
  return readDataSource(parseYaml(text, file), taskTypes);
}

/** The workflow of parsed YAML or JSON, with the problems of its expressions too. */
export async function readDataSource(source: YamlSource, taskTypes: TaskTypes): Promise<DataWorkflowResult> {
  const result = validateDataWorkflow(source, taskTypes);
  if (!result.ok) return result;
  const { tasks } = result.workflow.definition;
  const found = await conditionProblems(tasks, staticInput(undefined, result.workflow.triggers));
  const ofConditions = found.map(({ taskId, code, message }): DataProblem => {
    const index = tasks.findIndex(({ id }) => id === taskId);
    return { code, message, path: ["tasks", index, "when"] };
  });
  return { ...result, problems: [...result.problems, ...placed(ofConditions, source)] };
}

/** Whether the data is meant to be a workflow. */
export function isDataWorkflow(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("workflow" in value || "tasks" in value);
}

/** All but the expressions, whose library is loaded only if there are any. */
export function validateDataWorkflow(source: YamlSource, taskTypes: TaskTypes): DataWorkflowResult {
  if (source.problems.length > 0) return { ok: false, problems: syntaxProblems(source) };
  const outer = WorkflowSchema.safeParse(source.value);
  const written = tasksIn(source.value);
  const lists = new ParentLists();
  const tasks = written.map((task) => parseDataTask(task, lists));
  const problems = [
    ...issueProblems(outer.error?.issues ?? [], []),
    ...tasks.flatMap((task, index) => issueProblems(task.error?.issues ?? [], ["tasks", index])),
    ...written.flatMap((task, index) => typeProblems(task, index, taskTypes)),
    ...graphProblems(written),
  ];
  const input = staticInput(undefined, outer.data?.on);
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
  const crowded = tasksOverJoinLimit(definition).map(({ taskId, message }): DataProblem => {
    const index = definition.tasks.findIndex(({ id }) => id === taskId);
    return { code: "WORKFLOW_INVALID", message, path: ["tasks", index] };
  });
  if (crowded.length > 0) return { ok: false, problems: placed(crowded, source) };
  const parseInput: BuiltWorkflow["parseInput"] = (input) => input;
  return {
    ok: true,
    problems: placed(ofTemplates, source),
    workflow: {
      // As workflows of code: `isWorkflow` recognises it.
      ...{ [workflowBrand]: workflowBrandVersion },
      id: workflow,
      definition,
      triggers: on,
      parseInput,
      code: new Map(),
      keyFunctions: new Map(),
      taskTypes,
    },
  };
}

/** `lists`: those of the tasks before, to which the list of this one is added. */
function parseDataTask(written: unknown, lists: ParentLists): ReturnType<typeof parseTask> {
  const after = typeof written === "object" && written !== null && "after" in written ? written.after : [];
  const number = Array.isArray(after) ? lists.find(after) : undefined;
  const parsed = parseTask(written, number === undefined ? undefined : lists.all[number]);
  if (parsed.success) lists.add(parsed.data.after);
  return parsed;
}

function issueProblems(issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[]): DataProblem[] {
  return issues.map((issue) => ({
    code: issueCode(issue, issue.path),
    message: issue.message,
    path: [...base, ...issuePath(issue)],
  }));
}

/** The part of a task that its type checks, even if other parts of the task are invalid. */
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
