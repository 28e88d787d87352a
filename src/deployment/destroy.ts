import { writeTerraformVariables } from "./apply.ts";
import { fieldsAddress, functionCommands, targetedPlan, untaintCommand } from "./commands.ts";
import type { Prepared } from "./prepare.ts";
import { type Display, type StateResource, type Steps, withCondition } from "./run-steps.ts";
import { askProjectNumber, isCloudRunEnabled } from "./serving.ts";
import {
  assertNoDeletions,
  assertStateToRemove,
  plannedChanges,
  protectedResources,
  readState,
  shownResources,
} from "./terraform-json.ts";

/**
 * Removes a deployment with all its data; returns the resources that the state of Terraform held. Throws
 * `DEPLOY_STATE_MISSING`, `DEPLOY_WOULD_DELETE`, `DEPLOY_FAILED`, and the errors of `confirm`.
 */
export async function destroyDeployment(
  prepared: Prepared,
  steps: Steps,
  display: Display,
): Promise<readonly StateResource[]> {
  const { deployment, parts, infrastructure } = prepared;
  const { prefix, projectId } = deployment;
  const hasState = parts.includes("infrastructure");
  await askProjectNumber(prepared, steps);
  if (hasState)
    for (const command of [infrastructure.init, infrastructure.existing]) await steps.run(command);
  const state = hasState ? await readState(prepared, steps) : [];
  const resources = shownResources(state);
  const serves = parts.includes("function") && (await functionExists(prepared, steps));
  if (hasState) {
    assertStateToRemove(prepared, resources, serves);
    display.removal(resources);
  }
  await display.confirm(
    `This deletes the deployment ${prefix} of the project ${projectId}, and all of its data. Type ${prefix} to continue:`,
  );
  if (hasState) await liftProtection(prepared, steps, protectedResources(state));
  if (serves) await steps.run(functionCommands(deployment).remove);
  if (resources.some(({ address }) => address.startsWith(`${fieldsAddress}[`)))
    await steps.run(infrastructure.forgetFields);
  if (hasState) await steps.run(infrastructure.destroy);
  return resources;
}

async function functionExists(prepared: Prepared, steps: Steps): Promise<boolean> {
  if (!(await isCloudRunEnabled(prepared, steps))) return false;
  const { present } = functionCommands(prepared.deployment);
  return (await steps.run(present, { captures: true })).trim() !== "";
}

/**
 * Lifts the protection by an apply of the protected resources alone: a whole apply would create what is missing, and
 * fail where a first deployment did. If nothing is protected, no apply may run: it would create again what an earlier
 * removal has deleted.
 */
async function liftProtection(
  prepared: Prepared,
  steps: Steps,
  resources: ReturnType<typeof protectedResources>,
): Promise<void> {
  const { deployment, tools, infrastructure } = prepared;
  const settings = { ...deployment.settings, BATON_DEPLOY_DELETE_PROTECTION: false };
  writeTerraformVariables({ ...deployment, settings }, steps);
  if (resources.length === 0) return;
  const condition = "when it is protected against deletion";
  // An apply would replace a tainted resource: delete it while it is still protected.
  for (const { address } of resources.filter(({ tainted }) => tainted))
    await steps.run(withCondition(untaintCommand(deployment, tools, address), `${condition}, and tainted`));
  const plan = targetedPlan(
    infrastructure.plan,
    resources.map(({ address }) => address),
  );
  await steps.run(withCondition(plan, condition));
  const changes = await plannedChanges(prepared, steps);
  // With the names of another deployment, this one would be replaced by it. Tainted resources are deleted anyway.
  assertNoDeletions(
    prepared,
    changes.filter(({ isTainted }) => !isTainted),
  );
  await steps.run(withCondition(infrastructure.apply, condition));
}
