import {
  deploymentFiles,
  existingBucket,
  idleCostText,
  infrastructureFolder,
  listResources,
  terraformVariables,
} from "../../deployment/plan.ts";
import type { Prepared } from "../../deployment/prepare.ts";
import { consoleSettings } from "../../deployment/settings.ts";
import { type Command, commandLine } from "../../deployment/tools.ts";
import { functionSecrets, looksSecret } from "../../deployment/variables-file.ts";
import { section, table } from "../output/text.ts";

/** What `--json` prints about a deployment. */
export type PlanView = ReturnType<typeof planView>;

export function planView(
  { deployment, target, tools, packageProblems, parts, warnings }: Prepared,
  commands: readonly Command[],
  environment: Readonly<Record<string, string>>,
) {
  const { settings, function: functionSettings, ownSecrets, ...rest } = deployment;
  const shown = Object.entries(environment).map(([name, value]) => {
    return [name, name in target.ownVariables && looksSecret(name, value) ? "…" : value] as const;
  });
  return {
    deployment: rest,
    parts,
    resources: listResources(deployment, parts),
    function: {
      settings: functionSettings,
      /** Without the values that look like secrets. */
      environment: Object.fromEntries(shown),
      /** By their variable. */
      secrets: { ...Object.fromEntries(functionSecrets(deployment)), ...ownSecrets },
    },
    /** How the console runs; empty if there is none of its own. */
    console: deployment.console ? consoleSettings : [],
    terraform: {
      file: `${infrastructureFolder}/${deploymentFiles(deployment).terraformVariables}`,
      variables: terraformVariables(deployment),
    },
    idleCost: idleCostText(settings),
    commands: commands.map((command) => ({ ...command, line: commandLine(command) })),
    warnings: [...target.warnings, ...warnings],
    /** Why it can't be deployed from this machine. */
    missing: [...tools.problems, ...packageProblems],
  };
}

type PlanOptions = Readonly<Record<"destroy" | "dryRun", boolean>>;

/** The plan for people; for a removal, the resources to delete. */
export function planText(view: PlanView, options: PlanOptions): string {
  const { projectId, region, prefix } = view.deployment;
  const verb = options.destroy ? "Deletes" : "Deploys";
  const part = (title: string, lines: readonly string[]) => (lines.length > 0 ? section(title, lines) : []);
  return [
    `${verb} ${prefix} in the project ${projectId}, region ${region}`,
    "",
    ...(options.destroy ? removedText(view, options) : createdText(view)),
    ...part("Commands", options.dryRun ? view.commands.map(commandText) : []),
    ...part("Look at this", view.warnings),
    ...part("Missing on this machine", view.missing),
  ].join("\n");
}

function createdText(view: PlanView): string[] {
  const { deployment, parts, resources, terraform } = view;
  const values = Object.entries(terraform.variables);
  const variables = values.map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  const infrastructure = section(`Variables of the infrastructure (${terraform.file})`, variables);
  return [
    ...section("Resources", [resourceTable(resources)]),
    ...(parts.includes("function") ? [...functionText(view), ...consoleText(view)] : []),
    ...(parts.includes("infrastructure") ? infrastructure : []),
    ...section("Workflows", startsText(deployment)),
    ...section("Cost", [view.idleCost]),
  ];
}

/** A removal reads the state of Terraform before it asks; a dry run does not. */
function removedText({ parts, resources }: PlanView, { dryRun }: PlanOptions): string[] {
  const hasState = parts.includes("infrastructure");
  if (hasState && !dryRun) return [];
  const title = hasState
    ? "Would be deleted, with all data. The list is computed from the variables, not read from the state of Terraform"
    : "Is deleted";
  return section(title, [resourceTable(resources.filter(({ kind }) => kind !== existingBucket))]);
}

function resourceTable(resources: PlanView["resources"]): string {
  const rows = resources.map(({ kind, name, purpose }) => [kind, name, purpose]);
  return table(["KIND", "NAME", "PURPOSE"], rows);
}

function functionText({ deployment, function: { settings, environment, secrets } }: PlanView): string[] {
  const rows = settings.map(({ flag, why }) => [flag.replace(/^--/, ""), why]);
  const secretText = (secret: string) => {
    // Baton's own secrets have no version here, and use the latest.
    const [, name = secret, version = "latest"] = /^(.+):([^:]+)$/.exec(secret) ?? [];
    return `secret ${name}, ${version === "latest" ? "latest version" : `version ${version}`}`;
  };
  return [
    ...section("Function", [table(["SETTING", "REASON"], rows)]),
    ...section(`Variables of the function (${deploymentFiles(deployment).functionVariables})`, [
      ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      ...Object.entries(secrets).map(([name, secret]) => `${name}: ${secretText(secret)}`),
    ]),
  ];
}

function consoleText({ deployment: { console }, console: settings }: PlanView): string[] {
  if (!console) return [];
  const people = console.operators.length > 0 ? console.operators.join(", ") : "no one: it only reads";
  return [
    ...section("Console", [
      table(
        ["SETTING", "REASON"],
        settings.map(({ flag, why }) => [flag.replace(/^--/, ""), why]),
      ),
      `may change something: ${people}`,
    ]),
  ];
}

function startsText(deployment: PlanView["deployment"]): string[] {
  return [
    deployment.workflowIds.join(", "),
    ...deployment.schedules.map(
      ({ workflowId, cron, timeZone }) => `schedule  ${workflowId}: ${cron} (${timeZone})`,
    ),
    ...deployment.fileTriggers.map(
      ({ workflowId, pattern, bucket }) => `files  ${workflowId}: ${pattern} in ${bucket ?? "any bucket"}`,
    ),
  ];
}

function commandText(command: Command): string {
  const { input, condition } = command;
  const notes = [condition, input && `${input} goes to its standard input`].filter(Boolean);
  return `${commandLine(command)}${notes.length > 0 ? `  # ${notes.join("; ")}` : ""}`;
}
