import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { EnvironmentSchema } from "../configuration/environment.ts";
import { taskSecretSettings } from "../configuration/secrets.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { unconfiguredSecrets } from "../core/template/named-secrets.ts";
import { type Definition, timeoutsBeyondFunction } from "../core/workflow/definition.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { FolderCatalog } from "../workflow/catalog.ts";
import { type DataWorkflowResult, readDataWorkflow } from "../workflow/data-workflow.ts";
import { kindOf } from "../workflow/folder-files.ts";
import { loadWorkflowFile, unexportedProblems } from "../workflow/load-file.ts";
import type { CatalogProblem } from "../workflow/workflow-folder.ts";

export interface WorkflowCheck {
  readonly workflowIds: readonly string[];
  readonly problems: readonly CatalogProblem[];
  /** What works, but perhaps not as it is meant. */
  readonly warnings: readonly string[];
}

interface Found {
  readonly workflows: readonly { readonly definition: Definition }[];
  readonly problems: readonly CatalogProblem[];
}

const remedy = "Name a workflow file or a folder of them; the path counts from the folder that you are in.";

/** Everything wrong with a workflow file, or with those of a folder. Throws `USAGE` when there is no such path. */
export async function checkWorkflows(path: string, environment: RawEnvironment): Promise<WorkflowCheck> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't look at ${path}: ${errorMessage(cause)}`, { cause, remedy });
  });
  const { workflows, problems } = await (found.isDirectory() ? readFolder(path) : readOneFile(resolve(path)));
  return {
    workflowIds: workflows.map(({ definition }) => definition.workflowId),
    problems,
    warnings: [
      ...timeoutsBeyondFunction(workflows, functionTimeoutSeconds(environment)),
      ...unconfiguredSecrets(workflows, taskSecretSettings(environment).configured.keys()).map(
        ({ variable, message }) => `${variable}: ${message}`,
      ),
    ],
  };
}

/** As a deployment from this environment would have it. A value that can't be read is told where it is used. */
function functionTimeoutSeconds({ BATON_FUNCTION_TIMEOUT: given }: RawEnvironment): number {
  const schema = EnvironmentSchema.shape.BATON_FUNCTION_TIMEOUT;
  return schema.safeParse(given).data ?? schema.parse(undefined);
}

/** Reads a workflow written as data, as `apply` stores it. */
export async function readWorkflowData(
  path: string,
): Promise<{ readonly source: string; readonly result: DataWorkflowResult }> {
  const source = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't read ${path}: ${errorMessage(cause)}`, { cause, remedy });
  });
  return { source, result: readDataWorkflow(source, path, builtInTaskTypes) };
}

/** Reads a workflow that is stored. */
export function readAppliedWorkflow(workflowId: string, source: string): DataWorkflowResult {
  return readDataWorkflow(source, `applied workflow "${workflowId}"`, builtInTaskTypes);
}

async function readFolder(folder: string): Promise<Found> {
  const catalog = new FolderCatalog({ folder, taskTypes: builtInTaskTypes });
  return { workflows: await catalog.all(), problems: await catalog.problems() };
}

async function readOneFile(path: string): Promise<Found> {
  const kind = kindOf(basename(path));
  if (!kind)
    throw new BatonError("USAGE", `${path} is no .ts, .js, .mjs, .yaml, .yml or .json file`, {
      remedy,
    });
  const { workflows, problems, created } = await loadWorkflowFile({ path, kind }, builtInTaskTypes);
  const ids = workflows.map(({ id }) => id);
  const twice = ids.filter((id, index) => ids.indexOf(id) < index);
  const found: CatalogProblem[] = [
    ...problems.map((problem) => ({ file: path, ...problem })),
    ...unexportedProblems(created, new Set(ids), [path]),
    ...twice.map((id) => ({
      file: path,
      code: "WORKFLOW_DUPLICATE" as const,
      message: `The file exports more than one workflow "${id}", and the first is used`,
      where: path,
    })),
  ];
  if (workflows.length === 0 && found.length === 0)
    found.push({ file: path, code: "WORKFLOW_INVALID", message: "It holds no workflow", where: path });
  return { workflows, problems: found };
}
