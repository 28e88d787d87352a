import type { Diagnosis } from "../../doctor/doctor.ts";
import { commandEnvironment } from "../plan/command-environment.ts";
import type { DeployedFunction } from "./deploy-function.ts";
import type { Prepared } from "./prepare.ts";

/** Looks at what was deployed as the function sees it, with the credentials of whoever deploys. */
export async function checkDeployment(
  prepared: Prepared,
  { environment }: DeployedFunction,
): Promise<Diagnosis> {
  const { diagnose } = await import("../../doctor/doctor.ts");
  const { environment: given, configuration } = prepared.target;
  return diagnose({
    ...given,
    ...commandEnvironment(prepared.deployment, prepared.target, environment),
    BATON_WORKFLOWS: configuration.workflows,
  });
}

/** Nobody has logged in for programs: then nothing could be looked at, and nothing is wrong with the deployment. */
export function isUnchecked({ results }: Diagnosis): boolean {
  return results.some(({ id, status }) => id === "google.credentials" && status !== "ok");
}
