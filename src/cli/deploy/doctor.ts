import type { Command } from "commander";
import type { CheckResult, CheckStatus } from "../../doctor/check.ts";
import { oneLine } from "../output/text.ts";
import { failureExitCode, type Session, usageExitCode } from "../session.ts";

const statuses: readonly CheckStatus[] = ["ok", "warning", "failed", "unknown"];

/** How many results there are of each status. */
export function countResults(results: readonly CheckResult[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    statuses.map((status) => [status, results.filter((result) => result.status === status).length]),
  );
}

/** What is well or unknown on one line, all else with what to do about it; and a line that counts. */
export function doctorText(results: readonly CheckResult[]): string {
  const counts = countResults(results);
  const summary = statuses.map((status) => `${counts[status]} ${status}`).join(", ");
  return [...results.flatMap(linesOf), summary].join("\n");
}

function linesOf(result: CheckResult): string[] {
  const { status, id, subject, found, expected, remedy, deployCommand, commands } = result;
  const head = `${status.padEnd(8)} ${id}  ${oneLine(subject)}`;
  if (status === "ok") return [`${head}: ${oneLine(found)}`];
  if (status === "unknown") return [`${head}: ${oneLine(found)}. ${oneLine(remedy ?? "")}`];
  return [
    head,
    `         found: ${oneLine(found)}`,
    `         expected: ${oneLine(expected)}`,
    `         what to do: ${oneLine(remedy ?? "")}`,
    ...(deployCommand === null ? [] : [`           ${deployCommand}`]),
    ...commands.map(
      (command) => `           ${deployCommand === null ? "" : withoutTerraform}${oneLine(command)}`,
    ),
  ];
}

/** A comment to a shell: what was deployed need not be created. */
const withoutTerraform = "# without Terraform: ";

/**
 * The commands that mend what failed or is warned of, each once. A deployment comes first; what would create the same by hand is
 * a comment.
 */
export function commandsOf(results: readonly CheckResult[]): readonly string[] {
  const wrong = results.filter(({ status }) => status === "failed" || status === "warning");
  const deploying = wrong.flatMap(({ deployCommand }) => deployCommand ?? []);
  const mending = wrong.flatMap(({ deployCommand, commands }) =>
    commands.map((command) => `${deployCommand === null ? "" : withoutTerraform}${oneLine(command)}`),
  );
  return [...new Set([...deploying, ...mending])];
}

interface Options {
  readonly json?: true;
  readonly fixCommands?: true;
}

export function registerDoctor(program: Command, session: Session): void {
  program
    .command("doctor")
    .description("look whether everything is there that Baton needs, and tell how to mend what is not")
    .option("--fix-commands", "print only the commands that mend what is amiss")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton doctor --fix-commands")
    .action((options: Options) => doctor(session, options));
}

async function doctor(session: Session, { json, fixCommands }: Options): Promise<void> {
  const { diagnose } = await import("../../doctor/diagnose.ts");
  const { results, isConfigured } = await diagnose(session.environment);
  const counts = countResults(results);
  if (json) session.json({ healthy: counts.failed === 0, counts, checks: results });
  else if (fixCommands) for (const command of commandsOf(results)) session.print(command);
  else session.print(doctorText(results));
  if (!isConfigured) session.exitCode = usageExitCode;
  else if (counts.failed !== 0) session.exitCode = failureExitCode;
}
