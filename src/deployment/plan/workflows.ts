import { BatonError } from "../../core/errors.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { builtInTaskTypes } from "../../tasks/index.ts";
import { FolderCatalog } from "../../workflow/catalog.ts";

/** The workflows that can be read: enough to take a deployment away. */
export async function readableWorkflows(folder: string): Promise<readonly DeployedWorkflow[]> {
  return new FolderCatalog({ folder, taskTypes: builtInTaskTypes }).all().catch(() => []);
}

/** The workflows of the folder, all of them valid. Throws `WORKFLOW_INVALID` with every problem, `DEPLOY_NOTHING`, `WORKFLOW_FOLDER_MISSING`. */
export async function loadWorkflows(folder: string): Promise<readonly DeployedWorkflow[]> {
  const catalog = new FolderCatalog({ folder, taskTypes: builtInTaskTypes });
  const workflows = await catalog.all();
  const problems = await catalog.problems();
  if (problems.length > 0) {
    const lines = problems.map(({ code, message, where }) => `${where}: ${code}: ${message}`);
    throw new BatonError("WORKFLOW_INVALID", `Nothing was deployed:\n${lines.join("\n")}`);
  }
  if (workflows.length === 0)
    throw new BatonError("DEPLOY_NOTHING", "There is no workflow", { where: folder });
  return workflows;
}
