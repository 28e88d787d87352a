import type { Deployment } from "../plan/plan.ts";
import type { Command } from "./commands.ts";
import type { FoundTools } from "./tools.ts";

const planFile = "baton.tfplan";

/** How Terraform is called. */
export interface TerraformCall {
  readonly programs: FoundTools["programs"];
  /** What it says goes to no terminal. */
  readonly isPlain: boolean;
}

/** Each deployment has a workspace, and so a state, of its own: they live side by side. */
export function infrastructureCommands(deployment: Deployment, { programs, isPlain }: TerraformCall) {
  const silent = (...parameters: string[]) => [programs.terraform, "-chdir=infra", ...parameters];
  const terraform = (...parameters: string[]) => silent(...parameters, ...(isPlain ? ["-no-color"] : []));
  const workspace = `${deployment.projectId}-${deployment.prefix}`;
  return {
    init: { title: "Preparing Terraform", argv: terraform("init", "-input=false") },
    workspace: {
      title: "Choosing the state of this deployment",
      argv: [...terraform("workspace", "select", "-or-create=true"), workspace],
    },
    plan: {
      title: "Comparing the infrastructure with what is there",
      argv: terraform("plan", "-input=false", `-out=${planFile}`),
    },
    changes: {
      title: "Looking whether anything would be deleted",
      argv: silent("show", "-json", planFile),
    },
    apply: {
      title: "Making the infrastructure",
      argv: [...terraform("apply", "-input=false"), planFile],
    },
    output: {
      title: "Reading the function's variables from the infrastructure",
      argv: silent("output", "-json", "function_environment"),
    },
    // Not made where there is none: nothing was deployed by that name.
    existing: {
      title: "Choosing the state of this deployment",
      argv: [...terraform("workspace", "select"), workspace],
    },
    state: { title: "Reading what there is", argv: silent("show", "-json") },
    destroy: {
      title: "Deleting the infrastructure",
      argv: terraform("destroy", "-input=false", "-auto-approve"),
    },
  } satisfies Record<string, Command>;
}
