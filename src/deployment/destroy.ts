import { writeTerraformVariables } from "./apply.ts";
import { fieldsAddress } from "./commands.ts";
import { askProjectNumber, isCloudRunEnabled } from "./function.ts";
import type { Deploying } from "./prepare.ts";
import { type StateResource, withCondition } from "./run-steps.ts";
import {
  assertNoDeletions,
  assertStateToRemove,
  plannedChanges,
  protectedResources,
  readState,
  shownResources,
} from "./terraform-plan.ts";

/**
 * Removes a deployment with all its data; returns the resources that the state of Terraform held. Throws
 * `DEPLOY_STATE_MISSING`, `DEPLOY_WOULD_DELETE`, `DEPLOY_FAILED`, and the errors of `confirm`.
 */
export async function destroyDeployment(deploying: Deploying): Promise<readonly StateResource[]> {
  const { deployment, parts, infrastructure, gcloud, steps, display } = deploying;
  const { prefix, projectId } = deployment;
  const hasState = parts.includes("infrastructure");
  await askProjectNumber(deploying);
  if (hasState)
    for (const command of [infrastructure.init, infrastructure.existing]) await steps.run(command);
  const state = hasState ? await readState(deploying) : [];
  const resources = shownResources(state);
  const serves = parts.includes("function") && (await functionExists(deploying));
  if (hasState) {
    if (serves) assertStateToRemove(deployment, resources);
    display.removal(resources);
  }
  await display.confirm(
    `This deletes the deployment ${prefix} of the project ${projectId}, and all of its ` +
      `data. Type ${prefix} to continue:`,
  );
  if (hasState) await liftProtection(deploying, protectedResources(state));
  if (serves) await steps.run(gcloud.remove);
  if (resources.some(({ address }) => address.startsWith(`${fieldsAddress}[`)))
    await steps.run(infrastructure.forgetFields);
  if (hasState) await steps.run(infrastructure.destroy);
  return resources;
}

async function functionExists(deploying: Deploying): Promise<boolean> {
  if (!(await isCloudRunEnabled(deploying))) return false;
  return (await deploying.steps.run(deploying.gcloud.present, { captures: true })).trim() !== "";
}

/**
 * Lifts the protection by an apply of the protected resources alone: a whole apply would create what is missing, and
 * fail where a first deployment did. If nothing is protected, no apply may run: it would create again what an earlier
 * removal has deleted.
 */
async function liftProtection(
  deploying: Deploying,
  resources: ReturnType<typeof protectedResources>,
): Promise<void> {
  const { deployment, infrastructure, steps } = deploying;
  const settings = { ...deployment.settings, BATON_DEPLOY_DELETE_PROTECTION: false };
  writeTerraformVariables({ ...deployment, settings }, steps);
  if (resources.length === 0) return;
  const condition = "when it is protected against deletion";
  // An apply would replace a tainted resource: delete it while it is still protected.
  for (const { address } of resources.filter(({ tainted }) => tainted))
    await steps.run(withCondition(infrastructure.untaint(address), `${condition}, and tainted`));
  const plan = infrastructure.targetedPlan(resources.map(({ address }) => address));
  await steps.run(withCondition(plan, condition));
  const changes = await plannedChanges(deploying);
  // With the names of another deployment, this one would be replaced by it. Tainted resources are deleted anyway.
  const others = changes.filter(({ isTainted }) => !isTainted);
  assertNoDeletions(infrastructure, others);
  await steps.run(withCondition(infrastructure.apply, condition));
}
