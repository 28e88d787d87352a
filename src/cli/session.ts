import type { Readable } from "node:stream";
import type { RawEnvironment } from "../configuration/variables.ts";
import type { LogOutput } from "../ports/telemetry.ts";

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
