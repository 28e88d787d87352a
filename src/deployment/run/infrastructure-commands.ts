import { errorCatalog } from "../../core/error-catalog.ts";
import { deploymentFiles, deploymentName, infrastructureFolder } from "../plan/files.ts";
import type { Deployment } from "../plan/plan.ts";
import type { Command } from "./commands.ts";
import type { FoundTools } from "./tools.ts";

/** How Terraform is called. */
export interface TerraformCall {
  readonly programs: FoundTools["programs"];
  /** What it says goes to no terminal. */
  readonly isPlain: boolean;
}

/** What `infra/firestore.tf` makes for each field that is indexed in its own way. */
export const fieldsAddress = "google_firestore_field.override";

/**
 * Each deployment has a workspace, and so a state, of its own: they live side by side. Which one is chosen stands in a file of
 * the folder, and whoever deploys at the same time changes it: each call names its own by `TF_WORKSPACE`.
 */
export function infrastructureCommands(deployment: Deployment, { programs, isPlain }: TerraformCall) {
  const silent = (...parameters: string[]) => [
    ...[programs.terraform, `-chdir=${infrastructureFolder}`],
    ...parameters,
  ];
  const terraform = (...parameters: string[]) => silent(...parameters, ...(isPlain ? ["-no-color"] : []));
  const workspace = deploymentName(deployment);
  const environment = { TF_WORKSPACE: workspace };
  const { terraformPlan: planFile, terraformVariables } = deploymentFiles(deployment);
  const variables = `-var-file=${terraformVariables}`;
  return {
    init: {
      title: `Preparing ${programs.terraform === "tofu" ? "OpenTofu" : "Terraform"}`,
      argv: terraform("init", "-input=false"),
    },
    // Terraform chooses none where TF_WORKSPACE names one.
    workspace: {
      title: "Making sure that there is a state for this deployment",
      argv: [...terraform("workspace", "select", "-or-create=true"), workspace],
    },
    plan: {
      title: "Comparing the infrastructure with what is there",
      argv: terraform("plan", "-input=false", variables, `-out=${planFile}`),
      environment,
    },
    changes: {
      title: "Looking whether anything would be deleted",
      argv: silent("show", "-json", planFile),
      environment,
    },
    apply: {
      title: "Making the infrastructure",
      argv: [...terraform("apply", "-input=false"), planFile],
      environment,
      remedy: `${errorCatalog.DEPLOY_FAILED.remedy} Where it says 409, or "already exists": the name is taken by something that is not in this state; docs/deploy.md#an-existing-project says how to go round it.`,
    },
    output: {
      title: "Reading the function's variables from the infrastructure",
      argv: silent("output", "-json", "function_environment"),
      environment,
    },
    // Not made where there is none: nothing was deployed by that name.
    existing: {
      title: "Looking whether there is a state of this deployment",
      argv: [...terraform("workspace", "select"), workspace],
      remedy: `There is no state ${workspace} here. Look at --project and --prefix; where the state is on the machine that deployed, run it there, and where it is in a bucket, bring infra/backend.tf.`,
    },
    state: { title: "Reading what there is", argv: silent("show", "-json"), environment },
    // They go with their database. Taken away before it, Firestore would first index all documents by them, and other changes wait.
    forgetFields: {
      title: "Leaving the indexes to the database that is deleted",
      argv: [...terraform("state", "rm"), fieldsAddress],
      environment,
      condition: "when the state holds them",
    },
    destroy: {
      title: "Deleting the infrastructure",
      argv: terraform("destroy", "-input=false", "-auto-approve", variables),
      environment,
    },
  } satisfies Record<string, Command>;
}

/** Plans what is named and what that rests on, and nothing else. */
export function planOfCommand(plan: Command, addresses: readonly string[]): Command {
  return {
    ...plan,
    title: "Comparing what is protected with what is there",
    argv: [...plan.argv, ...addresses.map((address) => `-target=${address}`)],
  };
}

/** Has the next plan keep what an apply began and could not end. */
export function untaintCommand(
  deployment: Deployment,
  { programs }: Pick<FoundTools, "programs">,
  address: string,
): Command {
  return {
    title: "Keeping what was made half",
    argv: [programs.terraform, `-chdir=${infrastructureFolder}`, "untaint", address],
    environment: { TF_WORKSPACE: deploymentName(deployment) },
  };
}
