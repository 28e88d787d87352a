import { type Command, commandLine, rollbackCommand } from "../../deployment/run/commands.ts";
import type { DeployedFunction } from "../../deployment/run/deploy-function.ts";
import type { Prepared } from "../../deployment/run/prepare.ts";
import { otherKind, type StateResource } from "../../deployment/run/state.ts";
import type { VariableChange } from "../../deployment/run/variable-changes.ts";
import { section, table } from "./text.ts";

/** Before a command is run. */
export function stepText(command: Command): string {
  return `\n${command.title}\n  ${commandLine(command)}`;
}

/** What a deployment changes in the variables of the function; values of Baton's own alone. */
export function changesText(found: readonly VariableChange[]): string {
  const lines = found.map(({ name, kind, before, after }) => {
    const values = [before, after].filter((value) => value !== undefined).join(" → ");
    return `${kind.padEnd(longestKind)}  ${name}${values === "" ? "" : `: ${values}`}`;
  });
  return ["", ...section("Variables of the function that change", lines.length > 0 ? lines : ["none"])].join(
    "\n",
  );
}

const longestKind = "changed".length;

/** After a failure. */
export function wayBackText(command: Command): string {
  return `The new revision may serve already. To go back:  ${commandLine(command)}`;
}

/** What a removal deletes, by the state of Terraform. */
export function removalText(found: readonly StateResource[], { deployment, parts }: Prepared): string {
  const named = found.filter(({ kind }) => kind !== otherKind).map(({ kind, name }) => [kind, name]);
  const { functionName, region } = deployment;
  const fn = ["Cloud Run function", `${functionName} (${region}), if there is one`];
  const rows = [...named, ...(parts.includes("function") ? [fn] : [])];
  return [
    "",
    ...section("Is deleted, with all data, by the state of Terraform", [
      ...(found.length === 0 ? ["the state holds nothing: the infrastructure is gone, or is another's"] : []),
      ...(rows.length > 0 ? [table(["KIND", "NAME"], rows)] : []),
      ...othersText(found),
    ]),
  ].join("\n");
}

function othersText(found: readonly StateResource[]): string[] {
  const counts = new Map<string, number>();
  for (const { kind, name } of found) if (kind === otherKind) counts.set(name, (counts.get(name) ?? 0) + 1);
  if (counts.size === 0) return [];
  return [`and ${[...counts].map(([name, count]) => `${count} ${name}`).join(", ")}`];
}

/** When all is done. */
export function nextText(
  { deployment }: Prepared,
  deployed: DeployedFunction | undefined,
  isRemoved: boolean,
): string {
  const { prefix, projectId, region } = deployment;
  if (isRemoved)
    return `\n${prefix} is gone from ${projectId}. Sources that were built stay in the bucket run-sources-${projectId}-${region}.`;
  if (!deployed)
    return "\nThe infrastructure is there. Next: `baton deploy --skip-infra` deploys the function.";
  const { environment, commandFile, previousRevision } = deployed;
  return [
    "",
    `Deployed: ${environment.BATON_AUDIENCE}`,
    "Batches that run go on with the definition they began with, and with the new code.",
    ...(previousRevision === undefined
      ? []
      : [`To go back:  ${commandLine(rollbackCommand(deployment, previousRevision))}`]),
    "Next:",
    `  set -a; . ${commandFile}; set +a`,
    "  npx baton batches",
  ].join("\n");
}
