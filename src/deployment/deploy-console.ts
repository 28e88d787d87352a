import { gcloudCommand } from "./commands.ts";
import { environmentText } from "./function.ts";
import { type Deployment, deploymentFiles, serviceAccountEmail } from "./plan.ts";
import type { Deploying } from "./prepare.ts";
import { consoleSettings, privateFlag } from "./settings.ts";
import type { Command } from "./tools.ts";
import type { TextVariables } from "./variables-file.ts";

type Console = NonNullable<Deployment["console"]>;

/** Of the function alone: the console neither runs tasks nor sends traces. */
const functionOnly = /^OTEL_|^BATON_TRACES$|^BATON_DEPLOY_/;

/** The variables of the console: those of the function, without any secret, and whom Identity-Aware Proxy lets in. */
function consoleEnvironment(
  { region }: Pick<Deployment, "region">,
  { service, operators }: Console,
  { functionVariables, projectNumber }: { functionVariables: TextVariables; projectNumber: string },
): TextVariables {
  const shared = Object.entries(functionVariables).filter(([name]) => !functionOnly.test(name));
  return {
    ...Object.fromEntries(shared),
    BATON_CONSOLE_AUDIENCE: `/projects/${projectNumber}/locations/${region}/services/${service}`,
    ...(operators.length > 0 && { BATON_CONSOLE_OPERATORS: operators.join(",") }),
  };
}

/** The commands of gcloud that deploy the console, and remove it. */
function consoleCommands(deployment: Deployment, { service, operators }: Console, projectNumber: string) {
  const { projectId, region, prefix } = deployment;
  const files = deploymentFiles(deployment);
  const builder = serviceAccountEmail(deployment, "build");
  const deploy = [
    // The flag --iap is not in gcloud's main commands of all versions that Baton accepts.
    ...["beta", "run", "deploy", service],
    ...[`--source=${files.package}`, "--function=baton", "--base-image=nodejs24", "--automatic-updates"],
    `--image=${region}-docker.pkg.dev/${projectId}/${prefix}/${service}`,
    `--service-account=${serviceAccountEmail(deployment, "console")}`,
    `--build-service-account=projects/${projectId}/serviceAccounts/${builder}`,
    ...consoleSettings.map(({ flag }) => flag),
    ...[`--env-vars-file=${files.consoleVariables}`, `--region=${region}`],
  ];
  const proxy = `serviceAccount:service-${projectNumber}@gcp-sa-iap.iam.gserviceaccount.com`;
  const services = (title: string, words: readonly string[], more = {}) =>
    gcloudCommand(title, ["run", "services", ...words, `--region=${region}`], projectId, more);
  const title = "Building and deploying the console";
  return {
    identity: gcloudCommand(
      "Making sure that Identity-Aware Proxy has an account here",
      ["beta", "services", "identity", "create", "--service=iap.googleapis.com"],
      projectId,
    ),
    deploy: gcloudCommand(title, deploy, projectId),
    redeploy: gcloudCommand(
      title,
      deploy.filter((flag) => flag !== privateFlag),
      projectId,
    ),
    invoker: services("Letting Identity-Aware Proxy call the console", [
      ...["add-iam-policy-binding", service, `--member=${proxy}`, "--role=roles/run.invoker"],
    ]),
    visitors: operators.map((operator) => visitorCommand(deployment, service, `user:${operator}`)),
    present: services(
      "Looking for the console",
      ["list", `--filter=metadata.name~^${service}$`, "--format=value(metadata.name)"],
      { assumed: service },
    ),
    remove: services("Deleting the console", ["delete", service], { condition: "when it exists" }),
  };
}

/** Lets a person or a group open the console. */
export function visitorCommand(
  { projectId, region }: Pick<Deployment, "projectId" | "region">,
  service: string,
  member: string,
): Command {
  const resource = ["--resource-type=cloud-run", `--service=${service}`, `--region=${region}`];
  const grant = [`--member=${member}`, "--role=roles/iap.httpsResourceAccessor", "--condition=None"];
  return gcloudCommand(
    "Letting an operator open the console",
    ["beta", "iap", "web", "add-iam-policy-binding", ...resource, ...grant],
    projectId,
  );
}

/**
 * Deploys the console from the package of the function, if the deployment has one; returns its address. `isWhole`: the
 * deploying account may grant.
 */
export async function deployConsole(
  { deployment, steps }: Deploying,
  given: {
    readonly functionVariables: TextVariables;
    readonly projectNumber: string;
    readonly isWhole: boolean;
  },
): Promise<string | undefined> {
  const { console } = deployment;
  if (!console) return undefined;
  const { projectNumber, isWhole } = given;
  const commands = consoleCommands(deployment, console, projectNumber);
  const variables = consoleEnvironment(deployment, console, given);
  steps.write(deploymentFiles(deployment).consoleVariables, environmentText(variables), true);
  if (isWhole) await steps.run(commands.identity);
  await steps.run(isWhole ? commands.deploy : commands.redeploy);
  if (isWhole) for (const command of [commands.invoker, ...commands.visitors]) await steps.run(command);
  return `https://${console.service}-${projectNumber}.${deployment.region}.run.app`;
}

/** Removes the console, if the deployment has one. */
export async function removeConsole({ deployment, steps }: Deploying, projectNumber: string): Promise<void> {
  if (!deployment.console) return;
  const { present, remove } = consoleCommands(deployment, deployment.console, projectNumber);
  if ((await steps.run(present, { captures: true })).trim() !== "") await steps.run(remove);
}
