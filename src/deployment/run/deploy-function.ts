import { join } from "node:path";
import { commandEnvironment, commandEnvironmentText } from "../plan/command-environment.ts";
import { deploymentFiles } from "../plan/files.ts";
import { environmentText } from "../plan/function-environment.ts";
import { type Command, functionCommands, rollbackCommand } from "./commands.ts";
import { type FunctionVariables, variablesOfFunction } from "./function-variables.ts";
import { ensureInvoker } from "./invoker.ts";
import type { Prepared } from "./prepare.ts";
import type { RunStep, Show } from "./run-step.ts";
import { ensureSecretVersions } from "./secret-versions.ts";
import type { ServingFunction } from "./serving.ts";
import type { VariableChange } from "./variable-changes.ts";
import { writeForOwner } from "./written-files.ts";

export interface DeployedFunction {
  /** Its variables, but for the secrets. */
  readonly environment: FunctionVariables;
  /** Holds the variables with which commands look at it; from the project's folder. */
  readonly commandFile: string;
  /** The revision that served before; undefined when there was none. */
  readonly previousRevision: string | undefined;
}

/** How a deployment is shown to whoever waits for it. */
export interface ShowDeployment extends Show {
  /** In the variables of a function that is there, before the question. */
  changes(found: readonly VariableChange[]): void;
  warn(text: string): void;
  /** After a failure that may have left the new revision to serve. */
  wayBack(command: Command): void;
}

/** What is known of the function before anything is changed. */
interface FunctionBefore {
  /** Its variables after the deployment, as far as the infrastructure does not say otherwise. */
  readonly computed: FunctionVariables;
  readonly serving: ServingFunction | undefined;
}

interface DeployOptions {
  readonly run: RunStep;
  readonly show: ShowDeployment;
  readonly before: FunctionBefore;
}

/** Throws `DEPLOY_SECRET_MISSING`, `DEPLOY_FAILED`. */
export async function deployFunction(
  prepared: Prepared,
  { run, show, before }: DeployOptions,
): Promise<DeployedFunction> {
  const { root, deployment, target, parts } = prepared;
  const { serving } = before;
  const commands = functionCommands(deployment);
  const files = deploymentFiles(deployment);
  const environment = await variablesOfFunction(prepared, run, before.computed);
  // Who deploys only new versions may neither read the list of secrets nor say who may call the function.
  const isWhole = parts.includes("infrastructure") || serving === undefined;
  if (isWhole) await ensureSecretVersions(deployment, target.environment, run);
  await run(commands.package);
  writeForOwner(join(root, files.functionVariables), environmentText(environment));
  try {
    await run(isWhole ? commands.deploy : commands.redeploy);
    await ensureInvoker(deployment, run, { isWhole, warn: (text) => show.warn(text) });
    await run(commands.traffic);
  } catch (error) {
    if (serving?.revision !== undefined) show.wayBack(rollbackCommand(deployment, serving.revision));
    throw error;
  }
  const ofCommands = commandEnvironment(deployment, target, environment);
  writeForOwner(join(root, files.commandVariables), commandEnvironmentText(ofCommands));
  return { environment, commandFile: files.commandVariables, previousRevision: serving?.revision };
}
