import * as z from "zod";
import type { ErrorCode } from "../../core/errors/error-catalog.ts";
import { parseTemplate, type Reference } from "../../core/template/template.ts";
import { isJsonObject, type JsonValue, JsonValueSchema } from "../../core/values/json.ts";
import { nearestName } from "../../core/values/text.ts";
import type { TaskType } from "../../runtime/task-type.ts";
import type { YamlSource } from "../yaml-source.ts";
import { missingInput, type StaticInput } from "./input-fields.ts";

/** A problem of a workflow, for its author. */
export interface WorkflowProblem {
  readonly code: ErrorCode;
  readonly message: string;
  /** File and line, task, path within the task. */
  readonly where: string;
}

/** A problem at a path of the data. */
export interface DataProblem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly path: readonly PropertyKey[];
}

/** The path of an issue. For unknown keys it is the path of their object. */
export function issuePath(issue: z.core.$ZodIssue): readonly PropertyKey[] {
  return issue.code === "unrecognized_keys" ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path;
}

export function syntaxProblems({ file, problems }: YamlSource): WorkflowProblem[] {
  return problems.map(({ code, message, line }) => ({
    code,
    message,
    where: line === undefined ? file : `${file}:${line}`,
  }));
}

export function placed(problems: readonly DataProblem[], source: YamlSource): WorkflowProblem[] {
  return problems.map(({ code, message, path }) => ({ code, message, where: placeOf(path, source) }));
}

/** The tasks as written, valid or not. */
export function tasksIn(value: unknown): readonly unknown[] {
  const parsed = z.object({ tasks: z.array(z.unknown()) }).safeParse(value);
  return parsed.success ? parsed.data.tasks : [];
}

function placeOf(path: readonly PropertyKey[], { file, value, lineOf }: YamlSource): string {
  const line = lineOf(path);
  const [root, index] = path;
  const task = root === "tasks" && typeof index === "number" ? idOf(tasksIn(value)[index]) : undefined;
  const inside = task === undefined ? path : path.slice(2);
  return [
    line === undefined ? file : `${file}:${line}`,
    ...(task === undefined ? [] : [`task "${task}"`]),
    ...(inside.length > 0 ? [inside.map(String).join(".")] : []),
  ].join(", ");
}

function idOf(task: unknown): string | undefined {
  return z.object({ id: z.string() }).safeParse(task).data?.id;
}

/** A list of names, used as it is: a copy for each of thousands of tasks with the same list would take long. */
export const NamesSchema: z.ZodType<readonly string[]> = z.custom<readonly string[]>(
  (value) => Array.isArray(value) && value.every((name) => typeof name === "string"),
);

/** The part of a task that its templates need. They are checked even if other parts of the task are invalid. */
const TemplatedTaskSchema = z.object({
  type: z.string().catch(""),
  with: JsonValueSchema.catch(null),
  after: NamesSchema.catch([]),
  callback: z.object({ url: z.string() }).nullable().catch(null),
});
type TemplatedTask = z.infer<typeof TemplatedTaskSchema>;

interface Text {
  readonly text: string;
  readonly path: readonly PropertyKey[];
}

/**
 * Problems of the `{{ … }}` of a task: unclosed or misspelt ones, and those that name an unknown input, parent or path.
 * The paths start at the task. Such a task fails when it runs; the other tasks of its workflow do not.
 */
export function templateProblems(
  written: unknown,
  types: ReadonlyMap<string, TaskType>,
  input?: StaticInput,
): DataProblem[] {
  const task = TemplatedTaskSchema.safeParse(written).data;
  if (!task) return [];
  const type = types.get(task.type);
  const parameters = isJsonObject(task.with) ? Object.entries(task.with) : [];
  return [
    ...parameters.flatMap(([name, value]) => {
      const isSql = type?.sqlParameters?.includes(name) ?? false;
      const takesSecrets = !type || (type.secretParameters?.includes(name) ?? false);
      return textsIn(value, ["with", name]).flatMap((text) =>
        problemsOf(text, task, { isSql, takesSecrets, input }),
      );
    }),
    ...keysIn(task.with, ["with"]),
    ...problemsOf({ text: task.callback?.url ?? "", path: ["callback", "url"] }, task, {
      isSql: false,
      takesSecrets: true,
      input,
    }),
  ];
}

interface Place {
  readonly isSql: boolean;
  readonly takesSecrets: boolean;
  readonly input: StaticInput | undefined;
}

/** A reference with single braces, which is not filled in. */
const singleBraces = /(?<![{$\w])\{\s*((?:input|parents|secrets)\.[\w.-]+\??)\s*\}/g;

function problemsOf({ text, path }: Text, task: TemplatedTask, place: Place): DataProblem[] {
  const messages = parseTemplate(text).flatMap((piece) => {
    if (piece.kind === "mistake") return [piece.problem];
    if (piece.kind === "reference") return referenceProblem(piece.reference, task, place) ?? [];
    return [...piece.text.matchAll(singleBraces)].map(
      ([written, inside]) =>
        `${written} is not filled in: write {{ ${inside} }}, with two braces on each side`,
    );
  });
  return messages.map((message) => ({ code: "TEMPLATE_INVALID", message, path }));
}

function referenceProblem(reference: Reference, task: TemplatedTask, place: Place): string | undefined {
  const { root, path, source } = reference;
  const shown = `{{ ${source} }}`;
  if (place.isSql)
    return (
      `${shown} is inside SQL, where a value could become part of the statement. Write $${nameFor(path)} ` +
      `(BigQuery: @${nameFor(path)}) there, and give the value in \`parameters\`: { ${nameFor(path)}: "${shown}" }`
    );
  if (root === "secrets" && !place.takesSecrets)
    return (
      `${shown}: a secret is not allowed here; the address, headers and body of \`http\` and the ` +
      "address of a callback can name one"
    );
  if (root === "parents") return parentProblem(shown, path[0] ?? "", task);
  const missing = root === "input" && !reference.isOptional ? missingInput(place.input, path) : undefined;
  return missing === undefined ? undefined : `${shown}: ${missing}`;
}

function nameFor(path: readonly string[]): string {
  return (path.at(-1) ?? "value").replace(/\W/g, "_");
}

function parentProblem(shown: string, parent: string, { after }: TemplatedTask): string | undefined {
  if (after.includes(parent)) return undefined;
  const meant = nearestName(parent, after);
  const others = after.length === 0 ? "it has none" : `it has ${after.join(", ")}`;
  const remedy = meant === undefined ? `add "${parent}" to \`after\`` : `did you mean ${meant}?`;
  return `${shown}: "${parent}" is no parent of this task (${others}); ${remedy}`;
}

function textsIn(value: JsonValue, path: readonly PropertyKey[]): Text[] {
  if (typeof value === "string") return [{ text: value, path }];
  if (Array.isArray(value)) return value.flatMap((item, index) => textsIn(item, [...path, index]));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => textsIn(item, [...path, key]));
}

function keysIn(value: JsonValue, path: readonly PropertyKey[]): DataProblem[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => keysIn(item, [...path, index]));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const below = keysIn(item, [...path, key]);
    const message = `The name ${key} is sent literally: templates are expanded only in values`;
    const isTemplate = parseTemplate(key).some(({ kind }) => kind === "reference");
    return isTemplate ? [{ code: "TEMPLATE_INVALID", message, path: [...path, key] }, ...below] : below;
  });
}
