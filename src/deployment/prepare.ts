import { problemsText, type RawEnvironment } from "../configuration/variables.ts";
import { BatonError } from "../core/errors/errors.ts";
import { taskSecretPrefix, unconfiguredSecrets } from "../core/template/secret-references.ts";
import { daySeconds } from "../core/values/time.ts";
import { queueNames, timeoutsBeyondFunction } from "../core/workflow/definition.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import { namedDataformAccounts } from "../tasks/dataform.ts";
import { functionCommands, infrastructureCommands } from "./commands.ts";
import { planPackage } from "./package.ts";
import { type Deployment, loadWorkflows, type Part, planDeployment, readableWorkflows } from "./plan.ts";
import { readTarget, type Target, type TargetOptions } from "./target.ts";
import type { Progress } from "./tools.ts";
import { findTools, stateWarnings, terraformPrograms } from "./tools.ts";

/** Settings that work, but may be mistakes. */
function planWarnings(deployment: Deployment, workflows: readonly DeployedWorkflow[]): string[] {
  const { prefix, databaseId, dataset, queueLimits, settings, dataformAccounts } = deployment;
  const shared = [
    ...(databaseId === "(default)" ? [`BATON_DATABASE (it is ${databaseId})`] : []),
    ...(dataset === "baton" ? [`BATON_DATASET (it is ${dataset})`] : []),
  ];
  const queues = new Set([...queueNames(workflows), ...settings.BATON_DEPLOY_QUEUES]);
  const { named, unnamed } = namedDataformAccounts(workflows);
  const warnings: string[] = [];
  if (prefix !== "baton" && shared.length > 0)
    warnings.push(
      `The prefix is ${prefix}, and ${shared.join(" and ")} did not change with it: ` +
        "another deployment may use the same",
    );
  // Nearly always a misspelt name.
  for (const { queue } of queueLimits.filter(({ queue }) => !queues.has(queue)))
    warnings.push(
      `No workflow of the folder has a task in the queue ${queue} of BATON_QUEUES. If applied ` +
        "ones have: BATON_DEPLOY_QUEUES",
    );
  warnings.push(...expiredCallbackWarnings(deployment, workflows));
  if (unnamed.length > 0 && dataformAccounts.length <= named.length)
    warnings.push(
      `${unnamed.join(", ")}: no account is named that Dataform's actions run as: set ` +
        "serviceAccount or BATON_DATAFORM_ACCOUNTS",
    );
  warnings.push(...timeoutsBeyondFunction(workflows, deployment.functionTimeoutSeconds));
  if (settings.BATON_DEPLOY_ALERT_EMAILS.length === 0)
    warnings.push("BATON_DEPLOY_ALERT_EMAILS is not set: alerts are visible only in the console");
  return warnings;
}

/** A call that gets a cached result has its callback sent again, unless that was deleted after the retention. */
function expiredCallbackWarnings({ retentionDays }: Deployment, workflows: readonly DeployedWorkflow[]) {
  const effect = `keeps its result for longer than its callbacks (${retentionDays} days): later calls get none`;
  return workflows.flatMap(({ definition: { workflowId, tasks } }) =>
    tasks.flatMap(({ id, callback, idempotency }) => {
      if (!callback || !idempotency || idempotency.recurring) return [];
      const isExpired = idempotency.ttlSeconds > retentionDays * daySeconds;
      return isExpired ? [`Task ${id} of ${workflowId} ${effect}`] : [];
    }),
  );
}

/** What is known before anything is changed. */
export type Prepared = Readonly<Awaited<ReturnType<typeof prepareDeployment>>>;

/** A prepared deployment or removal whose steps are run, or recorded. */
export type Deploying = Prepared & Progress;

export interface PrepareOptions extends TargetOptions {
  /** The project's folder, which is the current one. */
  readonly root: string;
  readonly parts: readonly Part[];
  /** For a removal, problems of the workflows do not matter. */
  readonly removes: boolean;
  /** The output of Terraform is not shown on a terminal. */
  readonly isPlain: boolean;
}

/**
 * Reads the environment, the workflows, the folder and the tools. Calls no service. This process gets the variables of
 * the workflows.
 */
export async function prepareDeployment(environment: RawEnvironment, options: PrepareOptions) {
  const { root, parts, removes, isPlain } = options;
  const target = readTarget(environment, options);
  const toolEnvironment: RawEnvironment = { ...process.env };
  // Workflows find the same variables as in the function.
  Object.assign(process.env, target.ownVariables, target.ownSecrets);
  const { workflows: folder } = target.configuration;
  const loaded = await (removes ? readableWorkflows : loadWorkflows)(folder);
  if (!removes) assertSecrets(target, loaded);
  const deployment = planDeployment(target, loaded);
  const needed = parts.map((part) => (part === "infrastructure" ? "terraform" : "gcloud"));
  const programs = terraformPrograms(root, target.settings.BATON_DEPLOY_TERRAFORM);
  const tools = await findTools(needed, { ...toolEnvironment, PATH: environment.PATH }, programs);
  const warnings = [
    ...planWarnings(deployment, loaded),
    ...(parts.includes("infrastructure") ? stateWarnings(root) : []),
  ];
  return {
    ...{ root, parts, target, deployment, tools },
    /** The environment of the shell: tools do not get the variables of the workflows. */
    toolEnvironment,
    infrastructure: infrastructureCommands(deployment, tools.terraform, isPlain),
    gcloud: functionCommands(deployment, { root, workflows: folder }),
    /** Whether gcloud is needed, or at least installed. */
    asksForProject: parts.includes("function") || tools.hasGcloud,
    /** Why the project can't be deployed. */
    packageProblems: !removes && parts.includes("function") ? planPackage(root, folder).problems : [],
    /** In addition to those of the target. */
    warnings: removes ? [] : warnings,
  };
}

/** Without a reference, a task that names a secret would fail. Throws `CONFIGURATION_INVALID`. */
function assertSecrets({ ownSecrets }: Target, workflows: readonly DeployedWorkflow[]): void {
  const configured = Object.keys(ownSecrets)
    .filter((name) => name.startsWith(taskSecretPrefix))
    .map((name) => name.slice(taskSecretPrefix.length));
  const problems = unconfiguredSecrets(workflows, configured);
  const remedy =
    "Store it in Secret Manager, and put BATON_TASK_SECRET_<NAME>=secret:<name of the secret> into the file.";
  if (problems.length > 0) throw new BatonError("CONFIGURATION_INVALID", problemsText(problems), { remedy });
}

/** Throws `DEPLOY_TOOL_MISSING` and `DEPLOY_PACKAGE_INVALID`. */
export function assertReady({ tools, packageProblems: problems }: Prepared): void {
  if (tools.problems.length > 0) throw new BatonError("DEPLOY_TOOL_MISSING", tools.problems.join("\n"));
  if (problems.length > 0) throw new BatonError("DEPLOY_PACKAGE_INVALID", problems.join("\n"));
}
