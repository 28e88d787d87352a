import { type TaskSecretSettings, taskSecrets } from "../composition/task-secrets.ts";
import { queuesNamedBy } from "../core/definition.ts";
import { errorCatalog } from "../core/error-catalog.ts";
import { BatonError, messageOf } from "../core/errors.ts";
import { defaults } from "../core/limits.ts";
import { secretsNamedBy, taskSecretPrefix } from "../core/named-secrets.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import { type DataformAccounts, dataformAccountsOf } from "../tasks/dataform-accounts.ts";
import type { FolderCatalog } from "../workflow/catalog.ts";
import { type CheckResult, judge, unknown } from "./check.ts";

export interface CheckedWorkflows {
  readonly results: readonly CheckResult[];
  /** Those that tasks name. */
  readonly queues: readonly string[];
  readonly dataform: DataformAccounts;
}

/**
 * What is wrong with the workflows, and the queues of those that are right. `deployed`: with those that were applied, which
 * are in the database; without it, the folder alone is looked at.
 */
export async function checkWorkflowFiles(
  secrets: TaskSecretSettings,
  folder: FolderCatalog,
  deployed?: FolderCatalog,
): Promise<CheckedWorkflows> {
  try {
    return await checked(secrets, deployed ?? folder);
  } catch (error) {
    if (!deployed) return { results: [unreadable(error)], ...namedBy([]) };
    const inFolder = await checkWorkflowFiles(secrets, folder);
    const why = `Those that were applied can't be read: ${messageOf(error)}`;
    const remedy = error instanceof BatonError ? error.remedy : "See the message.";
    const missed = unknown("workflows.valid", "applied workflows", why, remedy);
    return error instanceof BatonError && error.code === "WORKFLOW_FOLDER_MISSING"
      ? inFolder
      : { ...inFolder, results: [...inFolder.results, missed] };
  }
}

async function checked(secrets: TaskSecretSettings, catalog: FolderCatalog): Promise<CheckedWorkflows> {
  const workflows = await catalog.all();
  const problems = await catalog.problems();
  const names = workflows.map(({ definition }) => definition.workflowId);
  const results = problems.map(({ code, message, where }) =>
    judge("workflows.valid", {
      subject: where,
      holds: false,
      found: `${code}: ${message}`,
      expected: "a valid workflow",
      remedy: errorCatalog[code].remedy,
      commands: ["baton validate"],
    }),
  );
  const ofSecrets = await judgeSecrets(secrets, workflows);
  return { results: [...results, summary(names), ...ofSecrets], ...namedBy(workflows) };
}

/** Each secret that a task names is configured, and can be read where it is in Secret Manager. */
async function judgeSecrets(
  settings: TaskSecretSettings,
  workflows: readonly DeployedWorkflow[],
): Promise<CheckResult[]> {
  const secrets = taskSecrets(settings);
  const users = Map.groupBy(secretsNamedBy(workflows), ({ name }) => name);
  const judged = [...users].map(async ([name, named]) => {
    const error: unknown = await secrets.read(name).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    const tasks = named.map(({ workflowId, taskId }) => `${workflowId}/${taskId}`).join(", ");
    return judge("configuration.secrets", {
      subject: `${taskSecretPrefix}${name}`,
      holds: error === undefined,
      found: error === undefined ? "it can be read" : messageOf(error),
      expected: `the secret that ${tasks} names`,
      remedy: error instanceof BatonError ? error.remedy : "See the message.",
    });
  });
  return Promise.all(judged);
}

function namedBy(workflows: readonly DeployedWorkflow[]): Omit<CheckedWorkflows, "results"> {
  const queues = [...new Set([defaults.queue, ...queuesNamedBy(workflows)])].sort();
  return { queues, dataform: dataformAccountsOf(workflows) };
}

/** What the workflows name that can be read; the queue of tasks which name none is always one. */
export async function readableOf(folder: FolderCatalog): Promise<Omit<CheckedWorkflows, "results">> {
  return namedBy(await folder.all().catch(() => []));
}

function summary(names: readonly string[]): CheckResult {
  return judge("workflows.valid", {
    subject: "workflows",
    holds: names.length > 0,
    found: names.join(", ") || "there is none",
    expected: "one workflow or more",
    otherwise: "warning",
    remedy: "Put a workflow into the folder of BATON_WORKFLOWS.",
  });
}

function unreadable(error: unknown): CheckResult {
  return judge("workflows.valid", {
    subject: "workflows",
    holds: false,
    found: messageOf(error),
    expected: "a folder of workflow files",
    remedy: error instanceof BatonError ? error.remedy : "See the message.",
  });
}
