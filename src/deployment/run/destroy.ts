import { functionCommands } from "./commands.ts";
import { demandNoDeletions } from "./deletions.ts";
import { fieldsAddress, planOfCommand, untaintCommand } from "./infrastructure-commands.ts";
import { demandStateToRemove } from "./own-state.ts";
import { plannedChanges } from "./plan-changes.ts";
import type { Prepared } from "./prepare.ts";
import { askProjectNumber } from "./project-number.ts";
import { type RunStep, type Show, stepsOf } from "./run-step.ts";
import { hasCloudRun } from "./serving.ts";
import { protectedResources, type StateResource, stateResources } from "./state.ts";
import { demandTools } from "./tools.ts";
import { writeTerraformVariables } from "./written-files.ts";

/** How a removal is shown to whoever waits for it. */
export interface ShowRemoval extends Show {
  /** What Terraform has made and is deleted, before the question. */
  removes(found: readonly StateResource[]): void;
}

/**
 * Takes a deployment away, with all that it has stored; gives what there was by the state of Terraform. Throws
 * `DEPLOY_TOOL_MISSING`, `DEPLOY_STATE_MISSING`, `DEPLOY_WOULD_DELETE`, `DEPLOY_FAILED`, and what `confirm` throws.
 */
export async function destroyDeployment(
  prepared: Prepared,
  show: ShowRemoval,
): Promise<readonly StateResource[]> {
  const { deployment, tools, parts, infrastructure } = prepared;
  demandTools(tools);
  const run = stepsOf(show, prepared.toolEnvironment);
  await askProjectNumber(prepared, run);
  const state = parts.includes("infrastructure") ? await readState(prepared, run) : undefined;
  const found = state === undefined ? [] : stateResources(infrastructure.state, state);
  const serves = parts.includes("function") && (await isFunctionThere(prepared, run));
  if (state !== undefined) demandStateToRemove(prepared, found, serves);
  if (state !== undefined) show.removes(found);
  const { prefix, projectId } = deployment;
  await show.confirm(
    `This deletes the deployment ${prefix} of the project ${projectId}, and all of its data. Type ${prefix} to go on:`,
  );
  if (state !== undefined) await liftProtection(prepared, run, state);
  if (serves) await run(functionCommands(deployment).remove);
  if (found.some(isField)) await run(infrastructure.forgetFields);
  if (state !== undefined) await run(infrastructure.destroy);
  return found;
}

/** Nothing is changed by it, but for what Terraform keeps on this machine. */
async function readState({ infrastructure }: Prepared, run: RunStep): Promise<string> {
  await run(infrastructure.init);
  await run(infrastructure.existing);
  return run(infrastructure.state, { captures: true });
}

async function isFunctionThere(prepared: Prepared, run: RunStep): Promise<boolean> {
  if (!(await hasCloudRun(prepared, run))) return false;
  const { present } = functionCommands(prepared.deployment);
  return (await run(present, { captures: true })).trim() !== "";
}

function isField({ address }: StateResource): boolean {
  return address.startsWith(`${fieldsAddress}[`);
}

/**
 * What is protected can't be deleted before an apply has lifted it: of that alone, for one of all would make what is missing,
 * and fail where a first deployment did. Where it is lifted, no apply must come: it would make again what an earlier removal
 * has deleted.
 */
async function liftProtection(prepared: Prepared, run: RunStep, state: string): Promise<void> {
  const { deployment, tools, infrastructure } = prepared;
  writeTerraformVariables(prepared, unprotected(deployment));
  const found = protectedResources(infrastructure.state, state);
  if (found.length === 0) return;
  // It would be replaced, that is deleted while it is protected still.
  for (const { address } of found.filter(({ isHalfMade }) => isHalfMade))
    await run(untaintCommand(deployment, tools, address));
  await run(
    planOfCommand(
      infrastructure.plan,
      found.map(({ address }) => address),
    ),
  );
  const changes = await plannedChanges(prepared, run);
  // With the names of another deployment, it would be made in place of this one. What was made half goes anyway.
  demandNoDeletions(
    prepared,
    changes.filter(({ isHalfMade }) => !isHalfMade),
  );
  await run(infrastructure.apply);
}

function unprotected(deployment: Prepared["deployment"]): Prepared["deployment"] {
  return { ...deployment, settings: { ...deployment.settings, BATON_DEPLOY_DELETE_PROTECTION: false } };
}
