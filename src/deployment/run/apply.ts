import { functionEnvironment } from "../plan/function-environment.ts";
import { demandNoDeletions } from "./deletions.ts";
import { type DeployedFunction, deployFunction, type ShowDeployment } from "./deploy-function.ts";
import { demandStateToDeploy } from "./own-state.ts";
import { demandPackage } from "./package-check.ts";
import { plannedChanges } from "./plan-changes.ts";
import type { Prepared } from "./prepare.ts";
import { askProjectNumber } from "./project-number.ts";
import { type RunStep, stepsOf } from "./run-step.ts";
import { demandVariablesFile } from "./same-variables.ts";
import { askServingFunction, type ServingFunction } from "./serving.ts";
import { demandTools } from "./tools.ts";
import { variableChanges } from "./variable-changes.ts";
import { writeTerraformVariables } from "./written-files.ts";

/**
 * Deploys what was prepared; undefined: no function. Every step may be done again: what is there already stays. Throws
 * `DEPLOY_TOOL_MISSING`, `DEPLOY_BUILD_STALE`, `DEPLOY_VARIABLES_FORGOTTEN`, `DEPLOY_STATE_MISSING`, `DEPLOY_WOULD_DELETE`,
 * `DEPLOY_SECRET_MISSING`, `DEPLOY_FAILED`, and what `confirm` throws.
 */
export async function applyDeployment(
  prepared: Prepared,
  show: ShowDeployment,
): Promise<DeployedFunction | undefined> {
  demandTools(prepared.tools);
  demandPackage(prepared.packageProblems);
  const run = stepsOf(show, prepared.toolEnvironment);
  const { parts, deployment, target, workflows } = prepared;
  const projectNumber = await askProjectNumber(prepared, run);
  const serving = projectNumber === undefined ? undefined : await lookAtFunction(prepared, run);
  const deploysFunction = parts.includes("function") && projectNumber !== undefined;
  const before = deploysFunction
    ? { computed: functionEnvironment(deployment, target, { projectNumber, workflows }), serving }
    : undefined;
  if (before && serving) show.changes(variableChanges(prepared, before.computed, serving));
  const confirm = () => show.confirm(`Deploy this to the project ${deployment.projectId}?`);
  if (parts.includes("infrastructure")) await applyInfrastructure(prepared, { run, confirm, serving });
  else await confirm();
  return before && deployFunction(prepared, { run, show, before });
}

/** Also where only the infrastructure is deployed: both are made by the same variables. */
async function lookAtFunction(prepared: Prepared, run: RunStep): Promise<ServingFunction | undefined> {
  const serving = await askServingFunction(prepared, run);
  demandVariablesFile(prepared, serving);
  return serving;
}

interface ApplyOptions {
  readonly run: RunStep;
  readonly confirm: () => Promise<void>;
  readonly serving: ServingFunction | undefined;
}

async function applyInfrastructure(
  prepared: Prepared,
  { run, confirm, serving }: ApplyOptions,
): Promise<void> {
  const { init, workspace, plan, apply } = prepared.infrastructure;
  writeTerraformVariables(prepared, prepared.deployment);
  await run(init);
  await run(workspace);
  await run(plan);
  const changes = await plannedChanges(prepared, run);
  demandStateToDeploy(prepared, changes, serving !== undefined);
  demandNoDeletions(prepared, changes);
  await confirm();
  await run(apply);
}
