import { readFile } from "node:fs/promises";
import * as z from "zod";
import { TaskError } from "../core/errors/errors.ts";
import { dialectDifferences } from "../core/googlesql/dialect-words.ts";
import type { Definition, TaskDefinition } from "../core/workflow/definition.ts";
import type { TaskType } from "../runtime/task-type.ts";
import type { CatalogProblem } from "../workflow/workflow-folder.ts";
import { parseYaml } from "../workflow/yaml-source.ts";

/** A workflow with the file that it is from. */
interface CheckedWorkflow {
  readonly file: string;
  readonly definition: Definition;
}

export interface SqlCheck {
  readonly problems: readonly CatalogProblem[];
  readonly warnings: readonly string[];
}

interface Place {
  readonly file: string;
  readonly task: TaskDefinition;
  readonly taskIndex: number;
  /** The parameter that holds the SQL. */
  readonly parameter: string;
}

const GoogleSqlSchema = z.object({ googlesql: z.string() });

/**
 * Checks the SQL of tasks before anything runs: what DuckDB would refuse of a text in GoogleSQL, and the words on which
 * the engines differ in a text that is given for both.
 */
export async function checkSql(
  workflows: readonly CheckedWorkflow[],
  taskTypes: ReadonlyMap<string, Pick<TaskType, "sqlParameters">>,
): Promise<SqlCheck> {
  const texts = workflows.flatMap((workflow) => textsOf(workflow, taskTypes));
  const unmarked = texts.flatMap(({ place, sql }) =>
    typeof sql === "string" ? differences(place, sql) : [],
  );
  const found: (CatalogProblem | string)[] = [];
  for (const { place, sql } of texts) {
    const written = GoogleSqlSchema.safeParse(sql);
    const problem = written.success ? await problemOf(place, written.data.googlesql) : undefined;
    if (problem) found.push(problem);
  }
  return {
    problems: found.filter((problem) => typeof problem !== "string"),
    warnings: [...new Set([...unmarked, ...found.filter((problem) => typeof problem === "string")])],
  };
}

function textsOf(
  { file, definition }: CheckedWorkflow,
  taskTypes: ReadonlyMap<string, Pick<TaskType, "sqlParameters">>,
): readonly { readonly place: Place; readonly sql: unknown }[] {
  return definition.tasks.flatMap((task, taskIndex) =>
    (taskTypes.get(task.type)?.sqlParameters ?? []).map((parameter) => ({
      place: { file, task, taskIndex, parameter },
      sql: task.with?.[parameter],
    })),
  );
}

function differences({ file, task, parameter }: Place, sql: string): readonly string[] {
  return dialectDifferences(sql).map(
    (difference) =>
      `${file}, task "${task.id}", ${parameter}: ${difference}. Mark a text for both engines as { googlesql: … }, ` +
      "or give one for each: { duckdb, bigquery }",
  );
}

/** A problem of the text, or a warning that it can't be checked here. */
async function problemOf(place: Place, text: string): Promise<CatalogProblem | string | undefined> {
  const { checkGoogleSql } = await import("../adapters/duckdb/googlesql/parser.ts");
  try {
    const problem = await checkGoogleSql(text);
    if (!problem) return undefined;
    const { file, task, parameter } = place;
    const line = await lineInFile(place, problem.line);
    return {
      file,
      code: problem.code,
      message: problem.message,
      where: `${file}${line === undefined ? "" : `:${line}`}, task "${task.id}", ${parameter}.googlesql`,
    };
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
    return `${error.code}: ${error.message}. The SQL of task "${place.task.id}" is not checked`;
  }
}

/** The line of a workflow written as data. A block after `|` has the lines of the text. */
async function lineInFile({ file, taskIndex, parameter }: Place, line = 1): Promise<number | undefined> {
  if (!/\.(ya?ml|json)$/.test(file)) return undefined;
  const source = await readFile(file, "utf8");
  const start = parseYaml(source, file).lineOf(["tasks", taskIndex, "with", parameter, "googlesql"]);
  if (start === undefined) return undefined;
  const isBlock = /\|[-+\d]*\s*$/.test(source.split("\n")[start - 1] ?? "");
  return isBlock ? start + line : start;
}
