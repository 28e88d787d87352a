import { randomBytes } from "node:crypto";
import * as z from "zod";
import { secretReferences } from "../configuration/secrets.ts";
import { BatonError } from "../core/errors/errors.ts";
import type { Diagnosis } from "../doctor/diagnose.ts";
import { rollbackCommand, secretCommands } from "./commands.ts";
import {
  askProjectNumber,
  askServingFunction,
  assertSameVariablesFile,
  commandEnvironment,
  commandEnvironmentText,
  environmentText,
  functionEnvironment,
  type ServingFunction,
  variableChanges,
} from "./function.ts";
import {
  type Deployment,
  deploymentFiles,
  infrastructureFolder,
  serviceAccountEmail,
  terraformVariables,
} from "./plan.ts";
import type { Deploying, Prepared } from "./prepare.ts";
import { commandFailure, commandLine, readJson, type Steps, withCondition } from "./run-steps.ts";
import { privateFlag } from "./settings.ts";
import { assertNoDeletions, assertStateToDeploy, plannedChanges } from "./terraform-plan.ts";
import { functionSecrets, isSecret, type TextVariables } from "./variables-file.ts";

export interface DeployedFunction {
  /** Its variables, without the secrets. */
  readonly environment: TextVariables;
  /** The file of variables for commands that look at the deployment; its path starts at the project's folder. */
  readonly commandFile: string;
  /** The revision that served before; undefined if there was none. */
  readonly previousRevision: string | undefined;
}

/**
 * Deploys what was prepared; undefined: without a function. Every step may be repeated. Throws `DEPLOY_…` errors
 * (forgotten variables, a missing state or secret, a plan that deletes data, a failed command) and those of `confirm`.
 */
export async function applyDeployment(deploying: Deploying): Promise<DeployedFunction | undefined> {
  const { parts, deployment, target, workflows, infrastructure, steps, display } = deploying;
  const projectNumber = await askProjectNumber(deploying);
  // Also for the infrastructure alone: the same variables make both.
  const serving = projectNumber === undefined ? undefined : await askServingFunction(deploying);
  assertSameVariablesFile(deploying, serving);
  const environment =
    parts.includes("function") && projectNumber !== undefined
      ? functionEnvironment(deployment, target, { projectNumber, workflows })
      : undefined;
  if (environment && serving) display.variableChanges(variableChanges(deploying, environment, serving));
  if (parts.includes("infrastructure")) {
    writeTerraformVariables(deployment, steps);
    const { init, workspace, plan } = infrastructure;
    for (const command of [init, workspace, plan]) await steps.run(command);
    const changes = await plannedChanges(deploying);
    if (serving) assertStateToDeploy(deployment, changes);
    assertNoDeletions(infrastructure, changes);
  }
  await display.confirm(`Deploy this to the project ${deployment.projectId}?`);
  if (parts.includes("infrastructure")) await steps.run(infrastructure.apply);
  return environment && deployFunction(deploying, environment, serving);
}

export function writeTerraformVariables(deployment: Deployment, steps: Steps): void {
  const path = `${infrastructureFolder}/${deploymentFiles(deployment).terraformVariables}`;
  steps.write(path, `${JSON.stringify(terraformVariables(deployment), null, 2)}\n`);
}

/** `computed`: the variables, unless the infrastructure has other values. */
async function deployFunction(
  deploying: Deploying,
  computed: TextVariables,
  serving: ServingFunction | undefined,
): Promise<DeployedFunction> {
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
  const commandVariables = commandEnvironment(deployment, target, environment);
  steps.write(files.commandVariables, commandEnvironmentText(commandVariables), true);
  return { environment, commandFile: files.commandVariables, previousRevision: serving?.revision };
}

/** The function's variables by the output of the infrastructure. They win, so that the two can't disagree. */
async function infrastructureVariables(deploying: Deploying): Promise<TextVariables> {
  const { steps, infrastructure, deployment } = deploying;
  const { projectId, prefix } = deployment;
  const reason = "the output function_environment is no map of texts";
  const variables = await readJson(steps, infrastructure.output, z.record(z.string(), z.string()), reason);
  const { BATON_PROJECT: outputProject, BATON_PREFIX: outputPrefix } = variables;
  // With the variables of another deployment, the function would work on its data.
  if (outputProject !== projectId || outputPrefix !== prefix)
    throw commandFailure(
      infrastructure.output,
      `it belongs to the deployment ${outputPrefix} of the project ${outputProject}, not to ${prefix} of ${projectId}`,
    );
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !isSecret(name)));
}

/** Adds a version to each secret of the function that has none. Throws `DEPLOY_SECRET_MISSING`. */
async function ensureSecretVersions(deploying: Deploying, condition: string | undefined): Promise<void> {
  const { deployment, steps } = deploying;
  const { environment } = deploying.target;
  const references: readonly string[] = secretReferences(environment);
  for (const [variable, secret] of functionSecrets(deployment)) {
    const { list, add } = secretCommands(deployment, secret);
    const versions = await steps.run(withCondition(list, condition), { captures: true });
    if (versions.trim() !== "") continue;
    const isGenerated = variable === "BATON_CALLBACK_SECRET";
    const input =
      (references.includes(variable) ? undefined : environment[variable]) ??
      (isGenerated ? `whsec_${randomBytes(32).toString("base64")}` : undefined);
    if (input === undefined) {
      const message = `${secret} has no version, and ${variable} does not hold the secret`;
      throw new BatonError("DEPLOY_SECRET_MISSING", message, { where: commandLine(add) });
    }
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
  const member = `serviceAccount:${account}`;
  const isInvoker = policy?.bindings.some(
    ({ role, members }) => role === "roles/run.invoker" && members.includes(member),
  );
  if (isInvoker) return;
  if (policy || isWhole) await steps.run(gcloud.invoker);
  else
    display.warn(
      `It can't be seen whether ${account} may call the function. If messages do not arrive, an owner has to ` +
        `run: ${commandLine(gcloud.invoker)}`,
    );
}

/** Runs the doctor with the variables of the function, and with the credentials of this shell. */
export async function checkDeployment(
  { target, deployment }: Prepared,
  { environment }: DeployedFunction,
): Promise<Diagnosis> {
  const { diagnose } = await import("../doctor/diagnose.ts");
  return diagnose({
    ...target.environment,
    ...commandEnvironment(deployment, target, environment),
    BATON_WORKFLOWS: target.configuration.workflows,
  });
}
