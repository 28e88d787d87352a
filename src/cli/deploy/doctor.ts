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

interface Options {
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
    .action((options: Options) => doctor(session, options));
}

async function doctor(session: Session, { json, fixCommands: onlyCommands }: Options): Promise<void> {
  const { diagnose } = await import("../../doctor/diagnose.ts");
  const { results, isConfigured } = await diagnose(session.environment);
  const counts = countResults(results);
  if (json) session.json({ healthy: counts.failed === 0, counts, checks: results });
  else if (onlyCommands) for (const command of fixCommands(results)) session.print(command);
  else session.print(doctorText(results));
  if (!isConfigured) session.exitCode = usageExitCode;
  else if (counts.failed !== 0) session.exitCode = failureExitCode;
}
