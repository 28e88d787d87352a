import * as z from "zod";
import { BatonError } from "../../core/errors.ts";
import type { Deployment } from "../plan/plan.ts";
import { isSecret } from "../target/secret-names.ts";
import { type Command, commandLine } from "./commands.ts";
import type { Prepared } from "./prepare.ts";
import type { RunStep } from "./run-step.ts";

export type FunctionVariables = Readonly<Record<string, string>>;

/** What the infrastructure says of itself wins: then the two can't disagree. */
export async function variablesOfFunction(
  { deployment, infrastructure, parts }: Prepared,
  run: RunStep,
  computed: FunctionVariables,
): Promise<FunctionVariables> {
  if (!parts.includes("infrastructure")) return computed;
  const { output } = infrastructure;
  const told = readOutput(output, await run(output, { captures: true }));
  demandSameDeployment(output, told, deployment);
  return { ...computed, ...told };
}

/** A function that is told of another deployment would work on its data. */
function demandSameDeployment(
  command: Command,
  { BATON_PROJECT: project, BATON_PREFIX: prefix }: FunctionVariables,
  { projectId, prefix: meant }: Deployment,
): void {
  if (project === projectId && prefix === meant) return;
  throw new BatonError(
    "DEPLOY_FAILED",
    `${command.title} failed: it tells of the deployment ${prefix} of the project ${project}, not of ${meant} of ${projectId}`,
    { where: commandLine(command) },
  );
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
