import { CommanderError } from "commander";
import type { ErrorCode } from "../core/errors/error-catalog.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { oneLine } from "./output/text.ts";
import { failureExitCode, type Session, usageExitCode } from "./session.ts";

/** Errors about what was typed. All others are about what was found when it was done. */
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

export function asksForJson(words: readonly string[]): boolean {
  return words.includes("--json");
}

/** Tells what went wrong and what to do, for people and, if asked, for programs. Gives the exit code. */
export function reportFailure(session: Session, thrown: unknown, json: boolean): number {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
  const error = codedError(thrown);
  const { code, message, remedy } = error;
  session.note(`error ${code}: ${withoutControls(message)}`);
  session.note(`what to do: ${remedy}`);
  if (debuggedCodes.has(code) && session.environment.BATON_DEBUG === "1") session.note(debugStackText(error));
  if (json) session.json({ error: { code, message, remedy } });
  return usageCodes.has(code) ? usageExitCode : failureExitCode;
}

/** What was typed, or what a task said, must not rearrange a terminal. Lines stay lines. */
function withoutControls(text: string): string {
  return text.split("\n").map(oneLine).join("\n");
}

function codedError(thrown: unknown): BatonError {
  if (thrown instanceof BatonError) return thrown;
  if (thrown instanceof CommanderError) return usageError(thrown);
  return new BatonError("INTERNAL", errorMessage(thrown), { cause: thrown });
}

function usageError({ code, message }: CommanderError): BatonError {
  // Help that was shown because nothing was asked for.
  if (code === "commander.help") return new BatonError("USAGE", "A command is missing");
  return new BatonError("USAGE", message.replace(/^error: /, "").replaceAll("\n", " "));
}

function debugStackText(error: BatonError): string {
  const { cause } = error;
  return (cause instanceof Error ? cause.stack : error.stack) ?? "";
}
