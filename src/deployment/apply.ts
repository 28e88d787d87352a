import { randomBytes } from "node:crypto";
import * as z from "zod";
import { withoutReferences } from "../configuration/secrets.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError } from "../core/errors/errors.ts";
import { fieldsAddress, rollbackCommand, secretCommands } from "./commands.ts";
import { deployConsole, removeConsole } from "./deploy-console.ts";
import {
  askProjectNumber,
  askServingFunction,
  assertSameVariablesFile,
  commandEnvironment,
  commandEnvironmentText,
  environmentText,
  functionEnvironment,
  isCloudRunEnabled,
  type ServingFunction,
  variableChanges,
} from "./function.ts";
import { writeInfrastructure } from "./infrastructure-files.ts";
import {
  type Deployment,
  deploymentFiles,
  infrastructureFolder,
  serviceAccountEmail,
  terraformVariables,
} from "./plan.ts";
import type { Deploying, Prepared } from "./prepare.ts";
import { privateFlag } from "./settings.ts";
import {
  assertNoDeletions,
  assertStateToDeploy,
  assertStateToRemove,
  plannedChanges,
  protectedResources,
  readState,
  shownResources,
} from "./terraform-plan.ts";
import {
  commandFailure,
  commandLine,
  readJson,
  type StateResource,
  type Steps,
  withCondition,
} from "./tools.ts";
import { functionSecrets, isSecret, type TextVariables } from "./variables-file.ts";

export type DeployedFunction = Awaited<ReturnType<typeof deployFunction>>;

/**
 * Deploys what was prepared; undefined: without a function. Every step may be repeated. Throws `DEPLOY_…` errors
 * (forgotten variables, a missing state or secret, a plan that deletes data, a failed command) and those of `confirm`.
 */
export async function applyDeployment(deploying: Deploying): Promise<DeployedFunction | undefined> {
  const { parts, deployment, target, infrastructure, steps, display } = deploying;
  const projectNumber = await askProjectNumber(deploying);
  // Also for the infrastructure alone: the same variables make both.
  const serving = projectNumber === undefined ? undefined : await askServingFunction(deploying);
  assertSameVariablesFile(deploying, serving);
  const environment =
    parts.includes("function") && projectNumber !== undefined
      ? functionEnvironment(deployment, target, { projectNumber })
      : undefined;
  if (environment && serving) display.variableChanges(variableChanges(deploying, environment, serving));
  if (parts.includes("infrastructure")) {
    writeInfrastructure(deploying.root, steps);
    writeTerraformVariables(deployment, steps);
    const { init, workspace, plan } = infrastructure;
    for (const command of [init, workspace, plan]) await steps.run(command);
    const changes = await plannedChanges(deploying);
    if (serving) assertStateToDeploy(deployment, changes);
    assertNoDeletions(infrastructure, changes);
  }
  await display.confirm(`Deploy this to the project ${deployment.projectId}?`);
  if (parts.includes("infrastructure")) await steps.run(infrastructure.apply);
  if (!environment || projectNumber === undefined) return undefined;
  return deployFunction(deploying, { computed: environment, projectNumber, serving });
}

function writeTerraformVariables(deployment: Deployment, steps: Steps): void {
  const path = `${infrastructureFolder}/${deploymentFiles(deployment).terraformVariables}`;
  steps.write(path, `${JSON.stringify(terraformVariables(deployment), null, 2)}\n`);
}

/** `computed`: the variables, unless the infrastructure has other values. */
async function deployFunction(
  deploying: Deploying,
  {
    computed,
    projectNumber,
    serving,
  }: {
    readonly computed: TextVariables;
    readonly projectNumber: string;
    readonly serving: ServingFunction | undefined;
  },
) {
  const { deployment, target, parts, gcloud, steps, display } = deploying;
  const files = deploymentFiles(deployment);
  const hasInfrastructure = parts.includes("infrastructure");
  const environment = {
    ...computed,
    ...(hasInfrastructure ? await infrastructureVariables(deploying) : {}),
  };
  // An account that deploys only new versions may neither list secrets nor set who may call the function.
  const isWhole = hasInfrastructure || serving === undefined;
  if (isWhole)
    await ensureSecretVersions(deploying, hasInfrastructure ? undefined : "when there is no function yet");
  await steps.run(gcloud.package);
  steps.write(files.functionVariables, environmentText(environment), true);
  const notPrivate = `without ${privateFlag} when there is a function already`;
  try {
    const { deploy, redeploy } = gcloud;
    await steps.run(isWhole ? withCondition(deploy, hasInfrastructure ? undefined : notPrivate) : redeploy);
    await ensureInvoker(deploying, isWhole);
    await steps.run(gcloud.traffic);
  } catch (error) {
    if (serving?.revision !== undefined) {
      const rollback = commandLine(rollbackCommand(deployment, serving.revision));
      display.warn(`The new revision may serve already. To go back:  ${rollback}`);
    }
    throw error;
  }
  const given = { functionVariables: environment, projectNumber, isWhole };
  const consoleUrl = await deployConsole(deploying, given);
  const commandVariables = commandEnvironment(deployment, target, environment);
  steps.write(files.commandVariables, commandEnvironmentText(commandVariables), true);
  return {
    /** Its variables, without the secrets. */
    environment,
    /** The file of variables for commands that look at the deployment; its path starts at the project's folder. */
    commandFile: files.commandVariables,
    /** The revision that served before; undefined if there was none. */
    previousRevision: serving?.revision,
    /** Undefined: there is no console of its own. */
    consoleUrl,
  };
}

/** The function's variables by the output of the infrastructure. They win, so that the two can't disagree. */
async function infrastructureVariables(deploying: Deploying): Promise<TextVariables> {
  const { steps, infrastructure, deployment } = deploying;
  const { projectId, prefix } = deployment;
  const reason = "the output function_environment is no map of texts";
  const variables = await readJson(steps, infrastructure.output, z.record(z.string(), z.string()), reason);
  const { BATON_PROJECT: outputProject, BATON_PREFIX: outputPrefix } = variables;
  // With the variables of another deployment, the function would work on its data.
  const other = `it belongs to the deployment ${outputPrefix} of the project ${outputProject}`;
  if (outputProject !== projectId || outputPrefix !== prefix)
    throw commandFailure(infrastructure.output, `${other}, not to ${prefix} of ${projectId}`);
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !isSecret(name)));
}

/** Adds a version to each secret of the function that has none. Throws `DEPLOY_SECRET_MISSING`. */
async function ensureSecretVersions(deploying: Deploying, condition: string | undefined): Promise<void> {
  const { deployment, steps } = deploying;
  const generated = { BATON_CALLBACK_SECRET: `whsec_${randomBytes(32).toString("base64")}` };
  const values: RawEnvironment = { ...generated, ...withoutReferences(deploying.target.environment) };
  for (const [variable, secret] of functionSecrets(deployment)) {
    const { list, add } = secretCommands(deployment, secret);
    const versions = await steps.run(withCondition(list, condition), { captures: true });
    if (versions.trim() !== "") continue;
    const input = values[variable];
    const message = `${secret} has no version, and ${variable} does not hold the secret`;
    if (input === undefined)
      throw new BatonError("DEPLOY_SECRET_MISSING", message, { where: commandLine(add) });
    await steps.run(withCondition(add, condition), { input });
  }
}

const BindingSchema = z.object({ role: z.string(), members: z.array(z.string()).default([]) });
const PolicySchema = z.object({ bindings: z.array(BindingSchema).default([]) });

/** Lets the account of pushes call the function, unless it may already. `isWhole`: the deploying account may grant. */
async function ensureInvoker(deploying: Deploying, isWhole: boolean): Promise<void> {
  const { deployment, gcloud, steps, display } = deploying;
  const account = serviceAccountEmail(deployment, "push");
  const policy = await readJson(steps, gcloud.policy, PolicySchema).catch((error: unknown) => {
    if (error instanceof BatonError) return undefined;
    throw error;
  });
  const invokers = policy?.bindings.filter(({ role }) => role === "roles/run.invoker") ?? [];
  if (invokers.some(({ members }) => members.includes(`serviceAccount:${account}`))) return;
  const unseen =
    `It can't be seen whether ${account} may call the function. If messages do not arrive, an owner has to ` +
    `run: ${commandLine(gcloud.invoker)}`;
  if (policy || isWhole) await steps.run(gcloud.invoker);
  else display.warn(unseen);
}

/** Runs the doctor with the variables of the function, and with the credentials of this shell. */
export async function checkDeployment({ target, deployment }: Prepared, { environment }: DeployedFunction) {
  const { diagnose } = await import("../doctor/diagnose.ts");
  return diagnose({
    ...target.environment,
    ...commandEnvironment(deployment, target, environment),
    BATON_WORKFLOWS: target.configuration.workflows,
  });
}

/**
 * Removes a deployment with all its data; returns the resources that the state of Terraform held. Throws
 * `DEPLOY_STATE_MISSING`, `DEPLOY_WOULD_DELETE`, `DEPLOY_FAILED`, and the errors of `confirm`.
 */
export async function destroyDeployment(deploying: Deploying): Promise<readonly StateResource[]> {
  const { deployment, parts, infrastructure, gcloud, steps, display } = deploying;
  const { prefix, projectId } = deployment;
  const hasState = parts.includes("infrastructure");
  const projectNumber = (await askProjectNumber(deploying)) ?? "";
  if (hasState) writeInfrastructure(deploying.root, steps);
  if (hasState)
    for (const command of [infrastructure.init, infrastructure.existing]) await steps.run(command);
  const state = hasState ? await readState(deploying) : [];
  const resources = shownResources(state);
  const serves = parts.includes("function") && (await functionExists(deploying));
  if (hasState) {
    if (serves) assertStateToRemove(deployment, resources);
    display.removal(resources);
  }
  const effect = `This deletes the deployment ${prefix} of the project ${projectId}, and all of its data.`;
  await display.confirm(`${effect} Type ${prefix} to continue:`);
  if (hasState) await liftProtection(deploying, protectedResources(state));
  if (serves) await removeConsole(deploying, projectNumber);
  if (serves) await steps.run(gcloud.remove);
  if (resources.some(({ address }) => address.startsWith(`${fieldsAddress}[`)))
    await steps.run(infrastructure.forgetFields);
  if (hasState) await steps.run(infrastructure.destroy);
  return resources;
}

async function functionExists(deploying: Deploying): Promise<boolean> {
  if (!(await isCloudRunEnabled(deploying))) return false;
  return (await deploying.steps.run(deploying.gcloud.present, { captures: true })).trim() !== "";
}

/**
 * Lifts the protection by an apply of the protected resources alone: a whole apply would create what is missing, and
 * fail where a first deployment did. If nothing is protected, no apply may run: it would create again what an earlier
 * removal has deleted.
 */
async function liftProtection(
  deploying: Deploying,
  resources: ReturnType<typeof protectedResources>,
): Promise<void> {
  const { deployment, infrastructure, steps } = deploying;
  const settings = { ...deployment.settings, BATON_DEPLOY_DELETE_PROTECTION: false };
  writeTerraformVariables({ ...deployment, settings }, steps);
  if (resources.length === 0) return;
  const condition = "when it is protected against deletion";
  // An apply would replace a tainted resource: delete it while it is still protected.
  for (const { address } of resources.filter(({ tainted }) => tainted))
    await steps.run(withCondition(infrastructure.untaint(address), `${condition}, and tainted`));
  const plan = infrastructure.targetedPlan(resources.map(({ address }) => address));
  await steps.run(withCondition(plan, condition));
  // With the names of another deployment, this one would be replaced by it. Tainted resources are deleted anyway.
  const others = (await plannedChanges(deploying)).filter(({ isTainted }) => !isTainted);
  assertNoDeletions(infrastructure, others);
  await steps.run(withCondition(infrastructure.apply, condition));
}
