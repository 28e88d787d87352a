import type { Deployment } from "./plan.ts";

type Named = Pick<Deployment, "projectId" | "prefix">;

/** What tells deployments apart, also as the workspace of Terraform. Neither part can hold an underscore: no two make the same. */
export function deploymentName({ projectId, prefix }: Named): string {
  return `${projectId}_${prefix}`;
}

/** What a deployment writes. Each has its own files: several are made from one folder, also at the same time. */
export function deploymentFiles(deployment: Named) {
  const name = deploymentName(deployment);
  return {
    /** Values of the variables of `infra/variables.tf`; from the folder `infra`, as the next. */
    terraformVariables: `baton.${name}.tfvars.json`,
    terraformPlan: `baton.${name}.tfplan`,
    /** The variables of the function, for gcloud; from the project's folder, as those below. */
    functionVariables: `infra/baton.${name}.function.yaml`,
    /** The variables with which commands look at it. */
    commandVariables: `infra/baton.${name}.env`,
    /** The folder that is deployed, as `scripts/package.js` makes it: the build, and what it needs. */
    package: `dist-package.${name}`,
  } as const;
}

/** The folder of the infrastructure, from the project's. */
export const infrastructureFolder = "infra";
