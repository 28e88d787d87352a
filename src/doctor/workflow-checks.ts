import { type TaskSecretSettings, taskSecrets } from "../configuration/secrets.ts";
import { errorCatalog } from "../core/errors/error-catalog.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { defaults } from "../core/limits.ts";
import { taskSecretPrefix, taskSecretReferences } from "../core/template/secret-references.ts";
import { queueNames } from "../core/workflow/definition.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import { type DataformAccounts, namedDataformAccounts } from "../tasks/dataform.ts";
import type { FolderCatalog } from "../workflow/catalog.ts";
import { type CheckResult, checkResult, unknownResult } from "./check.ts";
import { checkSecret } from "./configuration-check.ts";

/** What workflows need on Google Cloud. */
export interface WorkflowNeeds {
  /** Queues that tasks name, and the default queue. */
  readonly queues: readonly string[];
  readonly dataform: DataformAccounts;
}

export function workflowNeeds(workflows: readonly DeployedWorkflow[]): WorkflowNeeds {
  const queues = [...new Set([defaults.queue, ...queueNames(workflows)])].sort();
  return { queues, dataform: namedDataformAccounts(workflows) };
}

interface CheckedWorkflows {
  readonly results: readonly CheckResult[];
  readonly needs: WorkflowNeeds;
}

/** Checks the workflows of the folder; with `deployed`, also the applied ones, which are in the database. */
export async function checkWorkflowFiles(
  secrets: TaskSecretSettings,
  folder: FolderCatalog,
  deployed?: FolderCatalog,
): Promise<CheckedWorkflows> {
  try {
    return await check(secrets, deployed ?? folder);
  } catch (error) {
    const remedy = error instanceof BatonError ? error.remedy : "See the message.";
    if (!deployed) return { results: [unreadable(error, remedy)], needs: workflowNeeds([]) };
    const inFolder = await checkWorkflowFiles(secrets, folder);
    if (error instanceof BatonError && error.code === "WORKFLOW_FOLDER_MISSING") return inFolder;
    const why = `Those that were applied can't be read: ${errorMessage(error)}`;
    const applied = unknownResult("workflows.valid", "applied workflows", why, remedy);
    return { ...inFolder, results: [...inFolder.results, applied] };
  }
}

async function check(secrets: TaskSecretSettings, catalog: FolderCatalog): Promise<CheckedWorkflows> {
  const workflows = await catalog.all();
  const invalid = (await catalog.problems()).map(({ code, message, where }) =>
    checkResult("workflows.valid", where, {
      holds: false,
      found: `${code}: ${message}`,
      expected: "a valid workflow",
      remedy: errorCatalog[code].remedy,
      commands: ["baton validate"],
    }),
  );
  const summary = checkResult("workflows.valid", "workflows", {
    holds: workflows.length > 0,
    found: workflows.map(({ definition }) => definition.workflowId).join(", ") || "no workflow",
    expected: "one workflow or more",
    severity: "warning",
    remedy: "Put a workflow into the folder of BATON_WORKFLOWS.",
  });
  const ofSecrets = await checkTaskSecrets(secrets, workflows);
  return { results: [...invalid, summary, ...ofSecrets], needs: workflowNeeds(workflows) };
}

/** Whether each secret that a task names is configured, and can be read. */
function checkTaskSecrets(
  settings: TaskSecretSettings,
  workflows: readonly DeployedWorkflow[],
): Promise<CheckResult[]> {
  const secrets = taskSecrets(settings);
  const users = Map.groupBy(taskSecretReferences(workflows), ({ name }) => name);
  return Promise.all(
    [...users].map(async ([name, named]) => {
      const error = await secrets.read(name).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      const tasks = named.map(({ workflowId, taskId }) => `${workflowId}/${taskId}`).join(", ");
      return checkSecret(`${taskSecretPrefix}${name}`, error, `the secret that ${tasks} names`);
    }),
  );
}

function unreadable(error: unknown, remedy: string): CheckResult {
  return checkResult("workflows.valid", "workflows", {
    holds: false,
    found: errorMessage(error),
    expected: "a folder of workflow files",
    remedy,
  });
}
