import { BatonError } from "../../core/errors/errors.ts";
import { nearestName } from "../../core/values/text.ts";
import { conditionVariables } from "../../core/workflow/condition.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import type { Expression, ExpressionPath } from "../../core/workflow/expression.ts";
import { missingInput, type StaticInput } from "./input-fields.ts";
import type { DataProblem } from "./problems.ts";

/** A problem of the condition of one task. */
export interface ConditionProblem extends Omit<DataProblem, "path"> {
  readonly taskId: string;
}

/** Problems of conditions written as expressions. Such a task fails when it runs; the others do not. */
export async function conditionProblems(
  tasks: readonly TaskDefinition[],
  input: StaticInput | undefined,
): Promise<ConditionProblem[]> {
  const expressions = tasks.flatMap((task) =>
    task.when?.by === "expression" ? [{ task, text: task.when.expression }] : [],
  );
  if (expressions.length === 0) return [];
  // Few workflows have an expression, and to load the library takes a fifth of the time of a command.
  const { expressionReader } = await import("../../core/workflow/expression.ts");
  const read = await expressionReader();
  return expressions.flatMap(({ task, text }) => problemsOf(read, task, text, input));
}

function problemsOf(
  read: (text: string) => Expression,
  task: TaskDefinition,
  text: string,
  input: StaticInput | undefined,
): ConditionProblem[] {
  const problem = (message: string): ConditionProblem => ({
    code: "EXPRESSION_INVALID",
    taskId: task.id,
    message,
  });
  try {
    const { paths, unknownFunctions } = read(text);
    return [
      ...unknownFunctions.map((name) => problem(`\`${text}\`: CEL has no function \`${name}\``)),
      ...paths
        .filter((path) => !paths.some((asked) => isAskedFor(path, asked)))
        .flatMap((path) => pathProblem(path, task, input) ?? [])
        .map((found) => problem(`\`${text}\`: ${found}`)),
    ];
  } catch (error) {
    if (error instanceof BatonError && error.code === "EXPRESSION_INVALID") return [problem(error.message)];
    throw error;
  }
}

/** `has(input.note) && input.note.text != ""` asks first for what it reads. */
function isAskedFor(read: ExpressionPath, asked: ExpressionPath): boolean {
  if (!asked.isOptional || read.root !== "input" || asked.root !== "input") return false;
  return asked.path.every((name, index) => read.path[index] === name);
}

function pathProblem(
  { root, path }: ExpressionPath,
  { after }: TaskDefinition,
  input: StaticInput | undefined,
): string | undefined {
  const [first] = path;
  switch (root) {
    case "input":
      return missingInput(input, path);
    case "parents":
    case "status":
      if (first === undefined || after.includes(first)) return undefined;
      return `"${first}" is no parent of this task; ${remedyFor(first, after, `add "${first}" to \`after\``)}`;
    default: {
      const all = `there are ${conditionVariables.join(", ")}`;
      return `there is no variable \`${root}\`; ${remedyFor(root, conditionVariables, all)}`;
    }
  }
}

function remedyFor(name: string, known: readonly string[], otherwise: string): string {
  const meant = nearestName(name, known);
  return meant === undefined ? otherwise : `did you mean ${meant}?`;
}
