import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { readConfiguration } from "../configuration/configuration.ts";
import { EnvironmentSchema } from "../configuration/environment.ts";
import { taskSecretSettings, withoutReferences } from "../configuration/secrets.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import type { AppliedWorkflow } from "../core/records.ts";
import { unconfiguredSecrets } from "../core/template/secret-references.ts";
import { type Definition, timeoutsBeyondFunction } from "../core/workflow/definition.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { FolderCatalog } from "../workflow/catalog.ts";
import { type DataWorkflowResult, readDataWorkflow, type TaskTypes } from "../workflow/data-workflow.ts";
import { kindOf } from "../workflow/files/folder-files.ts";
import { loadWorkflowFile, unexportedProblems } from "../workflow/workflow-file.ts";
import type { CatalogProblem } from "../workflow/workflow-folder.ts";
import { checkSql } from "./check-sql.ts";

export interface WorkflowCheck {
  readonly workflowIds: readonly string[];
  readonly problems: readonly CatalogProblem[];
  /** Valid settings that are probably not intended. */
  readonly warnings: readonly string[];
}

interface WorkflowsWithProblems {
  readonly workflows: readonly { readonly file: string; readonly definition: Definition }[];
  readonly problems: readonly CatalogProblem[];
  readonly taskTypes: TaskTypes;
}

const remedy =
  "Name a workflow file or a folder of workflow files. The path is relative to the current folder.";

/** Lists all problems of a workflow file, or of the files of a folder. Throws `USAGE` if the path does not exist. */
export async function checkWorkflows(path: string, environment: RawEnvironment): Promise<WorkflowCheck> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't read ${path}: ${errorMessage(cause)}`, { cause, remedy });
  });
  const { workflows, problems, taskTypes } = await (stats.isDirectory()
    ? readFolder(path)
    : readOneFile(resolve(path), environment));
  const sql = await checkSql(workflows, taskTypes);
  return {
    workflowIds: workflows.map(({ definition }) => definition.workflowId),
    problems: [...problems, ...sql.problems],
    warnings: [
      ...sql.warnings,
      ...timeoutsBeyondFunction(workflows, functionTimeoutSeconds(environment)),
      ...unconfiguredSecrets(workflows, taskSecretSettings(environment).configured.keys()).map(
        ({ variable, message }) => `${variable}: ${message}`,
      ),
    ],
  };
}

/** The timeout of a function deployed from this environment. An invalid value is reported by `deploy`. */
function functionTimeoutSeconds({ BATON_FUNCTION_TIMEOUT: given }: RawEnvironment): number {
  const schema = EnvironmentSchema.shape.BATON_FUNCTION_TIMEOUT;
  return schema.safeParse(given).data ?? schema.parse(undefined);
}

/** Reads a workflow written as data. Throws `USAGE` if the file can't be read. */
export async function readWorkflowData(
  path: string,
  environment: RawEnvironment,
): Promise<{ readonly source: string; readonly result: DataWorkflowResult }> {
  const source = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't read ${path}: ${errorMessage(cause)}`, { cause, remedy });
  });
  return { source, result: await readDataWorkflow(source, path, await projectTaskTypes(environment)) };
}

/** Parses a workflow that `apply` has stored. */
export async function readAppliedWorkflow(
  { workflowId, source }: Pick<AppliedWorkflow, "workflowId" | "source">,
  environment: RawEnvironment,
): Promise<DataWorkflowResult> {
  return readDataWorkflow(source, `applied workflow "${workflowId}"`, await projectTaskTypes(environment));
}

/** The built-in task types and those of the project, if it can be read: other checks report what is wrong with it. */
export async function projectTaskTypes(environment: RawEnvironment): Promise<TaskTypes> {
  try {
    const { workflows: folder } = readConfiguration(withoutReferences(environment));
    return await new FolderCatalog({ folder, taskTypes: builtInTaskTypes }).taskTypes();
  } catch (error) {
    if (error instanceof BatonError) return builtInTaskTypes;
    throw error;
  }
}

async function readFolder(folder: string): Promise<WorkflowsWithProblems> {
  const catalog = new FolderCatalog({ folder, taskTypes: builtInTaskTypes });
  const sources = await catalog.sources();
  const workflows = sources.map(({ file, workflow }) => ({ file, definition: workflow.definition }));
  return { workflows, problems: await catalog.problems(), taskTypes: await catalog.taskTypes() };
}

async function readOneFile(path: string, environment: RawEnvironment): Promise<WorkflowsWithProblems> {
  const kind = kindOf(basename(path));
  if (!kind)
    throw new BatonError("USAGE", `${path} is not a .ts, .js, .mjs, .yaml, .yml or .json file`, {
      remedy,
    });
  const known = kind === "data" ? await projectTaskTypes(environment) : builtInTaskTypes;
  const { workflows, problems, created, taskTypes } = await loadWorkflowFile({ path, kind }, known);
  const ids = workflows.map(({ id }) => id);
  const duplicateIds = ids.filter((id, index) => ids.indexOf(id) < index);
  const allProblems: CatalogProblem[] = [
    ...problems.map((problem) => ({ file: path, ...problem })),
    ...unexportedProblems(created, new Set(ids), [path]),
    ...duplicateIds.map((id) => ({
      file: path,
      code: "WORKFLOW_DUPLICATE" as const,
      message: `The file exports more than one workflow "${id}"; the first is used`,
      where: path,
    })),
  ];
  if (workflows.length === 0 && taskTypes.length === 0 && allProblems.length === 0)
    allProblems.push({
      file: path,
      code: "WORKFLOW_INVALID",
      message: "It exports no workflow",
      where: path,
    });
  return {
    workflows: workflows.map(({ definition }) => ({ file: path, definition })),
    problems: allProblems,
    taskTypes: new Map([...taskTypes.map((type) => [type.type, type] as const), ...known]),
  };
}
