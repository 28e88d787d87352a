import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { access, constants, rm, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Configuration, readConfiguration, variableProblems } from "../configuration/configuration.ts";
import { EnvironmentSchema, powerBiRequirements } from "../configuration/environment.ts";
import {
  resolveSecret,
  secretReferences,
  type TaskSecretSettings,
  taskSecrets,
} from "../configuration/secrets.ts";
import { parseVariables, type RawEnvironment, type VariableProblem } from "../configuration/variables.ts";
import { errorCatalog } from "../core/errors/error-catalog.ts";
import { BatonError, errorMessage, TaskError } from "../core/errors/errors.ts";
import { defaults } from "../core/limits.ts";
import { taskSecretPrefix, taskSecretReferences } from "../core/template/secret-references.ts";
import { quoteForShell } from "../core/values/text.ts";
import { queueNames } from "../core/workflow/definition.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import { namedDataformAccounts } from "../tasks/dataform.ts";
import type { FolderCatalog } from "../workflow/catalog.ts";
import { type CheckGroup, type CheckResult, checkResult, singleCheck, unknownResult } from "./check.ts";

/** Replaces a bucket that no variable names. */
export const placeholderBucket = "no-bucket";

/**
 * Checks all variables, as for a process that accepts messages, and reads the configuration without wrong features. It
 * is undefined if the variables are too wrong for further checks.
 */
export async function checkConfiguration(environment: RawEnvironment) {
  const secrets = await readSecrets(environment);
  const values: RawEnvironment = Object.fromEntries(secrets.map(([variable, value]) => [variable, value]));
  const variables = { ...environment, ...values };
  const { problems: malformed } = parseVariables(EnvironmentSchema, variables);
  const missing = variableProblems(variables, { serves: true });
  // A secret that can't be read has its own result.
  const others = missing.filter(({ variable }) => variables[variable] || !(variable in values));
  const results = [...malformed, ...others].map(({ variable, message }) =>
    checkVariable(variable, message, variables[variable] ? "it is wrong" : "it is missing"),
  );
  const allRight = checkVariable("all", "every required variable, in its form");
  const isReadable = malformed.length === 0 && !missing.some(({ variable }) => variable === "BATON_PROJECT");
  const ofSecrets = secrets.map(([variable, , error]) => checkSecret(variable, error));
  return {
    results: [...(results.length === 0 ? [allRight] : results), ...ofSecrets],
    configuration: isReadable ? readConfiguration(readable(variables, missing)) : undefined,
  };
}

/** Leaves out features whose variables are wrong, so that everything else is checked. */
function readable(variables: RawEnvironment, problems: readonly VariableProblem[]): RawEnvironment {
  const wrong = problems.map(({ variable }) => variable);
  const areWrong = (names: readonly string[]) => names.some((name) => wrong.includes(name));
  const left: readonly string[] = [
    ...wrong,
    ...(areWrong(powerBiRequirements) ? powerBiRequirements : []),
    // Its queues need the other three.
    ...(areWrong(["BATON_LOCATION", "BATON_AUDIENCE", "BATON_CALLERS"]) ? ["BATON_QUEUES"] : []),
  ];
  const known = Object.entries(variables).filter(([name, value]) => value && !left.includes(name));
  return { BATON_BUCKET: placeholderBucket, ...Object.fromEntries(known) };
}

function checkVariable(subject: string, expected: string, found?: string): CheckResult {
  return checkResult("configuration.variables", subject, {
    holds: found === undefined,
    found: found ?? "nothing is missing",
    expected,
    remedy: "Set it for the function and for this command; docs/configuration.md has all variables.",
  });
}

type ReadSecret = readonly [variable: string, value: string | undefined, error?: unknown];

async function readSecrets(environment: RawEnvironment): Promise<readonly ReadSecret[]> {
  try {
    return await Promise.all(
      secretReferences(environment).map((variable) =>
        resolveSecret(environment, variable).then(
          (value): ReadSecret => [variable, value],
          (error: unknown): ReadSecret => [variable, undefined, error],
        ),
      ),
    );
  } catch (error) {
    if (error instanceof BatonError) return [[error.where ?? "", undefined, error]];
    throw error;
  }
}

function checkSecret(subject: string, error: unknown, expected = "the secret that it names"): CheckResult {
  return checkResult("configuration.secrets", subject, {
    holds: error === undefined,
    found: error === undefined ? "it can be read" : errorMessage(error),
    expected,
    remedy: remedyOf(error),
  });
}

function remedyOf(error: unknown): string {
  return error instanceof BatonError ? error.remedy : "See the message.";
}

/** What workflows need on Google Cloud: the queues of tasks, with the default queue, and Dataform's accounts. */
export function workflowNeeds(workflows: readonly DeployedWorkflow[]) {
  const queues = [...new Set([defaults.queue, ...queueNames(workflows)])].sort();
  return { queues, dataform: namedDataformAccounts(workflows) };
}
export type WorkflowNeeds = ReturnType<typeof workflowNeeds>;

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
  const id = "workflows.valid";
  try {
    return await checkCatalog(secrets, deployed ?? folder);
  } catch (error) {
    const remedy = remedyOf(error);
    const found = errorMessage(error);
    if (!deployed) {
      const result = checkResult(id, "workflows", { found, expected: "a folder of workflow files", remedy });
      return { results: [result], needs: workflowNeeds([]) };
    }
    const inFolder = await checkWorkflowFiles(secrets, folder);
    if (error instanceof BatonError && error.code === "WORKFLOW_FOLDER_MISSING") return inFolder;
    const why = `Those that were applied can't be read: ${found}`;
    const applied = unknownResult(id, "applied workflows", why, remedy);
    return { ...inFolder, results: [...inFolder.results, applied] };
  }
}

async function checkCatalog(secrets: TaskSecretSettings, catalog: FolderCatalog): Promise<CheckedWorkflows> {
  const workflows = await catalog.all();
  const invalid = (await catalog.problems()).map(({ code, message, where }) =>
    checkResult("workflows.valid", where, {
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
  const results = [...users].map(([name, named]) => {
    const tasks = named.map(({ workflowId, taskId }) => `${workflowId}/${taskId}`).join(", ");
    const check = (error?: unknown) =>
      checkSecret(`${taskSecretPrefix}${name}`, error, `the secret that ${tasks} names`);
    return secrets.read(name).then(() => check(), check);
  });
  return Promise.all(results);
}

const leastFreeBytes = 1024 ** 3;

/** How long to wait for another process that uses the warehouse file. */
const lockWaitMs = 2_000;

/** What the embedded engine needs on this machine. */
export function localGroups({ data, inbox, warehouse, objects }: Configuration): CheckGroup[] {
  return [
    folderGroup(data),
    diskGroup(data),
    ...(objects === "folder" ? [inboxGroup(inbox)] : []),
    ...(warehouse === "duckdb" ? [warehouseGroup(join(data, "warehouse.duckdb"))] : []),
  ];
}

export function nodeGroup(): CheckGroup {
  const { node } = process.versions;
  const [major, minor = 0] = node.split(".").map(Number);
  return singleCheck("node.version", "Node.js", () => ({
    holds: (major === 22 && minor >= 18) || major === 24 || major === 26,
    found: node,
    expected: "22.18 or a newer 22, 24 or 26",
    severity: "warning",
    remedy: "Install Node 24.",
  }));
}

/** Writes a file: a disk may be full or read-only although the rights allow it. */
function folderGroup(folder: string): CheckGroup {
  return singleCheck("data.folder", folder, async () => {
    const existing = nearestExisting(folder);
    const probe = join(existing, `.baton-doctor-${randomUUID()}`);
    const problem = await failureMessage(writeFile(probe, "").then(() => rm(probe)));
    return {
      holds: problem === undefined,
      found: problem ?? (existing === folder ? "it can be written to" : `it can be created in ${existing}`),
      expected: "a folder that can be written to",
      remedy: "Make the folder writable for this user, or set BATON_DATA to another.",
    };
  });
}

function diskGroup(folder: string): CheckGroup {
  return singleCheck("data.disk", folder, async () => {
    const { bavail, bsize } = await statfs(nearestExisting(folder));
    const freeBytes = bavail * bsize;
    return {
      holds: freeBytes >= leastFreeBytes,
      found: `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`,
      expected: "1 GiB or more",
      severity: "warning",
      remedy: "Free some space, or set BATON_DATA to a folder of another disk.",
    };
  });
}

/** The folder, or the first above it that exists. */
function nearestExisting(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestExisting(dirname(folder));
}

function failureMessage(action: Promise<void>): Promise<string | undefined> {
  return action.then(() => undefined, errorMessage);
}

function inboxGroup({ folder, configured }: Configuration["inbox"]): CheckGroup {
  return singleCheck("data.inbox", folder, async () => {
    const problem = await failureMessage(access(folder, constants.R_OK));
    const missing = configured ? problem : "it is created at the first start";
    return {
      holds: problem === undefined || !configured,
      found: problem === undefined ? "it exists" : String(missing),
      expected: "a folder that can be read",
      remedy: "Create the folder, or set BATON_INBOX to one that exists.",
      commands: [`mkdir -p ${quoteForShell(folder)}`],
    };
  });
}

function warehouseGroup(file: string): CheckGroup {
  return singleCheck("data.warehouse", file, async (signal) => {
    const exists = existsSync(file);
    const problem = exists ? await openWarehouse(file, signal) : undefined;
    const isBusy = problem?.code === "WAREHOUSE_LOCKED";
    return {
      holds: problem === undefined,
      found: problem?.message ?? (exists ? "it can be read" : "it is created with the first query"),
      expected: "no such file yet, or a DuckDB file",
      severity: isBusy ? "warning" : "failed",
      remedy: isBusy
        ? "Another process is using it: run this again."
        : "Restore the file from a backup, or move it away to start with an empty one.",
    };
  });
}

/** Opens the file and closes it again; returns the failure. */
async function openWarehouse(file: string, signal: AbortSignal): Promise<TaskError | BatonError | undefined> {
  const { DatabaseFile } = await import("../adapters/duckdb/database-file.ts");
  const database = new DatabaseFile(file, { lockWaitMs });
  try {
    await database.use(signal, async (connection) => connection.run("SELECT 1"));
    return undefined;
  } catch (error) {
    if (error instanceof TaskError || error instanceof BatonError) return error;
    throw error;
  } finally {
    await database.close();
  }
}
