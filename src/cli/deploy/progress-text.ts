import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { BatonError } from "../../core/errors/errors.ts";
import type { DeployedFunction, ShowDeployment } from "../../deployment/apply.ts";
import { commandLine, rollbackCommand } from "../../deployment/commands.ts";
import type { ShowRemoval } from "../../deployment/destroy.ts";
import type { Prepared } from "../../deployment/prepare.ts";
import type { VariableChange } from "../../deployment/serving.ts";
import { otherKind, type StateResource } from "../../deployment/terraform-json.ts";
import { section, table } from "../output/text.ts";
import type { Session } from "../session.ts";

/** Asks on standard error, and reads a line from standard input. Throws `USAGE` when it is not the answer that is wanted. */
async function confirm(session: Session, question: string, wanted: readonly string[]): Promise<void> {
  session.note(question);
  const answer = await readLine(session.input());
  if (!wanted.includes(answer.trim()))
    throw new BatonError(
      "USAGE",
      `Nothing was changed: the answer was not ${wanted[0]}; --yes asks for none`,
    );
}

/** Nothing, where nobody answers. */
async function readLine(input: Readable): Promise<string> {
  const lines = createInterface({ input });
  try {
    for await (const line of lines) return line;
    return "";
  } finally {
    lines.close();
    input.destroy();
  }
}

interface ShowOptions {
  readonly yes?: true;
  readonly json?: true;
  readonly destroy?: true;
}

/** Shows the progress of a deployment or a removal; with `--json`, on standard error. */
export function deploymentShow(
  session: Session,
  { yes, json, destroy }: ShowOptions,
  prepared: Prepared,
): ShowRemoval & ShowDeployment {
  const print = (text: string) => (json ? session.note(text) : session.print(text));
  return {
    errorDescriptor: session.display.fd,
    step: (command) => print(`\n${command.title}\n  ${commandLine(command)}`),
    removes: (found) => print(removalText(found, prepared)),
    changes: (found) => print(changesText(found)),
    warn: (text) => session.note(text),
    wayBack: (command) =>
      session.note(`The new revision may serve already. To go back:  ${commandLine(command)}`),
    confirm: async (question) => {
      if (yes) return;
      if (destroy) await confirm(session, question, [prepared.deployment.prefix]);
      else await confirm(session, `${question} Type yes to go on:`, ["yes", "y"]);
    },
  };
}

function changesText(found: readonly VariableChange[]): string {
  const lines = found.map(({ name, kind, before, after }) => {
    const values = [before, after].filter((value) => value !== undefined).join(" → ");
    return `${kind.padEnd("changed".length)}  ${name}${values === "" ? "" : `: ${values}`}`;
  });
  const title = "Variables of the function that change";
  return ["", ...section(title, lines.length > 0 ? lines : ["none"])].join("\n");
}

function removalText(found: readonly StateResource[], { deployment, parts }: Prepared): string {
  const { functionName, region } = deployment;
  const rows = [
    ...found.filter(({ kind }) => kind !== otherKind).map(({ kind, name }) => [kind, name]),
    ...(parts.includes("function")
      ? [["Cloud Run function", `${functionName} (${region}), if there is one`]]
      : []),
  ];
  const others = Map.groupBy(
    found.filter(({ kind }) => kind === otherKind),
    ({ name }) => name,
  );
  const counts = [...others].map(([name, each]) => `${each.length} ${name}`);
  const lines = [
    ...(found.length === 0 ? ["the state holds nothing: the infrastructure is gone, or is another's"] : []),
    ...(rows.length > 0 ? [table(["KIND", "NAME"], rows)] : []),
    ...(counts.length > 0 ? [`and ${counts.join(", ")}`] : []),
  ];
  return ["", ...section("Is deleted, with all data, by the state of Terraform", lines)].join("\n");
}

/** When a removal is done. */
export function removedText({ deployment: { prefix, projectId, region } }: Prepared): string {
  return `\n${prefix} is gone from ${projectId}. Sources that were built stay in the bucket run-sources-${projectId}-${region}.`;
}

/** When a deployment is done. */
export function deployedText({ deployment }: Prepared, deployed: DeployedFunction | undefined): string {
  if (!deployed)
    return "\nThe infrastructure is there. Next: `baton deploy --skip-infra` deploys the function.";
  const { environment, commandFile, previousRevision } = deployed;
  return [
    "",
    `Deployed: ${environment.BATON_AUDIENCE}`,
    "Batches that run keep the definition that they started with, and run with the new code.",
    ...(previousRevision === undefined
      ? []
      : [`To go back:  ${commandLine(rollbackCommand(deployment, previousRevision))}`]),
    "Next:",
    `  set -a; . ${commandFile}; set +a`,
    "  npx baton batches",
  ].join("\n");
}
