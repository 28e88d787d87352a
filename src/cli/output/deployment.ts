import { deploymentFiles, infrastructureFolder } from "../../deployment/plan/files.ts";
import { functionSecrets } from "../../deployment/plan/function-environment.ts";
import { idleCostText } from "../../deployment/plan/idle-cost.ts";
import type { Deployment } from "../../deployment/plan/plan.ts";
import { broughtBucket, resourcesOf } from "../../deployment/plan/resources.ts";
import { terraformVariables } from "../../deployment/plan/variables.ts";
import { type Command, commandLine } from "../../deployment/run/commands.ts";
import type { Prepared } from "../../deployment/run/prepare.ts";
import { withoutLikelySecrets } from "../../deployment/target/own-secrets.ts";
import { section, table } from "./text.ts";

/** What `--json` prints of a deployment before it is made. */
export interface PlanView {
  readonly deployment: Omit<Deployment, "settings" | "function" | "ownSecrets">;
  readonly parts: Prepared["parts"];
  readonly resources: ReturnType<typeof resourcesOf>;
  readonly function: {
    readonly settings: Deployment["function"];
    /** Its variables, without the values of what looks like a secret, and the secrets by their variable. */
    readonly environment: Readonly<Record<string, string>>;
    readonly secrets: Readonly<Record<string, string>>;
  };
  readonly terraform: { readonly file: string; readonly variables: ReturnType<typeof terraformVariables> };
  readonly idleCost: string;
  readonly commands: readonly (Command & { readonly line: string })[];
  /** What works, but is perhaps not what was meant. */
  readonly warnings: readonly string[];
  /** What keeps it from being made from this machine. */
  readonly missing: readonly string[];
}

export function planView(
  { deployment, target, tools, packageProblems, parts, warnings: planWarnings }: Prepared,
  commands: readonly Command[],
  environment: Readonly<Record<string, string>>,
): PlanView {
  const { settings, function: functionSettings, ownSecrets, ...rest } = deployment;
  return {
    deployment: rest,
    parts,
    resources: resourcesOf(deployment, parts),
    function: {
      settings: functionSettings,
      environment: withoutLikelySecrets(environment, target.ownVariables),
      secrets: { ...Object.fromEntries(functionSecrets(deployment)), ...ownSecrets },
    },
    terraform: {
      file: `${infrastructureFolder}/${deploymentFiles(deployment).terraformVariables}`,
      variables: terraformVariables(deployment),
    },
    idleCost: idleCostText(settings),
    commands: commands.map((command) => ({ ...command, line: commandLine(command) })),
    warnings: [...target.warnings, ...planWarnings],
    missing: [...tools.problems, ...packageProblems],
  };
}

interface PlanOptions {
  readonly destroy: boolean;
  readonly dryRun: boolean;
}

/** The whole plan for people; of a removal, what is deleted. */
export function planText(view: PlanView, options: PlanOptions): string {
  const { projectId, region, prefix } = view.deployment;
  const verb = options.destroy ? "Deletes" : "Deploys";
  return [
    `${verb} ${prefix} in the project ${projectId}, region ${region}`,
    "",
    ...(options.destroy ? removedText(view, options) : madeText(view)),
    ...(options.dryRun ? section("Commands", view.commands.map(commandText)) : []),
    ...(view.warnings.length > 0 ? section("Look at this", view.warnings) : []),
    ...(view.missing.length > 0 ? section("Missing on this machine", view.missing) : []),
  ].join("\n");
}

function madeText(view: PlanView): string[] {
  const { deployment, parts, resources, terraform } = view;
  const variables = Object.entries(terraform.variables);
  return [
    ...section("Resources", [resourceTable(resources)]),
    ...(parts.includes("function") ? functionText(view) : []),
    ...(parts.includes("infrastructure")
      ? section(`Variables of the infrastructure (${terraform.file})`, [
          ...variables.map(([name, value]) => `${name} = ${JSON.stringify(value)}`),
        ])
      : []),
    ...section("Workflows", startsText(deployment)),
    ...section("Cost", [view.idleCost]),
  ];
}

/** What is really there, the state of Terraform tells: a removal reads it before it asks. */
function removedText({ parts, resources }: PlanView, { dryRun }: PlanOptions): string[] {
  const hasState = parts.includes("infrastructure");
  if (hasState && !dryRun) return [];
  const title = hasState
    ? "Would be deleted, with all data. The list is computed from the variables; without --dry-run, the state of Terraform tells what there is, before the question"
    : "Is deleted";
  return section(title, [resourceTable(resources.filter(({ kind }) => kind !== broughtBucket))]);
}

function resourceTable(resources: PlanView["resources"]): string {
  return table(
    ["KIND", "NAME", "PURPOSE"],
    resources.map(({ kind, name, purpose }) => [kind, name, purpose]),
  );
}

function functionText({ deployment, function: fn }: PlanView): string[] {
  const settings = fn.settings.map(({ flag, why }) => [flag.replace(/^--/, ""), why]);
  return [
    ...section("Function", [table(["SETTING", "REASON"], settings)]),
    ...section(`Variables of the function (${deploymentFiles(deployment).functionVariables})`, [
      ...Object.entries(fn.environment).map(([name, value]) => `${name}=${value}`),
      ...Object.entries(fn.secrets).map(([name, secret]) => `${name}: ${secretText(secret)}`),
    ]),
  ];
}

/** One of Baton's own has no version: it is the latest. */
function secretText(secret: string): string {
  const [, name = secret, version = "latest"] = /^(.+):([^:]+)$/.exec(secret) ?? [];
  return `secret ${name}, ${version === "latest" ? "latest version" : `version ${version}`}`;
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

function commandText(command: Command): string {
  const { input, condition } = command;
  const notes = [
    ...(condition ? [condition] : []),
    ...(input ? [`${input} goes to its standard input`] : []),
  ];
  return `${commandLine(command)}${notes.length > 0 ? `  # ${notes.join("; ")}` : ""}`;
}
