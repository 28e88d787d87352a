import { errorCatalog } from "../core/errors/error-catalog.ts";
import { quoteForShell } from "../core/values/text.ts";
import { functionSecrets } from "./function.ts";
import { accountOf, type Deployment, deploymentFiles, deploymentName, infrastructureFolder } from "./plan.ts";
import { privateFlag } from "./settings.ts";

/** A command of a deployment, as data: a dry run prints it. */
export interface Command {
  /** What it does, to precede "failed". */
  readonly title: string;
  readonly argv: readonly string[];
  /** Variables that it has beside those of the shell. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What is written to its standard input, in words: secrets are shown nowhere. */
  readonly input?: string;
  /** When it is run, if not always. */
  readonly condition?: string;
  /** What to do when it fails, if its own message is not enough. */
  readonly remedy?: string;
}

/** A command line, quoted for a shell. */
export function commandLine({ argv, environment = {} }: Command): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${quoteForShell(value)}`);
  return [...variables, ...argv.map(quoteForShell)].join(" ");
}

const mostShown = 200;

/** For an error: the whole line was printed when the command started. */
export function shortCommandLine(command: Command): string {
  const line = commandLine(command);
  return line.length <= mostShown ? line : `${line.slice(0, line.lastIndexOf(" ", mostShown))} …`;
}

/** What makes sure that a secret has a version. */
export function secretCommands({ projectId }: Deployment, secret: string) {
  const versions = ["gcloud", "secrets", "versions"];
  const flags = [`--project=${projectId}`, "--quiet"];
  const filter = ["--filter=state=ENABLED", "--limit=1", "--format=value(name)"];
  return {
    list: {
      title: `Looking for a version of ${secret}`,
      argv: [...versions, "list", secret, ...filter, ...flags],
    },
    add: {
      title: `Adding a version to ${secret}`,
      argv: [...versions, "add", secret, "--data-file=-", ...flags],
      input: "the secret",
      condition: "when it has none",
    },
  } satisfies Record<string, Command>;
}

/** The commands of gcloud, and the one that packs the build. */
export function functionCommands(deployment: Deployment) {
  const { projectId, region, functionName: name } = deployment;
  const files = deploymentFiles(deployment);
  const project = [`--project=${projectId}`, "--quiet"];
  const services = (verb: string, ...parameters: string[]) => [
    ...["gcloud", "run", "services", verb, ...parameters],
    ...[`--region=${region}`, ...project],
  ];
  const list = (format: string) => services("list", `--filter=metadata.name~^${name}$`, `--format=${format}`);
  const deploy = [...deployFlags(deployment), `--region=${region}`, ...project];
  const title = "Building and deploying the function";
  return {
    projectNumber: {
      // The first command: a missing login or a wrong project is reported before anything is changed.
      title: "Looking whether the project can be reached",
      argv: ["gcloud", "projects", "describe", projectId, "--format=value(projectNumber)", "--quiet"],
      remedy: `Log in with \`gcloud auth login\`, and look whether \`gcloud projects list\` shows the id ${projectId}.`,
    },
    package: { title: "Packing the build", argv: ["node", "scripts/package.js", files.package] },
    enabled: {
      // To ask for a function of a new project would fail.
      title: "Looking whether Cloud Run is switched on",
      argv: [
        ...["gcloud", "services", "list", "--enabled", "--filter=config.name=run.googleapis.com"],
        ...["--format=value(config.name)", ...project],
      ],
    },
    serving: {
      title: "Asking for the function that serves now",
      argv: list("json(spec.template.spec.containers,status.traffic)"),
    },
    deploy: { title, argv: deploy },
    // Whoever deploys only new versions may not set who calls it: gcloud would warn each time.
    redeploy: { title, argv: deploy.filter((flag) => flag !== privateFlag) },
    policy: {
      title: "Looking whether the account that pushes may call the function",
      argv: services("get-iam-policy", name, "--format=json"),
    },
    invoker: {
      title: "Letting the account that pushes call the function",
      argv: services(
        "add-iam-policy-binding",
        name,
        `--member=serviceAccount:${accountOf(deployment, "push")}`,
        "--role=roles/run.invoker",
      ),
      condition: "when it may not",
    },
    traffic: {
      // After a rollback, messages would go on to the old revision.
      title: "Sending all messages to the new revision",
      argv: services("update-traffic", name, "--to-latest"),
    },
    present: { title: "Looking whether there is the function", argv: list("value(metadata.name)") },
    remove: {
      title: "Deleting the function",
      argv: services("delete", name),
      condition: "when there is one",
    },
  } satisfies Record<string, Command>;
}

/** Sends all messages to a revision that served before. */
export function rollbackCommand(deployment: Deployment, revision: string): Command {
  const { projectId, region, functionName } = deployment;
  const place = [`--region=${region}`, `--project=${projectId}`];
  const to = `--to-revisions=${revision}=100`;
  return {
    title: "Going back to the revision before",
    argv: ["gcloud", "run", "services", "update-traffic", functionName, to, ...place],
  };
}

function deployFlags(deployment: Deployment): string[] {
  const { projectId, region, prefix, functionName } = deployment;
  const files = deploymentFiles(deployment);
  const secrets = [
    ...functionSecrets(deployment).map(([variable, secret]) => [variable, `${secret}:latest`] as const),
    ...Object.entries(deployment.ownSecrets),
  ].map(([variable, secret]) => `${variable}=${secret}`);
  return [
    ...["gcloud", "run", "deploy", functionName],
    ...[`--source=${files.package}`, "--function=baton", "--base-image=nodejs24"],
    // Security patches of the base image come without a deployment.
    "--automatic-updates",
    `--image=${region}-docker.pkg.dev/${projectId}/${prefix}/${functionName}`,
    `--service-account=${accountOf(deployment, "function")}`,
    `--build-service-account=projects/${projectId}/serviceAccounts/${accountOf(deployment, "build")}`,
    ...deployment.function.map(({ flag }) => flag),
    `--env-vars-file=${files.functionVariables}`,
    `--set-secrets=${secrets.join(",")}`,
  ];
}

/** How Terraform is called. */
export interface TerraformCall {
  readonly programs: { readonly terraform: string };
  /** Its output goes to no terminal. */
  readonly isPlain: boolean;
}

/** What `infra/firestore.tf` makes for each field with indexes of its own. */
export const fieldsAddress = "google_firestore_field.override";

/**
 * The commands of Terraform. Each deployment has a workspace, and so a state, of its own. The chosen workspace is in a file of
 * the folder, which a deployment at the same time changes, so each call names its own by `TF_WORKSPACE`.
 */
export function infrastructureCommands(deployment: Deployment, { programs, isPlain }: TerraformCall) {
  const workspace = deploymentName(deployment);
  const environment = { TF_WORKSPACE: workspace };
  const quiet = (...words: string[]) => [programs.terraform, `-chdir=${infrastructureFolder}`, ...words];
  const terraform = (...words: string[]) => quiet(...words, ...(isPlain ? ["-no-color"] : []));
  const { terraformPlan: planFile, terraformVariables } = deploymentFiles(deployment);
  const variables = `-var-file=${terraformVariables}`;
  return {
    init: {
      title: `Preparing ${programs.terraform === "tofu" ? "OpenTofu" : "Terraform"}`,
      argv: terraform("init", "-input=false"),
    },
    // No TF_WORKSPACE here: Terraform chooses no workspace where it names one.
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
      argv: quiet("show", "-json", planFile),
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
      argv: quiet("output", "-json", "function_environment"),
      environment,
    },
    // Not created where there is none: nothing was deployed by that name.
    existing: {
      title: "Looking whether there is a state of this deployment",
      argv: [...terraform("workspace", "select"), workspace],
      remedy: `There is no state ${workspace} here. Look at --project and --prefix; where the state is on the machine that deployed, run it there, and where it is in a bucket, bring infra/backend.tf.`,
    },
    state: { title: "Reading what there is", argv: quiet("show", "-json"), environment },
    // They go with their database. Deleted before it, Firestore would first index all documents by them.
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

/** Keeps what an apply started and could not end: the next plan does not replace it. */
export function untaintCommand(
  deployment: Deployment,
  { programs }: Pick<TerraformCall, "programs">,
  address: string,
): Command {
  return {
    title: "Keeping what was made half",
    argv: [programs.terraform, `-chdir=${infrastructureFolder}`, "untaint", address],
    environment: { TF_WORKSPACE: deploymentName(deployment) },
  };
}
