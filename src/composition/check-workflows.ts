import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { BatonError, messageOf } from "../core/errors.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { type CatalogProblem, FolderCatalog } from "../workflow/catalog.ts";
import { type DataWorkflowResult, readDataWorkflow } from "../workflow/data-workflow.ts";
import { kindOf } from "../workflow/folder-files.ts";
import { loadWorkflowFile } from "../workflow/load-file.ts";

export interface WorkflowCheck {
  readonly workflowIds: readonly string[];
  readonly problems: readonly CatalogProblem[];
}

const remedy = "Name a workflow file or a folder of them; the path counts from the folder that you are in.";

/** Everything wrong with a workflow file, or with those of a folder. Throws `USAGE` when there is no such path. */
export async function checkWorkflows(path: string): Promise<WorkflowCheck> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't look at ${path}: ${messageOf(cause)}`, { cause, remedy });
  });
  return found.isDirectory() ? checkFolder(path) : checkFile(resolve(path));
}

/** Reads a workflow written as data, as `apply` stores it. */
export async function readWorkflowData(
  path: string,
): Promise<{ readonly source: string; readonly result: DataWorkflowResult }> {
  const source = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't read ${path}: ${messageOf(cause)}`, { cause, remedy });
  });
  return { source, result: readDataWorkflow(source, path, builtInTaskTypes) };
}

async function checkFolder(folder: string): Promise<WorkflowCheck> {
  const catalog = new FolderCatalog({ folder, taskTypes: builtInTaskTypes });
  const workflows = await catalog.all();
  return {
    workflowIds: workflows.map((workflow) => workflow.definition.workflowId),
    problems: await catalog.problems(),
  };
}

async function checkFile(path: string): Promise<WorkflowCheck> {
  const kind = kindOf(basename(path));
  if (!kind)
    throw new BatonError("USAGE", `${path} is no .ts, .js, .mjs, .yaml, .yml or .json file`, {
      remedy,
    });
  const { workflows, problems } = await loadWorkflowFile({ path, kind }, builtInTaskTypes);
  const found = problems.map((problem) => ({ file: path, ...problem }));
  if (workflows.length === 0 && found.length === 0)
    found.push({ file: path, code: "WORKFLOW_INVALID", message: "It holds no workflow", where: path });
  return { workflowIds: workflows.map((workflow) => workflow.id), problems: found };
}
