import type { DeployedFunction } from "../../composition/deployment/apply.ts";
import { type Command, commandLine, rollbackCommand } from "../../composition/deployment/commands.ts";
import { environmentFile, functionSecrets } from "../../composition/deployment/function-environment.ts";
import type { Deployment } from "../../composition/deployment/plan.ts";
import type { Prepared } from "../../composition/deployment/prepare.ts";
import { broughtBucket, resourcesOf } from "../../composition/deployment/resources.ts";
import { terraformVariables, variablesFile } from "../../composition/deployment/variables.ts";
import { table } from "./text.ts";

/** The first column of the table in docs/deploy.md; a test compares them. */
const idleCost =
  "about 0.76 USD a month while idle at list prices, nearly nothing within the free tiers; docs/deploy.md has the arithmetic";

/** What `--json` prints of a deployment before it is made. */
export interface PlanView {
  readonly deployment: Omit<Deployment, "settings" | "function">;
  readonly parts: Prepared["parts"];
  readonly resources: ReturnType<typeof resourcesOf>;
  readonly function: {
    readonly settings: Deployment["function"];
    /** Its variables, and the secrets by their variable. */
    readonly environment: Readonly<Record<string, string>>;
    readonly secrets: Readonly<Record<string, string>>;
  };
  readonly terraform: { readonly file: string; readonly variables: ReturnType<typeof terraformVariables> };
  readonly idleCost: string;
  readonly commands: readonly (Command & { readonly line: string })[];
  /** What keeps it from being made from this machine. */
  readonly missing: readonly string[];
}

export function planView(
  { deployment, tools, packageProblems, parts }: Prepared,
  commands: readonly Command[],
  environment: Readonly<Record<string, string>>,
): PlanView {
  const { settings: _settings, function: functionSettings, ...rest } = deployment;
  return {
    deployment: rest,
    parts,
    resources: resourcesOf(deployment),
    function: {
      settings: functionSettings,
      environment,
      secrets: Object.fromEntries(functionSecrets(deployment)),
    },
    terraform: { file: variablesFile, variables: terraformVariables(deployment) },
    idleCost,
    commands: commands.map((command) => ({ ...command, line: commandLine(command) })),
    missing: [...tools.problems, ...packageProblems],
  };
}
interface PlanOptions {
  readonly destroy: boolean;
  readonly dryRun: boolean;
}

/** The whole plan for people; of a removal, what is deleted. */
export function planText(view: PlanView, { destroy, dryRun }: PlanOptions): string {
  const { deployment, resources } = view;
  const { projectId, region, prefix } = deployment;
  const verb = destroy ? "Deletes" : "Deploys";
  return [
    `${verb} ${prefix} in the project ${projectId}, region ${region}`,
    "",
    ...section(destroy ? "Is deleted, with all data" : "Resources", [
      table(
        ["KIND", "NAME", "PURPOSE"],
        resources
          .filter(({ kind }) => !destroy || kind !== broughtBucket)
          .map(({ kind, name, purpose }) => [kind, name, purpose]),
      ),
    ]),
    ...(destroy ? [] : whatRuns(view)),
    ...(dryRun ? section("Commands", view.commands.map(commandText)) : []),
    ...(view.missing.length > 0 ? section("Missing on this machine", view.missing) : []),
  ].join("\n");
}

function whatRuns(view: PlanView): string[] {
  const { deployment, function: fn, terraform } = view;
  const settings = fn.settings.map(({ flag, why }) => [flag.replace(/^--/, ""), why]);
  return [
    ...section("Function", [table(["SETTING", "REASON"], settings)]),
    ...section(`Variables of the function (${environmentFile})`, [
      ...Object.entries(fn.environment).map(([name, value]) => `${name}=${value}`),
      ...Object.entries(fn.secrets).map(([name, secret]) => `${name}: secret ${secret}, latest version`),
    ]),
    ...section(`Variables of the infrastructure (${terraform.file})`, [
      ...Object.entries(terraform.variables).map(([name, value]) => `${name} = ${JSON.stringify(value)}`),
    ]),
    ...section("Workflows", startsText(deployment)),
    ...section("Cost", [view.idleCost]),
  ];
}

type Starts = Pick<Deployment, "workflowIds" | "schedules" | "fileTriggers">;

function startsText({ workflowIds, schedules, fileTriggers }: Starts): string[] {
  return [
    workflowIds.join(", "),
    ...schedules.map(({ workflowId, cron, timeZone }) => `schedule  ${workflowId}: ${cron} (${timeZone})`),
    ...fileTriggers.map(
      ({ workflowId, pattern, bucket }) => `files  ${workflowId}: ${pattern} in ${bucket ?? "any bucket"}`,
    ),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return [`${title}:`, ...lines.flatMap((line) => line.split("\n")).map((line) => `  ${line}`), ""];
}

function commandText(command: Command): string {
  const { input, condition } = command;
  const notes = [
    ...(condition ? [condition] : []),
    ...(input ? [`${input} goes to its standard input`] : []),
  ];
  return `${commandLine(command)}${notes.length > 0 ? `  # ${notes.join("; ")}` : ""}`;
}

/** Before a command is run. */
export function stepText(command: Command): string {
  return `\n${command.title}\n  ${commandLine(command)}`;
}

/** When all is done. */
export function nextText(
  deployment: Deployment,
  deployed: DeployedFunction | undefined,
  isRemoved: boolean,
): string {
  const { prefix, projectId, region } = deployment;
  if (isRemoved)
    return `\n${prefix} is gone from ${projectId}. Sources that were built stay in the bucket run-sources-${projectId}-${region}.`;
  if (!deployed)
    return "\nThe infrastructure is there. Next: `baton deploy --skip-infra` deploys the function.";
  const { environment, previousRevision } = deployed;
  return [
    "",
    `Deployed: ${environment.BATON_AUDIENCE}`,
    "Batches that run go on with the definition they began with, and with the new code.",
    ...(previousRevision === undefined
      ? []
      : [`To go back:  ${commandLine(rollbackCommand(deployment, previousRevision))}`]),
    "Next:",
    // All of them: whatever is left out is taken for its default, which may be another deployment's.
    `  export ${Object.entries(environment)
      .filter(([name]) => name.startsWith("BATON_"))
      .map(([name, value]) => `${name}=${quoted(value)}`)
      .join(" ")}`,
    "  baton workflows",
  ].join("\n");
}

/** As a shell takes it for one word. */
function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
