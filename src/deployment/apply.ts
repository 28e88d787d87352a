import { randomBytes } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { secretReferences } from "../configuration/secrets.ts";
import { BatonError } from "../core/errors/errors.ts";
import type { Diagnosis } from "../doctor/diagnose.ts";
import { type Command, commandLine, functionCommands, rollbackCommand, secretCommands } from "./commands.ts";
import {
  commandEnvironment,
  commandEnvironmentText,
  environmentText,
  functionEnvironment,
  functionSecrets,
  type TextVariables,
} from "./function.ts";
import {
  accountOf,
  type Deployment,
  deploymentFiles,
  infrastructureFolder,
  terraformVariables,
} from "./plan.ts";
import { assertReady, type Prepared } from "./prepare.ts";
import {
  askProjectNumber,
  askServingFunction,
  assertSameVariablesFile,
  type ServingFunction,
  type VariableChange,
  variableChanges,
} from "./serving.ts";
import { assertNoDeletions, assertStateToDeploy, plannedChanges } from "./terraform-json.ts";
import { commandFailure, type RunStep, readJson, type Show, stepsOf } from "./tools.ts";
import { isSecret } from "./variables-file.ts";

export interface DeployedFunction {
  /** Its variables, but for the secrets. */
  readonly environment: TextVariables;
  /** Holds the variables with which commands look at it; from the project's folder. */
  readonly commandFile: string;
  /** The revision that served before; undefined: there was none. */
  readonly previousRevision: string | undefined;
}

export interface ShowDeployment extends Show {
  /** In the variables of a function that exists, before the question. */
  changes(found: readonly VariableChange[]): void;
  warn(text: string): void;
  /** After a failure that may have left the new revision to serve. */
  wayBack(command: Command): void;
}

/**
 * Deploys what was prepared; undefined: no function. Every step may be repeated. Throws `DEPLOY_TOOL_MISSING`,
 * `DEPLOY_BUILD_STALE`, `DEPLOY_VARIABLES_FORGOTTEN`, `DEPLOY_STATE_MISSING`, `DEPLOY_WOULD_DELETE`, `DEPLOY_SECRET_MISSING`,
 * `DEPLOY_FAILED`, and what `confirm` throws.
 */
export async function applyDeployment(
  prepared: Prepared,
  show: ShowDeployment,
): Promise<DeployedFunction | undefined> {
  assertReady(prepared);
  const { parts, deployment, target, workflows } = prepared;
  const run = stepsOf(show, prepared.toolEnvironment);
  const projectNumber = await askProjectNumber(prepared, run);
  // Also where only the infrastructure is deployed: both are made by the same variables.
  const serving = projectNumber === undefined ? undefined : await askServingFunction(prepared, run);
  assertSameVariablesFile(prepared, serving);
  const computed =
    parts.includes("function") && projectNumber !== undefined
      ? functionEnvironment(deployment, target, { projectNumber, workflows })
      : undefined;
  if (computed && serving) show.changes(variableChanges(prepared, computed, serving));
  const confirm = () => show.confirm(`Deploy this to the project ${deployment.projectId}?`);
  if (parts.includes("infrastructure")) {
    const { init, workspace, plan, apply } = prepared.infrastructure;
    writeTerraformVariables(prepared, deployment);
    for (const command of [init, workspace, plan]) await run(command);
    const changes = await plannedChanges(prepared, run);
    assertStateToDeploy(prepared, changes, serving !== undefined);
    assertNoDeletions(prepared, changes);
    await confirm();
    await run(apply);
  } else await confirm();
  return computed && deployFunction(prepared, { run, show, computed, serving });
}

export function writeTerraformVariables({ root }: Prepared, deployment: Deployment): void {
  const path = join(root, infrastructureFolder, deploymentFiles(deployment).terraformVariables);
  writeFileSync(path, `${JSON.stringify(terraformVariables(deployment), null, 2)}\n`);
}

/** Only the owner may read it, even if an earlier version has left it open. */
function writeForOwner(path: string, text: string): void {
  const mode = 0o600;
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
}

interface DeployOptions {
  readonly run: RunStep;
  readonly show: ShowDeployment;
  /** The variables, unless the infrastructure says otherwise. */
  readonly computed: TextVariables;
  readonly serving: ServingFunction | undefined;
}

async function deployFunction(
  prepared: Prepared,
  { run, show, computed, serving }: DeployOptions,
): Promise<DeployedFunction> {
  const { root, deployment, target, parts } = prepared;
  const commands = functionCommands(deployment);
  const files = deploymentFiles(deployment);
  const environment = { ...computed, ...(await variablesOfInfrastructure(prepared, run)) };
  // Whoever deploys only new versions may neither list secrets nor set who may call the function.
  const isWhole = parts.includes("infrastructure") || serving === undefined;
  if (isWhole) await ensureSecretVersions(prepared, run);
  await run(commands.package);
  writeForOwner(join(root, files.functionVariables), environmentText(environment));
  try {
    await run(isWhole ? commands.deploy : commands.redeploy);
    await ensureInvoker(deployment, run, isWhole, show);
    await run(commands.traffic);
  } catch (error) {
    if (serving?.revision !== undefined) show.wayBack(rollbackCommand(deployment, serving.revision));
    throw error;
  }
  const ofCommands = commandEnvironment(deployment, target, environment);
  writeForOwner(join(root, files.commandVariables), commandEnvironmentText(ofCommands));
  return { environment, commandFile: files.commandVariables, previousRevision: serving?.revision };
}

/** What the infrastructure says of the function's variables wins, so that the two can't disagree. */
async function variablesOfInfrastructure(
  { deployment: { projectId, prefix }, infrastructure: { output }, parts }: Prepared,
  run: RunStep,
): Promise<TextVariables> {
  if (!parts.includes("infrastructure")) return {};
  const found = await readJson(run, output, {
    parse: (json) => z.record(z.string(), z.string()).parse(json),
    reason: "the output function_environment is no map of texts",
  });
  const { BATON_PROJECT: ofProject, BATON_PREFIX: ofPrefix } = found;
  // A function with the variables of another deployment would work on its data.
  if (ofProject !== projectId || ofPrefix !== prefix) {
    const reason = `it is of the deployment ${ofPrefix} of the project ${ofProject}, not of ${prefix} of ${projectId}`;
    throw commandFailure(output, reason);
  }
  return Object.fromEntries(Object.entries(found).filter(([name]) => !isSecret(name)));
}

/** Gives each secret of the function a version, unless it has one. Throws `DEPLOY_SECRET_MISSING`. */
async function ensureSecretVersions(
  { deployment, target: { environment } }: Prepared,
  run: RunStep,
): Promise<void> {
  const references: readonly string[] = secretReferences(environment);
  for (const [variable, secret] of functionSecrets(deployment)) {
    const { list, add } = secretCommands(deployment, secret);
    if ((await run(list, { captures: true })).trim() !== "") continue;
    const given = references.includes(variable) ? undefined : environment[variable];
    const generated =
      variable === "BATON_CALLBACK_SECRET" ? `whsec_${randomBytes(32).toString("base64")}` : undefined;
    const input = given ?? generated;
    if (input === undefined) {
      const message = `${secret} has no version, and ${variable} does not hold the secret`;
      throw new BatonError("DEPLOY_SECRET_MISSING", message, { where: commandLine(add) });
    }
    await run(add, { input });
  }
}

const PolicySchema = z.object({
  bindings: z.array(z.object({ role: z.string(), members: z.array(z.string()).default([]) })).default([]),
});

/** Lets the account that pushes call the function, unless it may already. `isWhole`: whoever deploys may also grant. */
async function ensureInvoker(
  deployment: Deployment,
  run: RunStep,
  isWhole: boolean,
  show: ShowDeployment,
): Promise<void> {
  const { invoker, policy } = functionCommands(deployment);
  const account = accountOf(deployment, "push");
  const parse = (json: unknown) => PolicySchema.parse(json).bindings;
  const bindings = await readJson(run, policy, { parse, reason: "its answer can't be read" }).catch(
    (error: unknown) => {
      if (error instanceof BatonError) return undefined;
      throw error;
    },
  );
  const member = `serviceAccount:${account}`;
  if (bindings?.some(({ role, members }) => role === "roles/run.invoker" && members.includes(member))) return;
  if (bindings || isWhole) await run(invoker);
  else
    show.warn(
      `It can't be seen whether ${account} may call the function. If messages do not arrive, an account with more rights has to run: ${commandLine(invoker)}`,
    );
}

/** Checks what was deployed as the function sees it, with the credentials of this shell. */
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
