import { functionEnvironment } from "../plan/function-environment.ts";
import { demandNoDeletions } from "./deletions.ts";
import {
  type DeployedFunction,
  deployFunction,
  type FunctionBefore,
  type ShowDeployment,
} from "./deploy-function.ts";
import { demandPackage } from "./package-check.ts";
import type { Prepared } from "./prepare.ts";
import { askProjectNumber } from "./project-number.ts";
import { type RunStep, stepsOf } from "./run-step.ts";
import { askServingFunction } from "./serving.ts";
import { demandTools } from "./tools.ts";
import { demandVariablesFile, variableChanges } from "./variable-changes.ts";
import { writeTerraformVariables } from "./written-files.ts";

/**
 * Deploys what was prepared; undefined: no function. Every step may be done again: what is there already stays. Throws
 * `DEPLOY_TOOL_MISSING`, `DEPLOY_BUILD_STALE`, `DEPLOY_VARIABLES_FORGOTTEN`, `DEPLOY_WOULD_DELETE`, `DEPLOY_SECRET_MISSING`,
 * `DEPLOY_FAILED`, and what `confirm` throws.
 */
export async function applyDeployment(
  prepared: Prepared,
  show: ShowDeployment,
): Promise<DeployedFunction | undefined> {
  demandTools(prepared.tools);
  demandPackage(prepared.packageProblems);
  const run = stepsOf(show, prepared.toolEnvironment);
  const { parts, deployment } = prepared;
  const projectNumber = await askProjectNumber(prepared, run);
  const before =
    parts.includes("function") && projectNumber !== undefined
      ? await lookAtFunction(prepared, { run, show, projectNumber })
      : undefined;
  const question = `Deploy this to the project ${deployment.projectId}?`;
  if (parts.includes("infrastructure"))
    await applyInfrastructure(prepared, run, () => show.confirm(question));
  else await show.confirm(question);
  return before && deployFunction(prepared, { run, show, before });
}

interface LookOptions {
  readonly run: RunStep;
  readonly show: ShowDeployment;
  readonly projectNumber: string;
}

async function lookAtFunction(
  prepared: Prepared,
  { run, show, projectNumber }: LookOptions,
): Promise<FunctionBefore> {
  const { deployment, target, workflows } = prepared;
  const serving = await askServingFunction(prepared, run);
  demandVariablesFile(target, serving);
  const computed = functionEnvironment(deployment, target, { projectNumber, workflows });
  if (serving) show.changes(variableChanges(prepared, computed, serving));
  return { computed, serving };
}

async function applyInfrastructure(
  prepared: Prepared,
  run: RunStep,
  confirm: () => Promise<void>,
): Promise<void> {
  const { init, workspace, plan, apply } = prepared.infrastructure;
  writeTerraformVariables(prepared, prepared.deployment);
  await run(init);
  await run(workspace);
  await run(plan);
  await demandNoDeletions(prepared, run);
  await confirm();
  await run(apply);
}
