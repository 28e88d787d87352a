import type { CloudContext } from "./context.ts";
import { gcloudFlags } from "./gcloud.ts";

/**
 * Makes all of the infrastructure that is missing. What is made by hand is not in Terraform's state, and the next deployment
 * would stumble over it.
 */
export function deployCommand({ projectId, location, prefix }: CloudContext["google"]): string {
  const flags = gcloudFlags({ project: projectId, region: location || "<region>", prefix });
  return ["npx baton deploy --skip-function", ...flags].join(" ");
}
