import * as z from "zod";
import type { ErrorCode } from "../core/error-catalog.ts";
import type { YamlSource } from "./yaml-source.ts";

/** Something wrong with a workflow, for the one who wrote it. */
export interface WorkflowProblem {
  readonly code: ErrorCode;
  readonly message: string;
  /** File and line, task, path within the task. */
  readonly where: string;
}

/** Something wrong at a path of the data. */
export interface DataProblem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly path: readonly PropertyKey[];
}

/** Where the problem is; the path of an issue about keys that should not be there ends above them. */
export function pathOfIssue(issue: z.core.$ZodIssue): readonly PropertyKey[] {
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

/** The tasks as they were written, right or wrong. */
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
