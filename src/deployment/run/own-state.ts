import { BatonError } from "../../core/errors.ts";
import { deploymentName } from "../plan/files.ts";
import { accountOf } from "../plan/plan.ts";
import type { PlannedChange } from "./plan-changes.ts";
import type { Prepared } from "./prepare.ts";
import type { StateResource } from "./state.ts";

/** The account that the function runs as: whoever has made the deployment has it in the state. */
const accountAddress = "google_service_account.function";

/**
 * Stops a deployment from a place that lacks the state of what is there: all would be made a second time, and fail half-way.
 * `serves`: there is the function already. Throws `DEPLOY_STATE_MISSING`.
 */
export function demandStateToDeploy(
  prepared: Prepared,
  changes: readonly PlannedChange[],
  serves: boolean,
): void {
  const isNew = changes.some(
    ({ address, actions }) => address === accountAddress && actions.every((action) => action === "create"),
  );
  if (serves && isNew) throw stateMissing(prepared, "Nothing was changed");
}

/**
 * Stops a removal that would take the function of a deployment and nothing else of it, since the state is another's or none.
 * Throws `DEPLOY_STATE_MISSING`.
 */
export function demandStateToRemove(
  prepared: Prepared,
  found: readonly StateResource[],
  serves: boolean,
): void {
  const account = accountOf(prepared.deployment, "function");
  const owns = found.some(({ address, name }) => address === accountAddress && name === account);
  if (serves && !owns) throw stateMissing(prepared, "Nothing was deleted");
}

function stateMissing({ deployment }: Prepared, outcome: string): BatonError {
  const { functionName, projectId } = deployment;
  return new BatonError(
    "DEPLOY_STATE_MISSING",
    `There is the function ${functionName} in ${projectId}, and the state ${deploymentName(deployment)} in infra/ does not hold its deployment. ${outcome}`,
  );
}
