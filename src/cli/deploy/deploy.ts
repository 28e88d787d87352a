import { createInterface } from "node:readline";
import type { Command } from "commander";
import { BatonError } from "../../core/errors/errors.ts";
import type { DeployedFunction } from "../../deployment/apply.ts";
import { rollbackCommand } from "../../deployment/commands.ts";
import { visitorCommand } from "../../deployment/deploy-console.ts";
import type { Part } from "../../deployment/plan.ts";
import type { Prepared } from "../../deployment/prepare.ts";
import type { TargetOptions } from "../../deployment/target.ts";
import { otherKind } from "../../deployment/terraform-plan.ts";
import {
  commandLine,
  type Display,
  type StateResource,
  type VariableChange,
} from "../../deployment/tools.ts";
import type { CheckResult, CheckStatus } from "../../doctor/check.ts";
import { oneLine, section, table } from "../output/text.ts";
import { failureExitCode, type Session, usageExitCode } from "../session.ts";
import { enterProject } from "./pack.ts";
import { planText, planView } from "./plan-text.ts";

interface Options extends TargetOptions {
  readonly dryRun?: true;
  readonly destroy?: true;
  readonly yes?: true;
  readonly skipInfra?: true;
  readonly skipFunction?: true;
  readonly json?: true;
}

export function registerDeploy(program: Command, session: Session): void {
  program
    .command("deploy")
    .description("deploy to Google Cloud: infrastructure, function, and what the workflows need")
    .option("--project <id>", "the project (default: BATON_PROJECT)")
    .option("--region <region>", "the region (default: BATON_LOCATION)")
    .option("--prefix <prefix>", "first part of all names (default: BATON_PREFIX, or baton)")
    .option("--function <name>", "name of the function (default: BATON_DEPLOY_FUNCTION, or the prefix)")
    .option(
      "--variables <file>",
      "variables of this deployment, NAME=value; others than Baton's are the function's",
    )
    .option("--console", "also deploy a console, behind Identity-Aware Proxy (default: BATON_DEPLOY_CONSOLE)")
    .option("--dry-run", "only print the resources and commands; needs no account, network or tools")
    .option("--skip-infra", "deploy only the function")
    .option("--skip-function", "make only the infrastructure")
    .option("--destroy", "take the deployment away, with all of its data")
    .option("--yes", "ask nothing")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton deploy --project my-project --region europe-west1 --dry-run")
    .action((options: Options) => deploy(session, options));
}

async function deploy(session: Session, options: Options): Promise<void> {
  const parts = selectedParts(options);
  const { assertReady, prepareDeployment } = await import("../../deployment/prepare.ts");
  const { functionEnvironment } = await import("../../deployment/function.ts");
  const { recordCommands, runningSteps } = await import("../../deployment/tools.ts");
  const { applyDeployment, destroyDeployment } = await import("../../deployment/apply.ts");
  const removes = options.destroy === true;
  const isPlain = options.json === true || !session.display.isTTY;
  const { folder: root, toPath } = enterProject();
  const variables = options.variables === undefined ? {} : { variables: toPath(options.variables) };
  const place = { ...variables, root, parts, removes, isPlain };
  const prepared = await prepareDeployment(session.environment, { ...options, ...place });
  const { deployment, target } = prepared;
  const commands = await recordCommands((progress) =>
    (removes ? destroyDeployment : applyDeployment)({ ...prepared, ...progress }),
  );
  const projectNumber = "<project number>";
  const environment = functionEnvironment(deployment, target, { projectNumber });
  const view = planView(prepared, commands, environment);
  if (options.dryRun && options.json) return session.json({ dryRun: true, ...view });
  if (!options.json) session.print(planText(view, { destroy: removes, dryRun: options.dryRun === true }));
  if (options.dryRun) return;
  assertReady(prepared);
  const display = deploymentDisplay(session, options, prepared);
  const deploying = { ...prepared, ...runningSteps(root, prepared.toolEnvironment, display) };
  if (removes) {
    const deleted = await destroyDeployment(deploying);
    if (options.json) session.json({ dryRun: false, ...view, previousRevision: null, deleted });
    else session.print(removedText(prepared));
    return;
  }
  const deployed = await applyDeployment(deploying);
  // With a new version of the function alone, the infrastructure is as it was.
  const checked = deployed && !options.skipInfra ? await check(session, prepared, deployed, options) : {};
  const { previousRevision = null, commandFile = null, consoleUrl = null } = deployed ?? {};
  const result = { previousRevision, commandFile, consoleUrl };
  if (options.json) session.json({ dryRun: false, ...view, ...result, ...checked });
  else session.print(deployedText(prepared, deployed));
}

function selectedParts({ skipInfra, skipFunction }: Options): Part[] {
  if (skipInfra && skipFunction)
    throw new BatonError("USAGE", "--skip-infra and --skip-function together leave nothing to deploy");
  return [...(skipInfra ? [] : ["infrastructure" as const]), ...(skipFunction ? [] : ["function" as const])];
}

/** Runs the doctor, which decides how the command ends. */
async function check(session: Session, prepared: Prepared, deployed: DeployedFunction, { json }: Options) {
  const { checkDeployment } = await import("../../deployment/apply.ts");
  const { results } = await checkDeployment(prepared, deployed);
  const counts = countResults(results);
  // Without a login for programs nothing could be checked, and nothing is wrong with the deployment.
  const checked = results.every(({ id, status }) => id !== "google.credentials" || status === "ok");
  if (!checked)
    session.note("It could not be checked: `gcloud auth application-default login`, then `baton doctor`");
  else if (!json) session.print(doctorText(results));
  if (counts.failed !== 0 && checked) session.exitCode = failureExitCode;
  return { checked, counts, checks: results };
}

/** Asks on standard error, and reads a line from standard input. Throws `USAGE` for any other answer. */
export async function confirm(
  session: Session,
  question: string,
  expected: readonly string[],
): Promise<void> {
  session.note(question);
  const input = session.input();
  const lines = createInterface({ input });
  const { value = "" } = await lines[Symbol.asyncIterator]().next();
  lines.close();
  input.destroy();
  if (expected.includes(value.trim())) return;
  const message = `Nothing was changed: the answer was not ${expected[0]}. Use --yes to skip the question`;
  throw new BatonError("USAGE", message);
}

/** Shows the progress of a deployment or a removal; with `--json`, on standard error. */
function deploymentDisplay(session: Session, { yes, json, destroy }: Options, prepared: Prepared): Display {
  const print = (text: string) => (json ? session.note(text) : session.print(text));
  return {
    errorDescriptor: session.display.fd,
    step: (command) => print(`\n${command.title}\n  ${commandLine(command)}`),
    removal: (resources) => print(removalText(resources, prepared)),
    variableChanges: (changes) => print(changesText(changes)),
    warn: (text) => session.note(text),
    confirm: async (question) => {
      if (yes) return;
      if (destroy) await confirm(session, question, [prepared.deployment.prefix]);
      else await confirm(session, `${question} Type yes to continue:`, ["yes", "y"]);
    },
  };
}

function changesText(changes: readonly VariableChange[]): string {
  const lines = changes.map(({ name, kind, before, after }) => {
    const values = [before, after].filter((value) => value !== undefined).join(" → ");
    return `${kind.padEnd("changed".length)}  ${name}${values === "" ? "" : `: ${values}`}`;
  });
  const title = "Variables of the function that change";
  return ["", ...section(title, lines.length > 0 ? lines : ["none"])].join("\n");
}

function removalText(resources: readonly StateResource[], { deployment, parts }: Prepared): string {
  const { functionName, region } = deployment;
  const { named = [], others = [] } = Object.groupBy(resources, ({ kind }) =>
    kind === otherKind ? "others" : "named",
  );
  const rows = named.map(({ kind, name }) => [kind, name]);
  if (parts.includes("function"))
    rows.push(["Cloud Run function", `${functionName} (${region}), if there is one`]);
  if (parts.includes("function") && deployment.console)
    rows.push(["Cloud Run service", `${deployment.console.service} (${region}), if there is one`]);
  const byName = Map.groupBy(others, ({ name }) => name);
  const counts = [...byName].map(([name, each]) => `${each.length} ${name}`);
  const nothing = "the state holds nothing: the infrastructure is gone, or belongs to another deployment";
  const lines = [
    ...(resources.length === 0 ? [nothing] : []),
    ...(rows.length > 0 ? [table(["KIND", "NAME"], rows)] : []),
    ...(counts.length > 0 ? [`and ${counts.join(", ")}`] : []),
  ];
  return ["", ...section("Is deleted, with all data, by the state of Terraform", lines)].join("\n");
}

/** For the end of a removal. */
function removedText({ deployment: { prefix, projectId, region } }: Prepared): string {
  const sources = `run-sources-${projectId}-${region}`;
  return `\n${prefix} is gone from ${projectId}. The sources of builds stay in the bucket ${sources}.`;
}

/** For the end of a deployment. */
function deployedText({ deployment }: Prepared, deployed: DeployedFunction | undefined): string {
  if (!deployed)
    return "\nThe infrastructure is deployed. Next: `baton deploy --skip-infra` deploys the function.";
  const { environment, commandFile, previousRevision, consoleUrl } = deployed;
  return [
    "",
    `Deployed: ${environment.BATON_AUDIENCE}`,
    ...consoleText(deployment, consoleUrl),
    "Running batches keep their definition, and run with the new code.",
    ...(previousRevision === undefined
      ? []
      : [`To go back:  ${commandLine(rollbackCommand(deployment, previousRevision))}`]),
    "Next:",
    `  set -a; . ${commandFile}; set +a`,
    "  npx baton batches",
  ].join("\n");
}

function consoleText(deployment: Prepared["deployment"], url: string | undefined): string[] {
  if (url === undefined || !deployment.console) return [];
  const visitor = visitorCommand(deployment, deployment.console.service, "group:<group>");
  return [`Console: ${url}`, `To let others read it:  ${commandLine(visitor)}`];
}

const statuses: readonly CheckStatus[] = ["ok", "warning", "failed", "unknown"];

/** How many results there are of each status. */
function countResults(results: readonly CheckResult[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    statuses.map((status) => [status, results.filter((result) => result.status === status).length]),
  );
}

/** One line for each result that is ok or unknown, several with a remedy for each other one, and the counts. */
export function doctorText(results: readonly CheckResult[]): string {
  const counts = countResults(results);
  const summary = statuses.map((status) => `${counts[status]} ${status}`).join(", ");
  return [...results.flatMap(resultLines), summary].join("\n");
}

function resultLines(result: CheckResult): string[] {
  const { status, id, subject, found, expected, remedy, deployCommand, commands } = result;
  const head = `${status.padEnd(8)} ${id}  ${oneLine(subject)}`;
  if (status === "ok") return [`${head}: ${oneLine(found)}`];
  if (status === "unknown") return [`${head}: ${oneLine(found)}. ${oneLine(remedy ?? "")}`];
  return [
    head,
    `         found: ${oneLine(found)}`,
    `         expected: ${oneLine(expected)}`,
    `         what to do: ${oneLine(remedy ?? "")}`,
    ...[...commands, deployCommand ?? []].flat().map((command) => `           ${oneLine(command)}`),
  ];
}

/** The commands that fix failures and warnings, each once. The deployment is last: it needs the others. */
export function fixCommands(results: readonly CheckResult[]): readonly string[] {
  const wrong = results.filter(({ status }) => status === "failed" || status === "warning");
  const commands = wrong.flatMap((result) => result.commands).map(oneLine);
  return [...new Set([...commands, ...wrong.flatMap(({ deployCommand }) => deployCommand ?? [])])];
}

interface DoctorOptions {
  readonly json?: true;
  readonly fixCommands?: true;
}

export function registerDoctor(program: Command, session: Session): void {
  program
    .command("doctor")
    .description("check everything that Baton needs, and say how to fix problems")
    .option("--fix-commands", "print only the commands that fix the problems")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton doctor --fix-commands")
    .action((options: DoctorOptions) => doctor(session, options));
}

async function doctor(session: Session, { json, fixCommands: onlyCommands }: DoctorOptions): Promise<void> {
  const { diagnose } = await import("../../doctor/diagnose.ts");
  const { results, isConfigured } = await diagnose(session.environment);
  const counts = countResults(results);
  if (json) session.json({ healthy: counts.failed === 0, counts, checks: results });
  else if (onlyCommands) for (const command of fixCommands(results)) session.print(command);
  else session.print(doctorText(results));
  if (!isConfigured) session.exitCode = usageExitCode;
  else if (counts.failed !== 0) session.exitCode = failureExitCode;
}
