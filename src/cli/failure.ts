import { CommanderError } from "commander";
import type { ErrorCode } from "../core/errors/error-catalog.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { oneLine } from "./output/text.ts";
import { failureExitCode, type Session, usageExitCode } from "./session.ts";

/** Errors in the command line or the environment. All others happened while the command ran. */
const usageCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "USAGE",
  "CONFIGURATION_INVALID",
  "CREDENTIALS_MISSING",
  "WORKFLOW_UNKNOWN",
  "WORKFLOW_FOLDER_MISSING",
  "DEPLOY_NOTHING",
  "INBOX_MISSING",
  "BATCH_UNKNOWN",
  "TASK_UNKNOWN",
  "EXECUTION_UNKNOWN",
  "CALLBACK_UNKNOWN",
  "SQL_FAILED",
  "DEAD_LETTER_UNKNOWN",
  "INPUT_INVALID",
  "INPUT_TOO_LARGE",
  "ITEMS_INVALID",
  "BODY_NOT_JSON",
  "BODY_NOT_BASE64",
  "NUMBER_NOT_EXACT",
  "BODY_NOT_AN_EVENT",
  "EVENT_TYPE_UNKNOWN",
]);

/** Errors that BATON_DEBUG=1 shows with their stack. */
const debuggedCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["INTERNAL", "STRAY_EXCEPTION"]);

export function wantsJson(words: readonly string[]): boolean {
  return words.includes("--json");
}

/** Reports the error and its remedy for people and, with `--json`, for programs. Returns the exit code. */
export function reportFailure(session: Session, thrown: unknown, json: boolean): number {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
  const error = toBatonError(thrown);
  const { code, message, remedy } = error;
  session.note(`error ${code}: ${withoutControls(message)}`);
  session.note(`what to do: ${remedy}`);
  if (debuggedCodes.has(code) && session.environment.BATON_DEBUG === "1") session.note(debugStackText(error));
  if (json) session.json({ error: { code, message, remedy } });
  return usageCodes.has(code) ? usageExitCode : failureExitCode;
}

/** Removes control characters, which could change the terminal, but keeps line breaks. */
function withoutControls(text: string): string {
  return text.split("\n").map(oneLine).join("\n");
}

function toBatonError(thrown: unknown): BatonError {
  if (thrown instanceof BatonError) return thrown;
  if (thrown instanceof CommanderError) return toUsageError(thrown);
  return new BatonError("INTERNAL", errorMessage(thrown), { cause: thrown });
}

function toUsageError({ code, message }: CommanderError): BatonError {
  // Commander shows the help if no command is given.
  if (code === "commander.help") return new BatonError("USAGE", "A command is missing");
  return new BatonError("USAGE", message.replace(/^error: /, "").replaceAll("\n", " "));
}

function debugStackText(error: BatonError): string {
  const { cause } = error;
  return (cause instanceof Error ? cause.stack : error.stack) ?? "";
}
