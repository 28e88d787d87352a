import { randomBytes } from "node:crypto";
import * as z from "zod";
import { secretReferences } from "../configuration/secrets.ts";
import { BatonError } from "../core/errors/errors.ts";
import type { Diagnosis } from "../doctor/diagnose.ts";
import { functionCommands, rollbackCommand, secretCommands } from "./commands.ts";
import {
  commandEnvironment,
  commandEnvironmentText,
  environmentText,
  functionEnvironment,
  functionSecrets,
  type TextVariables,
} from "./function.ts";
import {
  type Deployment,
  deploymentFiles,
  infrastructureFolder,
  serviceAccountEmail,
  terraformVariables,
} from "./plan.ts";
import type { Prepared } from "./prepare.ts";
import {
  commandFailure,
  commandLine,
  type Display,
  readJson,
  type Steps,
  withCondition,
} from "./run-steps.ts";
import {
  askProjectNumber,
  askServingFunction,
  assertSameVariablesFile,
  type ServingFunction,
  variableChanges,
} from "./serving.ts";
import { privateFlag } from "./settings.ts";
import { assertNoDeletions, assertStateToDeploy, plannedChanges } from "./terraform-json.ts";
import { isSecret } from "./variables-file.ts";

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
export async function applyDeployment(
  prepared: Prepared,
  steps: Steps,
  display: Display,
): Promise<DeployedFunction | undefined> {
  const { parts, deployment, target, workflows } = prepared;
  const projectNumber = await askProjectNumber(prepared, steps);
  // Also for the infrastructure alone: the same variables make both.
  const serving = projectNumber === undefined ? undefined : await askServingFunction(prepared, steps);
  assertSameVariablesFile(prepared, serving);
  const environment =
    parts.includes("function") && projectNumber !== undefined
      ? functionEnvironment(deployment, target, { projectNumber, workflows })
      : undefined;
  if (environment && serving) display.variableChanges(variableChanges(prepared, environment, serving));
  const confirm = () => display.confirm(`Deploy this to the project ${deployment.projectId}?`);
  if (parts.includes("infrastructure")) {
    const { init, workspace, plan, apply } = prepared.infrastructure;
    writeTerraformVariables(deployment, steps);
    for (const command of [init, workspace, plan]) await steps.run(command);
    const changes = await plannedChanges(prepared, steps);
    assertStateToDeploy(prepared, changes, serving !== undefined);
    assertNoDeletions(prepared, changes);
    await confirm();
    await steps.run(apply);
  } else await confirm();
  return environment && deployFunction(prepared, { steps, display, environment, serving });
}

export function writeTerraformVariables(deployment: Deployment, steps: Steps): void {
  const path = `${infrastructureFolder}/${deploymentFiles(deployment).terraformVariables}`;
  steps.write(path, `${JSON.stringify(terraformVariables(deployment), null, 2)}\n`);
}

interface FunctionDeployment {
  readonly steps: Steps;
  readonly display: Display;
  /** The variables, unless the infrastructure has other values. */
  readonly environment: TextVariables;
  readonly serving: ServingFunction | undefined;
}

async function deployFunction(
  prepared: Prepared,
  { steps, display, serving, ...computed }: FunctionDeployment,
): Promise<DeployedFunction> {
  const { deployment, target, parts } = prepared;
  const commands = functionCommands(deployment);
  const files = deploymentFiles(deployment);
  const hasInfrastructure = parts.includes("infrastructure");
  const environment = {
    ...computed.environment,
    ...(hasInfrastructure ? await infrastructureVariables(prepared, steps) : {}),
  };
  // An account that deploys only new versions may neither list secrets nor set who may call the function.
  const isWhole = hasInfrastructure || serving === undefined;
  if (isWhole)
    await ensureSecretVersions(
      prepared,
      steps,
      hasInfrastructure ? undefined : "when there is no function yet",
    );
  await steps.run(commands.package);
  steps.write(files.functionVariables, environmentText(environment), true);
  const notPrivate = `without ${privateFlag} when there is a function already`;
  try {
    const { deploy, redeploy } = commands;
    await steps.run(isWhole ? withCondition(deploy, hasInfrastructure ? undefined : notPrivate) : redeploy);
    await ensureInvoker(deployment, { steps, display, isWhole });
    await steps.run(commands.traffic);
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
async function infrastructureVariables(
  { deployment: { projectId, prefix }, infrastructure: { output } }: Prepared,
  steps: Steps,
): Promise<TextVariables> {
  const reason = "the output function_environment is no map of texts";
  const variables = await readJson(steps, output, reason, (json) =>
    z.record(z.string(), z.string()).parse(json),
  );
  const { BATON_PROJECT: outputProject, BATON_PREFIX: outputPrefix } = variables;
  // With the variables of another deployment, the function would work on its data.
  if (outputProject !== projectId || outputPrefix !== prefix)
    throw commandFailure(
      output,
      `it is of the deployment ${outputPrefix} of the project ${outputProject}, not of ${prefix} of ${projectId}`,
    );
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !isSecret(name)));
}

/** Adds a version to each secret of the function that has none. Throws `DEPLOY_SECRET_MISSING`. */
async function ensureSecretVersions(
  { deployment, target: { environment } }: Prepared,
  steps: Steps,
  condition: string | undefined,
): Promise<void> {
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

const PolicySchema = z.object({
  bindings: z.array(z.object({ role: z.string(), members: z.array(z.string()).default([]) })).default([]),
});

/** Lets the account of pushes call the function, unless it may already. `isWhole`: the deploying account may grant. */
async function ensureInvoker(
  deployment: Deployment,
  { steps, display, isWhole }: Pick<FunctionDeployment, "steps" | "display"> & { readonly isWhole: boolean },
): Promise<void> {
  const { invoker, policy } = functionCommands(deployment);
  const account = serviceAccountEmail(deployment, "push");
  const bindings = await readJson(
    steps,
    policy,
    "its answer can't be read",
    (json) => PolicySchema.parse(json).bindings,
  ).catch((error: unknown) => {
    if (error instanceof BatonError) return undefined;
    throw error;
  });
  const member = `serviceAccount:${account}`;
  if (bindings?.some(({ role, members }) => role === "roles/run.invoker" && members.includes(member))) return;
  if (bindings || isWhole) await steps.run(invoker);
  else
    display.warn(
      `It can't be seen whether ${account} may call the function. If messages do not arrive, an owner has to run: ${commandLine(invoker)}`,
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
