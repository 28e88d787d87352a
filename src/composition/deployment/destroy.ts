import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { functionCommands, infrastructureCommands } from "./commands.ts";
import { demandNoDeletions } from "./deletions.ts";
import type { Prepared } from "./prepare.ts";
import { type RunStep, type Show, stepsOf } from "./run-step.ts";
import { demandTools } from "./tools.ts";
import { variablesFile, variablesText } from "./variables.ts";

/**
 * Takes a deployment away, with all that it has stored. Throws `DEPLOY_TOOL_MISSING`, `DEPLOY_WOULD_DELETE`, `DEPLOY_FAILED`, and what `confirm`
 * throws.
 */
export async function destroyDeployment(prepared: Prepared, show: Show): Promise<void> {
  const { deployment, tools, parts } = prepared;
  demandTools(tools);
  const { prefix, projectId } = deployment;
  await show.confirm(
    `This deletes the deployment ${prefix} of the project ${projectId}, and all of its data. Type ${prefix} to go on:`,
  );
  const run = stepsOf(show);
  const { destroy } = infrastructureCommands(deployment, tools.programs);
  const { present, remove } = functionCommands(deployment);
  if (parts.includes("infrastructure")) await liftProtection(prepared, run);
  if (parts.includes("function") && (await run(present, { captures: true })).trim() !== "") await run(remove);
  if (parts.includes("infrastructure")) await run(destroy);
}

/**
 * What is protected can't be deleted before an apply has lifted it. Where it is lifted, no apply must come: it would make
 * again what an earlier removal has deleted.
 */
async function liftProtection(prepared: Prepared, run: RunStep): Promise<void> {
  const { root, deployment, tools } = prepared;
  const { init, existing, state, plan, apply } = infrastructureCommands(deployment, tools.programs);
  writeFileSync(join(root, variablesFile), variablesText(unprotected(deployment)));
  await run(init);
  await run(existing);
  if (!isProtected(await run(state, { captures: true }))) return;
  await run(plan);
  // With the names of another deployment, it would be made in place of this one.
  await demandNoDeletions(prepared, run);
  await run(apply);
}

/** Whether a state holds something that is protected; an empty one holds nothing. */
function isProtected(state: string): boolean {
  return /"delete_protection_state":\s*"DELETE_PROTECTION_ENABLED"|"deletion_protection":\s*true/.test(state);
}

function unprotected(deployment: Prepared["deployment"]): Prepared["deployment"] {
  return { ...deployment, settings: { ...deployment.settings, BATON_DEPLOY_DELETE_PROTECTION: false } };
}
