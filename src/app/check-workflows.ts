import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { EnvironmentSchema } from "../configuration/environment.ts";
import { taskSecretSettings } from "../configuration/secrets.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { unconfiguredSecrets } from "../core/template/secret-references.ts";
import { type Definition, timeoutsBeyondFunction } from "../core/workflow/definition.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { FolderCatalog } from "../workflow/catalog.ts";
import { type DataWorkflowResult, readDataWorkflow } from "../workflow/data-workflow.ts";
import { kindOf } from "../workflow/folder-files.ts";
import { loadWorkflowFile, unexportedProblems } from "../workflow/load-file.ts";
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
}

const remedy =
  "Name a workflow file or a folder of workflow files. The path is relative to the current folder.";

/** Lists all problems of a workflow file, or of the files of a folder. Throws `USAGE` if the path does not exist. */
export async function checkWorkflows(path: string, environment: RawEnvironment): Promise<WorkflowCheck> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't read ${path}: ${errorMessage(cause)}`, { cause, remedy });
  });
  const { workflows, problems } = await (stats.isDirectory() ? readFolder(path) : readOneFile(resolve(path)));
  const sql = await checkSql(workflows, builtInTaskTypes);
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
): Promise<{ readonly source: string; readonly result: DataWorkflowResult }> {
  const source = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't read ${path}: ${errorMessage(cause)}`, { cause, remedy });
  });
  return { source, result: readDataWorkflow(source, path, builtInTaskTypes) };
}

/** Parses a workflow that `apply` has stored. */
export function readAppliedWorkflow(workflowId: string, source: string): DataWorkflowResult {
  return readDataWorkflow(source, `applied workflow "${workflowId}"`, builtInTaskTypes);
}

async function readFolder(folder: string): Promise<WorkflowsWithProblems> {
  const catalog = new FolderCatalog({ folder, taskTypes: builtInTaskTypes });
  const sources = await catalog.sources();
  const workflows = sources.map(({ file, workflow }) => ({ file, definition: workflow.definition }));
  return { workflows, problems: await catalog.problems() };
}

async function readOneFile(path: string): Promise<WorkflowsWithProblems> {
  const kind = kindOf(basename(path));
  if (!kind)
    throw new BatonError("USAGE", `${path} is not a .ts, .js, .mjs, .yaml, .yml or .json file`, {
      remedy,
    });
  const { workflows, problems, created } = await loadWorkflowFile({ path, kind }, builtInTaskTypes);
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
  if (workflows.length === 0 && allProblems.length === 0)
    allProblems.push({
      file: path,
      code: "WORKFLOW_INVALID",
      message: "It exports no workflow",
      where: path,
    });
  return {
    workflows: workflows.map(({ definition }) => ({ file: path, definition })),
    problems: allProblems,
  };
}
