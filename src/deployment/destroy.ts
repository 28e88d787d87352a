import { writeTerraformVariables } from "./apply.ts";
import { fieldsAddress, functionCommands, planOfCommand, untaintCommand } from "./commands.ts";
import { assertReady, type Prepared } from "./prepare.ts";
import { askProjectNumber, hasCloudRun } from "./serving.ts";
import {
  assertNoDeletions,
  assertStateToRemove,
  plannedChanges,
  protectedResources,
  readState,
  type StateResource,
  shownResources,
} from "./terraform-json.ts";
import { type RunStep, type Show, stepsOf } from "./tools.ts";

export interface ShowRemoval extends Show {
  /** What Terraform has made and is deleted, before the question. */
  removes(found: readonly StateResource[]): void;
}

/**
 * Removes a deployment with all that it has stored; gives what there was by the state of Terraform. Throws
 * `DEPLOY_TOOL_MISSING`, `DEPLOY_STATE_MISSING`, `DEPLOY_WOULD_DELETE`, `DEPLOY_FAILED`, and what `confirm` throws.
 */
export async function destroyDeployment(
  prepared: Prepared,
  show: ShowRemoval,
): Promise<readonly StateResource[]> {
  assertReady(prepared);
  const { deployment, parts, infrastructure } = prepared;
  const { prefix, projectId } = deployment;
  const hasState = parts.includes("infrastructure");
  const run = stepsOf(show, prepared.toolEnvironment);
  await askProjectNumber(prepared, run);
  if (hasState) for (const command of [infrastructure.init, infrastructure.existing]) await run(command);
  const state = hasState ? await readState(prepared, run) : [];
  const found = shownResources(state);
  const serves = parts.includes("function") && (await isFunctionThere(prepared, run));
  if (hasState) {
    assertStateToRemove(prepared, found, serves);
    show.removes(found);
  }
  await show.confirm(
    `This deletes the deployment ${prefix} of the project ${projectId}, and all of its data. Type ${prefix} to go on:`,
  );
  if (hasState) await liftProtection(prepared, run, protectedResources(state));
  if (serves) await run(functionCommands(deployment).remove);
  if (found.some(({ address }) => address.startsWith(`${fieldsAddress}[`)))
    await run(infrastructure.forgetFields);
  if (hasState) await run(infrastructure.destroy);
  return found;
}

async function isFunctionThere(prepared: Prepared, run: RunStep): Promise<boolean> {
  if (!(await hasCloudRun(prepared, run))) return false;
  const { present } = functionCommands(prepared.deployment);
  return (await run(present, { captures: true })).trim() !== "";
}

/**
 * Lifts the protection by an apply of what is protected alone: an apply of everything would create what is missing, and fail
 * where a first deployment did. Without anything protected there must be no apply: it would create again what an earlier removal
 * has deleted.
 */
async function liftProtection(
  prepared: Prepared,
  run: RunStep,
  found: ReturnType<typeof protectedResources>,
): Promise<void> {
  const { deployment, tools, infrastructure } = prepared;
  const settings = { ...deployment.settings, BATON_DEPLOY_DELETE_PROTECTION: false };
  writeTerraformVariables(prepared, { ...deployment, settings });
  if (found.length === 0) return;
  // An apply would replace what is half made: delete it while it is still protected.
  for (const { address } of found.filter(({ tainted }) => tainted))
    await run(untaintCommand(deployment, tools, address));
  const addresses = found.map(({ address }) => address);
  await run(planOfCommand(infrastructure.plan, addresses));
  const changes = await plannedChanges(prepared, run);
  // With the names of another deployment, that would be made in place of this one. What is half made goes anyway.
  assertNoDeletions(
    prepared,
    changes.filter(({ isHalfMade }) => !isHalfMade),
  );
  await run(infrastructure.apply);
}
