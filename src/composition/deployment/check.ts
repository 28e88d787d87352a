import type { Diagnosis } from "../doctor/doctor.ts";
import type { DeployedFunction } from "./apply.ts";
import { functionSecrets } from "./function-environment.ts";
import type { Prepared } from "./prepare.ts";

/** Looks at what was deployed as the function sees it, with the credentials of whoever deploys. */
export async function checkDeployment(
  { target, deployment }: Prepared,
  { environment }: DeployedFunction,
): Promise<Diagnosis> {
  const { diagnose } = await import("../doctor/doctor.ts");
  const secrets = functionSecrets(deployment).map(([variable, secret]) => [
    variable,
    `projects/${deployment.projectId}/secrets/${secret}/versions/latest`,
  ]);
  return diagnose({
    ...target.environment,
    ...environment,
    ...Object.fromEntries(secrets),
    BATON_WORKFLOWS: target.configuration.workflows,
  });
}

/** Nobody has logged in for programs: then nothing could be looked at, and nothing is wrong with the deployment. */
export function isUnchecked({ results }: Diagnosis): boolean {
  return results.some(({ id, status }) => id === "google.credentials" && status !== "ok");
}
