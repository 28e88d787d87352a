import { BatonError } from "../../core/errors/errors.ts";
import { builtInTaskTypes } from "../../tasks/index.ts";
import { FolderCatalog } from "../../workflow/catalog.ts";
import type { TaskTypes } from "../../workflow/data-workflow.ts";
import { listWorkflowFiles, type WorkflowFile } from "../../workflow/files/folder-files.ts";
import type { BuiltWorkflow } from "../../workflow/workflow.ts";
import { loadWorkflowFile } from "../../workflow/workflow-file.ts";

/** No server reloads a file that often. */
const firstCopy = 1_000_000;
let copies = firstCopy;

/**
 * Returns a function that loads a workflow of a folder again at each call, with its imports, so that each copy has
 * module variables of its own. Throws `WORKFLOW_UNKNOWN`, `WORKFLOW_FOLDER_MISSING`.
 */
export async function workflowCopies(
  folder: string,
  workflowId: string,
): Promise<() => Promise<BuiltWorkflow>> {
  const taskTypes = await new FolderCatalog({ folder, taskTypes: builtInTaskTypes }).taskTypes();
  for (const file of await listWorkflowFiles(folder))
    if (await loadCopy(file, workflowId, taskTypes)) return () => requireCopy(file, workflowId, taskTypes);
  throw unknown(workflowId);
}

async function requireCopy(
  file: WorkflowFile,
  workflowId: string,
  taskTypes: TaskTypes,
): Promise<BuiltWorkflow> {
  const copy = await loadCopy(file, workflowId, taskTypes);
  if (copy) return copy;
  throw unknown(workflowId);
}

async function loadCopy(
  file: WorkflowFile,
  workflowId: string,
  taskTypes: TaskTypes,
): Promise<BuiltWorkflow | undefined> {
  copies += 1;
  const { workflows } = await loadWorkflowFile(file, taskTypes, copies);
  return workflows.find(({ id }) => id === workflowId);
}

function unknown(workflowId: string): BatonError {
  return new BatonError("WORKFLOW_UNKNOWN", `No file holds the workflow "${workflowId}"`);
}
