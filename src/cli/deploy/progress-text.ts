import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { BatonError } from "../../core/errors/errors.ts";
import type { DeployedFunction } from "../../deployment/apply.ts";
import { rollbackCommand } from "../../deployment/commands.ts";
import type { Prepared } from "../../deployment/prepare.ts";
import {
  commandLine,
  type Display,
  type StateResource,
  type VariableChange,
} from "../../deployment/run-steps.ts";
import { otherKind } from "../../deployment/terraform-json.ts";
import { section, table } from "../output/text.ts";
import type { Session } from "../session.ts";

/** Asks on standard error, and reads a line from standard input. Throws `USAGE` for any other answer. */
async function confirm(session: Session, question: string, expected: readonly string[]): Promise<void> {
  session.note(question);
  const answer = await readLine(session.input());
  if (!expected.includes(answer.trim()))
    throw new BatonError(
      "USAGE",
      `Nothing was changed: the answer was not ${expected[0]}; --yes does not ask`,
    );
}

/** Empty if standard input has ended. */
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

interface DisplayOptions {
  readonly yes?: true;
  readonly json?: true;
  readonly destroy?: true;
}

/** Shows the progress of a deployment or a removal; with `--json`, on standard error. */
export function deploymentDisplay(
  session: Session,
  { yes, json, destroy }: DisplayOptions,
  prepared: Prepared,
): Display {
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
  const rows = [
    ...resources.filter(({ kind }) => kind !== otherKind).map(({ kind, name }) => [kind, name]),
    ...(parts.includes("function")
      ? [["Cloud Run function", `${functionName} (${region}), if there is one`]]
      : []),
  ];
  const others = Map.groupBy(
    resources.filter(({ kind }) => kind === otherKind),
    ({ name }) => name,
  );
  const counts = [...others].map(([name, each]) => `${each.length} ${name}`);
  const lines = [
    ...(resources.length === 0
      ? ["the state holds nothing: the infrastructure is gone, or belongs to another deployment"]
      : []),
    ...(rows.length > 0 ? [table(["KIND", "NAME"], rows)] : []),
    ...(counts.length > 0 ? [`and ${counts.join(", ")}`] : []),
  ];
  return ["", ...section("Is deleted, with all data, by the state of Terraform", lines)].join("\n");
}

/** For the end of a removal. */
export function removedText({ deployment: { prefix, projectId, region } }: Prepared): string {
  const sources = `run-sources-${projectId}-${region}`;
  return `\n${prefix} is gone from ${projectId}. The sources of builds stay in the bucket ${sources}.`;
}

/** For the end of a deployment. */
export function deployedText({ deployment }: Prepared, deployed: DeployedFunction | undefined): string {
  if (!deployed)
    return "\nThe infrastructure is deployed. Next: `baton deploy --skip-infra` deploys the function.";
  const { environment, commandFile, previousRevision } = deployed;
  return [
    "",
    `Deployed: ${environment.BATON_AUDIENCE}`,
    "Running batches keep their definition, and run with the new code.",
    ...(previousRevision === undefined
      ? []
      : [`To go back:  ${commandLine(rollbackCommand(deployment, previousRevision))}`]),
    "Next:",
    `  set -a; . ${commandFile}; set +a`,
    "  npx baton batches",
  ].join("\n");
}
