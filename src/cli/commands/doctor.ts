import type { Command } from "commander";
import { commandsOf, countsOf, doctorText } from "../output/doctor.ts";
import { failureExitCode, type Session, usageExitCode } from "../session.ts";

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
  const { diagnose } = await import("../../doctor/doctor.ts");
  const { results, isConfigured } = await diagnose(session.environment);
  const counts = countsOf(results);
  if (json) session.json({ healthy: counts.failed === 0, counts, checks: results });
  else if (fixCommands) for (const command of commandsOf(results)) session.print(command);
  else session.print(doctorText(results));
  if (!isConfigured) session.exitCode = usageExitCode;
  else if (counts.failed !== 0) session.exitCode = failureExitCode;
}
