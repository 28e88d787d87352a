import { Command } from "commander";
import { registerComplete, registerEvent } from "./commands/answer.ts";
import { registerApply, registerRemove } from "./commands/apply.ts";
import { registerBatches, registerCancel, registerShow } from "./commands/batches.ts";
import { registerChaos } from "./commands/chaos.ts";
import { registerForget } from "./commands/forget.ts";
import { registerInit } from "./commands/init.ts";
import { registerInspect } from "./commands/inspect.ts";
import { registerClearResult, registerExplain, registerUnlock } from "./commands/keys.ts";
import { registerMcp } from "./commands/mcp.ts";
import { registerDeadLetters, registerPublish, registerReplay } from "./commands/publish.ts";
import { registerResend } from "./commands/resend.ts";
import { registerBackfill, registerRetry, registerRun } from "./commands/run.ts";
import { registerGraph, registerSchema, registerValidate, registerWorkflows } from "./commands/workflows.ts";
import { registerCheck } from "./deploy/check.ts";
import { registerDeploy, registerDoctor } from "./deploy/deploy.ts";
import { registerPack } from "./deploy/pack.ts";
import { registerConsole } from "./serve/console.ts";
import { registerDev } from "./serve/dev.ts";
import { registerStart } from "./serve/start.ts";
import type { Session } from "./session.ts";
import { reportFailure, wantsJson } from "./session.ts";

const environmentHelp = `
Environment:
  BATON_DATA       folder of the data (default .baton of the project)
  BATON_INBOX      folder for dropped files (default $BATON_DATA/inbox)
  BATON_WORKFLOWS  folder of workflow files (default workflows of the project)
  BATON_LOG_LEVEL  debug, info, warn, error or silent
All variables are in docs/configuration.md, exit codes and JSON in docs/cli.md.`;

const helpColumns = 80;

const registrations = [
  registerInit,
  registerStart,
  registerDev,
  registerConsole,
  registerRun,
  registerBackfill,
  registerBatches,
  registerShow,
  registerInspect,
  registerExplain,
  registerCancel,
  registerRetry,
  registerComplete,
  registerEvent,
  registerUnlock,
  registerClearResult,
  registerForget,
  registerResend,
  registerPublish,
  registerDeadLetters,
  registerReplay,
  registerWorkflows,
  registerValidate,
  registerSchema,
  registerGraph,
  registerChaos,
  registerApply,
  registerRemove,
  registerDoctor,
  registerCheck,
  registerDeploy,
  registerPack,
  registerMcp,
];

/** Runs the command of the words after `baton`. An error is reported and sets the exit code of the session. */
export async function runProgram(session: Session, version: string, words: readonly string[]): Promise<void> {
  try {
    await createProgram(session, version).parseAsync([...words], { from: "user" });
  } catch (thrown) {
    session.exitCode = reportFailure(session, thrown, wantsJson(words));
  }
}

/** Parsing rejects with a CommanderError instead of ending the process. */
export function createProgram(session: Session, version: string): Command {
  const program = new Command("baton")
    .description("Runs DAG workflows: here from one file, and serverless on Google Cloud.")
    .version(version)
    .addHelpText("after", environmentHelp)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => session.print(text.trimEnd()),
      writeErr: (text) => session.note(text.trimEnd()),
      // The build writes the help to a file, for terminals of any width.
      getOutHelpWidth: () => helpColumns,
      // `runProgram` reports the error.
      outputError: () => {},
    });
  for (const register of registrations) register(program, session);
  return program;
}
