import { join, relative } from "node:path";
import { packageFolder } from "../configuration/project.ts";
import { errorCatalog } from "../core/errors/error-catalog.ts";
import {
  type Deployment,
  deploymentFiles,
  deploymentName,
  infrastructureFolder,
  serviceAccountEmail,
} from "./plan.ts";
import { privateFlag } from "./settings.ts";
import type { Command } from "./tools.ts";
import { functionSecrets } from "./variables-file.ts";

type More = Omit<Partial<Command>, "title" | "argv">;

/** A command of gcloud: `words`, with its own flags, and then those of all commands. */
export function gcloudCommand(
  title: string,
  words: readonly string[],
  project: string,
  more: More = {},
): Command {
  return { title, argv: ["gcloud", ...words, `--project=${project}`, "--quiet"], ...more };
}

/** The commands that look for a version of a secret, and add one. */
export function secretCommands({ projectId }: Deployment, secret: string) {
  const versions = ["secrets", "versions"];
  const enabled = ["--filter=state=ENABLED", "--limit=1", "--format=value(name)"];
  const list = [...versions, "list", secret, ...enabled];
  const add = [...versions, "add", secret, "--data-file=-"];
  const addOptions = { input: "the secret", condition: "when it has none" };
  return {
    list: gcloudCommand(`Looking for a version of ${secret}`, list, projectId),
    add: gcloudCommand(`Adding a version to ${secret}`, add, projectId, addOptions),
  };
}

/** The commands of gcloud, and the one that packs the build. */
export function functionCommands(
  deployment: Deployment,
  { root, workflows }: { readonly root: string; readonly workflows: string },
) {
  const { projectId, region, functionName: name } = deployment;
  const services = (title: string, words: readonly string[], more?: More) =>
    gcloudCommand(title, ["run", "services", ...words, `--region=${region}`], projectId, more);
  const list = (format: string) => ["list", `--filter=metadata.name~^${name}$`, `--format=${format}`];
  const deploy = (flags: readonly string[]) =>
    gcloudCommand("Building and deploying the function", [...flags, `--region=${region}`], projectId);
  const flags = deployFlags(deployment);
  const member = `--member=serviceAccount:${serviceAccountEmail(deployment, "push")}`;
  const grant = ["add-iam-policy-binding", name, member, "--role=roles/run.invoker"];
  const enabled = ["services", "list", "--enabled", "--filter=config.name=run.googleapis.com"];
  return {
    projectNumber: {
      title: "Looking whether the project can be reached",
      argv: ["gcloud", "projects", "describe", projectId, "--format=value(projectNumber)", "--quiet"],
      assumed: "0",
      remedy: `Log in with \`gcloud auth login\`, and look whether \`gcloud projects list\` shows the id ${projectId}.`,
    },
    package: {
      title: "Packing the workflows",
      argv: [
        ...["node", relative(root, join(packageFolder(), "bin/baton.js")), "pack"],
        ...[deploymentFiles(deployment).package, "--workflows", relative(root, workflows)],
      ],
    },
    // In a new project, asking for a function would fail.
    enabled: gcloudCommand(
      "Looking whether Cloud Run is switched on",
      [...enabled, "--format=value(config.name)"],
      projectId,
      { assumed: "run.googleapis.com" },
    ),
    serving: services(
      "Asking for the function that serves now",
      list("json(spec.template.spec.containers,status.traffic)"),
      { assumed: "[]" },
    ),
    deploy: deploy(flags),
    // An account that deploys only new versions may not set who calls it: gcloud would warn each time.
    redeploy: deploy(flags.filter((flag) => flag !== privateFlag)),
    policy: services(
      "Looking whether the account that pushes may call the function",
      ["get-iam-policy", name, "--format=json"],
      { assumed: "{}" },
    ),
    invoker: services("Letting the account that pushes call the function", grant, {
      condition: "when it may not",
    }),
    // After a rollback, the old revision would keep getting the messages.
    traffic: services("Sending all messages to the new revision", ["update-traffic", name, "--to-latest"]),
    present: services("Looking for the function", list("value(metadata.name)"), { assumed: name }),
    remove: services("Deleting the function", ["delete", name], { condition: "when it exists" }),
  } satisfies Record<string, Command>;
}

/** Sends all messages to a revision that served before. */
export function rollbackCommand({ projectId, region, functionName }: Deployment, revision: string): Command {
  const words = ["run", "services", "update-traffic", functionName, `--to-revisions=${revision}=100`];
  const flags = [`--region=${region}`, `--project=${projectId}`];
  return { title: "Going back to the revision before", argv: ["gcloud", ...words, ...flags] };
}

function deployFlags(deployment: Deployment): string[] {
  const { projectId, region, prefix, functionName } = deployment;
  const files = deploymentFiles(deployment);
  const secrets = [
    ...functionSecrets(deployment).map(([variable, secret]) => `${variable}=${secret}:latest`),
    ...Object.entries(deployment.ownSecrets).map(([variable, secret]) => `${variable}=${secret}`),
  ];
  const builder = serviceAccountEmail(deployment, "build");
  return [
    ...["run", "deploy", functionName],
    ...[`--source=${files.package}`, "--function=baton", "--base-image=nodejs24"],
    // Security patches of the base image come without a deployment.
    "--automatic-updates",
    `--image=${region}-docker.pkg.dev/${projectId}/${prefix}/${functionName}`,
    `--service-account=${serviceAccountEmail(deployment, "function")}`,
    `--build-service-account=projects/${projectId}/serviceAccounts/${builder}`,
    ...deployment.function.map(({ flag }) => flag),
    `--env-vars-file=${files.functionVariables}`,
    `--set-secrets=${secrets.join(",")}`,
  ];
}

/** The account that the function runs as: the state of its deployment holds it. */
export const accountAddress = "google_service_account.function";

/** A field with its own indexes, in `infra/firestore.tf`. */
export const fieldsAddress = "google_firestore_field.override";

/** A state in which each step of a removal has something to do. */
function assumedState(deployment: Deployment): string {
  const email = serviceAccountEmail(deployment, "function");
  const database = { tainted: true, values: { deletion_protection: true } };
  const resources = [
    { address: accountAddress, type: "google_service_account", values: { email } },
    { address: "<what is protected>", type: "google_firestore_database", ...database },
    { address: `${fieldsAddress}["<field>"]`, type: "google_firestore_field" },
  ];
  return JSON.stringify({ values: { root_module: { resources } } });
}

/**
 * The commands of Terraform. Each deployment has its own workspace, and so its own state. The folder remembers one
 * workspace, which another deployment may change meanwhile: so each call names its own by `TF_WORKSPACE`. `isPlain`:
 * the output is not shown on a terminal.
 */
export function infrastructureCommands(deployment: Deployment, program: string, isPlain: boolean) {
  const workspace = deploymentName(deployment);
  const read = (...words: string[]) => [program, `-chdir=${infrastructureFolder}`, ...words];
  const terraform = (...words: string[]) => read(...words, ...(isPlain ? ["-no-color"] : []));
  const { terraformPlan: planFile, terraformVariables } = deploymentFiles(deployment);
  const variables = `-var-file=${terraformVariables}`;
  const product = program === "tofu" ? "OpenTofu" : "Terraform";
  const output = { BATON_PROJECT: deployment.projectId, BATON_PREFIX: deployment.prefix };
  /** A command that works on the state of this deployment. */
  const onState = (title: string, argv: readonly string[], more: More = {}): Command => {
    return { title, argv, environment: { TF_WORKSPACE: workspace }, ...more };
  };
  const plan = onState(
    "Planning the infrastructure",
    terraform("plan", "-input=false", variables, `-out=${planFile}`),
  );
  return {
    init: { title: `Preparing ${product}`, argv: terraform("init", "-input=false") },
    // No TF_WORKSPACE here: with it, Terraform chooses no workspace.
    workspace: {
      title: "Choosing the state of this deployment",
      argv: [...terraform("workspace", "select", "-or-create=true"), workspace],
    },
    plan,
    changes: onState("Reading the plan", read("show", "-json", planFile), { assumed: "{}" }),
    apply: onState("Creating the infrastructure", [...terraform("apply", "-input=false"), planFile], {
      remedy: `${errorCatalog.DEPLOY_FAILED.remedy} For 409, a taken name, see docs/deploy.md#an-existing-project.`,
    }),
    output: onState(
      "Reading the function's variables from the infrastructure",
      read("output", "-json", "function_environment"),
      { assumed: JSON.stringify(output) },
    ),
    // It is not created if it does not exist: nothing was deployed by that name.
    existing: {
      title: "Looking whether there is a state of this deployment",
      argv: [...terraform("workspace", "select"), workspace],
      remedy:
        `This folder has no state ${workspace}. Check --project and --prefix, or copy the state or ` +
        "infra/backend.tf here.",
    },
    state: onState("Reading the state", read("show", "-json"), { assumed: assumedState(deployment) }),
    // They are deleted with their database. Before it, Firestore would first index all documents by them.
    forgetFields: onState(
      "Leaving the indexes to their database",
      [...terraform("state", "rm"), fieldsAddress],
      { condition: "when the state holds them" },
    ),
    destroy: onState(
      "Deleting the infrastructure",
      terraform("destroy", "-input=false", "-auto-approve", variables),
    ),
    /** Plans these resources and those that they depend on, and nothing else. */
    targetedPlan(addresses: readonly string[]): Command {
      const targets = addresses.map((address) => `-target=${address}`);
      return { ...plan, title: "Planning to lift the protection", argv: [...plan.argv, ...targets] };
    },
    /** Keeps a resource that a failed apply left tainted: the next plan does not replace it. */
    untaint: (address: string) => onState("Keeping a tainted resource", read("untaint", address)),
  };
}
export type InfrastructureCommands = ReturnType<typeof infrastructureCommands>;
