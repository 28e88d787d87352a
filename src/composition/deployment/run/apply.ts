import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { BatonError } from "../../../core/errors.ts";
import {
  commandEnvironment,
  commandEnvironmentFile,
  commandEnvironmentText,
} from "../plan/command-environment.ts";
import { environmentFile, environmentText, functionEnvironment } from "../plan/function-environment.ts";
import { variablesFile, variablesText } from "../plan/variables.ts";
import { isSecret } from "../target/secret-names.ts";
import { type Command, commandLine, functionCommands } from "./commands.ts";
import { demandNoDeletions } from "./deletions.ts";
import { demandPackage } from "./package-check.ts";
import type { Prepared } from "./prepare.ts";
import { askProjectNumber } from "./project-number.ts";
import { type RunStep, type Show, stepsOf } from "./run-step.ts";
import { ensureSecretVersions } from "./secret-versions.ts";
import { demandTools } from "./tools.ts";

type FunctionVariables = Readonly<Record<string, string>>;

export interface DeployedFunction {
  /** Its variables, but for the secrets. */
  readonly environment: FunctionVariables;
  /** Holds the variables with which commands look at it; from the project's folder. */
  readonly commandFile: string;
  /** The revision that served before; undefined when there was none. */
  readonly previousRevision: string | undefined;
}

/**
 * Deploys what was prepared; undefined: no function. Every step may be done again: what is there already stays. Throws
 * `DEPLOY_TOOL_MISSING`, `DEPLOY_BUILD_STALE`, `DEPLOY_WOULD_DELETE`, `DEPLOY_SECRET_MISSING`, `DEPLOY_FAILED`, and what `confirm` throws.
 */
export async function applyDeployment(prepared: Prepared, show: Show): Promise<DeployedFunction | undefined> {
  demandTools(prepared.tools);
  demandPackage(prepared.packageProblems);
  const run = stepsOf(show);
  const { parts, deployment } = prepared;
  const projectNumber = await askProjectNumber(prepared, run);
  const question = `Deploy this to the project ${deployment.projectId}?`;
  if (parts.includes("infrastructure"))
    await applyInfrastructure(prepared, run, () => show.confirm(question));
  else await show.confirm(question);
  if (!parts.includes("function") || projectNumber === undefined) return undefined;
  return deployFunction(prepared, run, projectNumber);
}

async function applyInfrastructure(
  prepared: Prepared,
  run: RunStep,
  confirm: () => Promise<void>,
): Promise<void> {
  const { root, deployment, infrastructure } = prepared;
  const { init, workspace, plan, apply } = infrastructure;
  writeFileSync(join(root, variablesFile), variablesText(deployment));
  await run(init);
  await run(workspace);
  await run(plan);
  await demandNoDeletions(prepared, run);
  await confirm();
  await run(apply);
}

async function deployFunction(
  prepared: Prepared,
  run: RunStep,
  projectNumber: string,
): Promise<DeployedFunction> {
  const { root, deployment, target, parts } = prepared;
  const commands = functionCommands(deployment);
  const environment = await variablesOfFunction(prepared, run, projectNumber);
  const previous = (await run(commands.previous, { captures: true })).trim();
  // Who deploys only new versions may neither read the list of secrets nor say who may call the function.
  const isWhole = parts.includes("infrastructure") || previous === "";
  if (isWhole) await ensureSecretVersions(deployment, target.environment, run);
  await run(commands.package);
  writeFileSync(join(root, environmentFile), environmentText(environment));
  await run(commands.deploy);
  if (isWhole) await run(commands.invoker);
  await run(commands.traffic);
  const commandFile = commandEnvironmentFile(deployment);
  writeFileSync(
    join(root, commandFile),
    commandEnvironmentText(commandEnvironment(deployment, target, environment)),
  );
  return { environment, commandFile, previousRevision: previous || undefined };
}

/** What the infrastructure says of itself wins: then the two can't disagree. */
async function variablesOfFunction(
  prepared: Prepared,
  run: RunStep,
  projectNumber: string,
): Promise<FunctionVariables> {
  const { deployment, target, infrastructure, parts, workflows } = prepared;
  const computed = functionEnvironment(deployment, target, { projectNumber, workflows });
  if (!parts.includes("infrastructure")) return computed;
  const { output } = infrastructure;
  return { ...computed, ...readOutput(output, await run(output, { captures: true })) };
}

/** Secrets come from Secret Manager by themselves. */
function readOutput(command: Command, text: string): FunctionVariables {
  try {
    const variables = z.record(z.string(), z.string()).parse(JSON.parse(text));
    return Object.fromEntries(Object.entries(variables).filter(([name]) => !isSecret(name)));
  } catch (cause) {
    const message = `${command.title} failed: the output function_environment is no map of texts`;
    throw new BatonError("DEPLOY_FAILED", message, { where: commandLine(command), cause });
  }
}
