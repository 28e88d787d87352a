import { quoted } from "../../composition/shell.ts";
import { deploymentFiles } from "../plan/files.ts";
import { functionSecrets } from "../plan/function-environment.ts";
import { privateFlag } from "../plan/function-settings.ts";
import { accountOf, type Deployment } from "../plan/plan.ts";

/** A command that deploys, as data: a dry run prints what a deployment runs. */
export interface Command {
  /** What it does, to follow "…" or to precede "failed". */
  readonly title: string;
  readonly argv: readonly string[];
  /** Variables that it has beside those of whoever deploys. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What is written to its standard input, in words: secrets are shown nowhere. */
  readonly input?: string;
  /** When it is run, if not always. */
  readonly condition?: string;
  /** What to do when it fails, where what it says itself is too little. */
  readonly remedy?: string;
}

/** A command line that a shell takes as it is meant. */
export function commandLine({ argv, environment = {} }: Command): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${quoted(value)}`);
  return [...variables, ...argv.map(quoted)].join(" ");
}

/** More of it tells a reader nothing: the whole line was printed when the command began. */
const mostShown = 200;

/** Enough of a command line to know the command by. */
export function shortCommandLine(command: Command): string {
  const line = commandLine(command);
  return line.length <= mostShown ? line : `${line.slice(0, line.lastIndexOf(" ", mostShown))} …`;
}

/** What makes sure that a secret has a version. */
export function secretCommands(deployment: Deployment, secret: string) {
  const of = [`--project=${deployment.projectId}`, "--quiet"];
  return {
    list: {
      title: `Looking for a version of ${secret}`,
      argv: [
        ...["gcloud", "secrets", "versions", "list", secret],
        ...["--filter=state=ENABLED", "--limit=1", "--format=value(name)", ...of],
      ],
    },
    add: {
      title: `Adding a version to ${secret}`,
      argv: ["gcloud", "secrets", "versions", "add", secret, "--data-file=-", ...of],
      input: "the secret",
      condition: "when it has none",
    },
  } satisfies Record<string, Command>;
}

export function functionCommands(deployment: Deployment) {
  const { projectId, region, functionName: name } = deployment;
  const of = [`--region=${region}`, `--project=${projectId}`, "--quiet"];
  const files = deploymentFiles(deployment);
  return {
    projectNumber: {
      // First of all: whoever is not logged in, or names no project of theirs, is told before anything is changed.
      title: "Looking whether the project can be reached",
      argv: ["gcloud", "projects", "describe", projectId, "--format=value(projectNumber)", "--quiet"],
      remedy: `Log in with \`gcloud auth login\`, and look whether \`gcloud projects list\` shows the id ${projectId}.`,
    },
    package: { title: "Packing the build", argv: ["node", "scripts/package.js", files.package] },
    enabled: {
      // In a new project there is no function yet, and to ask for one would fail.
      title: "Looking whether Cloud Run is switched on",
      argv: [
        ...["gcloud", "services", "list", "--enabled", "--filter=config.name=run.googleapis.com"],
        ...["--format=value(config.name)", `--project=${projectId}`, "--quiet"],
      ],
    },
    serving: {
      title: "Asking for the function that serves now",
      argv: [
        ...["gcloud", "run", "services", "list", `--filter=metadata.name~^${name}$`],
        ...["--format=json(spec.template.spec.containers,status.traffic)", ...of],
      ],
    },
    deploy: {
      title: "Building and deploying the function",
      argv: [...deployFlags(deployment), ...of],
    },
    redeploy: {
      title: "Building and deploying the function",
      // Whoever deploys only new versions may not say who calls it: gcloud would warn each time that it can't.
      argv: [...deployFlags(deployment).filter((flag) => flag !== privateFlag), ...of],
    },
    policy: {
      title: "Looking whether the account that pushes may call the function",
      argv: ["gcloud", "run", "services", "get-iam-policy", name, "--format=json", ...of],
    },
    invoker: {
      title: "Letting the account that pushes call the function",
      argv: [
        ...["gcloud", "run", "services", "add-iam-policy-binding", name],
        `--member=serviceAccount:${accountOf(deployment, "push")}`,
        ...["--role=roles/run.invoker", ...of],
      ],
      condition: "when it may not",
    },
    traffic: {
      title: "Sending all messages to the new revision",
      // After a rollback they would go on to the old one.
      argv: ["gcloud", "run", "services", "update-traffic", name, "--to-latest", ...of],
    },
    present: {
      title: "Looking whether there is the function",
      argv: [
        ...["gcloud", "run", "services", "list", `--filter=metadata.name~^${name}$`],
        ...["--format=value(metadata.name)", ...of],
      ],
    },
    remove: {
      title: "Deleting the function",
      argv: ["gcloud", "run", "services", "delete", name, ...of],
      condition: "when there is one",
    },
  } satisfies Record<string, Command>;
}

/** Sends all messages to a revision that was there before. */
export function rollbackCommand(deployment: Deployment, revision: string): Command {
  const { projectId, region, functionName } = deployment;
  return {
    title: "Going back to the revision before",
    argv: [
      ...["gcloud", "run", "services", "update-traffic", functionName, `--to-revisions=${revision}=100`],
      ...[`--region=${region}`, `--project=${projectId}`],
    ],
  };
}

/** The flags with which it runs are in `function-settings.ts`, with their reasons. */
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
