import type { Readable } from "node:stream";
import type { RawEnvironment } from "../configuration/variables.ts";
import type { LogOutput } from "../ports/telemetry.ts";

/** Where people read: standard error. */
export interface Display {
  /** Its file descriptor, which other programs can write to. */
  readonly fd: number;
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** The process that a command runs in, or what a test gives it in place of one. */
export interface Surroundings {
  readonly environment: RawEnvironment;
  /** Standard input, opened when it is first asked for. A command that reads it may close it. */
  input(): Readable;
  readonly display: Display;
  /** Where the log goes. Undefined: descriptor 2. */
  readonly logOutput?: LogOutput;
  /**
   * From now on, signals that end a process abort this instead; the reason is the signal's exit code. The process
   * then has `limits.shutdownSeconds` left.
   */
  catchSignals(): AbortSignal;
}

/** What a command is given of the process it runs in. */
export interface Session extends Surroundings {
  /** How the process will end. 0 unless a command says otherwise. */
  exitCode: number;
  /** Writes a line to standard output. */
  print(line: string): void;
  /** Writes a line for people to standard error. */
  note(line: string): void;
  /** Writes a JSON value to standard output, the first that it is given: there is never a second. */
  json(value: unknown): void;
}

/** `write` writes to standard output. */
export function openSession(surroundings: Surroundings, write: (text: string) => void): Session {
  let hasJson = false;
  return {
    ...surroundings,
    exitCode: 0,
    print: (line) => write(`${line}\n`),
    note: (line) => void surroundings.display.write(`${line}\n`),
    json: (value) => {
      // A failure after a command has printed its outcome is on standard error and in the exit code.
      if (hasJson) return;
      hasJson = true;
      write(`${JSON.stringify(value, null, 2)}\n`);
    },
  };
}

/** Wrong usage: the command line names something that can't be. */
export const usageExitCode = 2;
/** The operation failed, or the batch did. */
export const failureExitCode = 1;

export const stoppingNote =
  "Stopping: short tasks may finish, the rest is released. A second signal stops at once.";
