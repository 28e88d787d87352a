import type { Readable } from "node:stream";
import { CommanderError } from "commander";
import type { RawEnvironment } from "../configuration/variables.ts";
import type { ErrorCode } from "../core/errors/error-catalog.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import type { LogOutput } from "../ports/telemetry.ts";
import { oneLine } from "./output/text.ts";

/** Standard error, where people read. */
export interface Display {
  /** The file descriptor, for child processes. */
  readonly fd: number;
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** The parts of the process that a command uses. A test provides its own. */
export interface ProcessIo {
  readonly environment: RawEnvironment;
  /** Opens standard input. A command that reads it may close it. */
  input(): Readable;
  readonly display: Display;
  /** Default: descriptor 2. */
  readonly logOutput?: LogOutput;
  /**
   * From now on, a signal that would end the process aborts the returned signal instead, with the exit code as its
   * reason. The process then has `limits.shutdownSeconds` left.
   */
  catchSignals(): AbortSignal;
}

/** What a command uses to read, print and end. */
export interface Session extends ProcessIo {
  /** The exit code of the process; 0 unless a command sets it. */
  exitCode: number;
  /** Writes a line to standard output. */
  print(line: string): void;
  /** Writes a line for people to standard error. */
  note(line: string): void;
  /** Writes a JSON value to standard output. Only the first call has an effect. */
  json(value: unknown): void;
}

/** `write` writes to standard output. */
export function openSession(processIo: ProcessIo, write: (text: string) => void): Session {
  let hasJson = false;
  return {
    ...processIo,
    exitCode: 0,
    print: (line) => write(`${line}\n`),
    note: (line) => void processIo.display.write(`${line}\n`),
    json: (value) => {
      // A failure after the command's own JSON is reported on standard error and by the exit code.
      if (hasJson) return;
      hasJson = true;
      write(`${JSON.stringify(value, null, 2)}\n`);
    },
  };
}

/** The command line or the environment is wrong. */
export const usageExitCode = 2;
/** The operation failed, or the batch did. */
export const failureExitCode = 1;

export const stoppingNote =
  "Stopping: short tasks may finish, the rest is released. A second signal stops at once.";

/** Errors in the command line or the environment. All others happened while the command ran. */
const usageCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "USAGE",
  "CONFIGURATION_INVALID",
  "CREDENTIALS_MISSING",
  "WORKFLOW_UNKNOWN",
  "WORKFLOW_FOLDER_MISSING",
  "DEPLOY_NOTHING",
  "PROJECT_MISSING",
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
  "KEY_REPEATED",
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
