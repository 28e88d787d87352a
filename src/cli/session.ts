import type { RawEnvironment } from "../composition/raw-environment.ts";

/** What a command is given of the process it runs in. */
export interface Session {
  readonly environment: RawEnvironment;
  /** How the process will end. 0 unless a command says otherwise. */
  exitCode: number;
  /** Writes a line to standard output. */
  print(line: string): void;
  /** Writes a line for people to standard error. */
  note(line: string): void;
  /** Writes a JSON value to standard output, the first that it is given: there is never a second. */
  json(value: unknown): void;
  /**
   * From now on, signals that end a process abort this instead; the reason is the signal's exit code. The process
   * then has `limits.shutdownSeconds` left.
   */
  catchSignals(): AbortSignal;
}

/** Wrong usage: the command line names something that can't be. */
export const usageExitCode = 2;
/** The operation failed, or the batch did. */
export const failureExitCode = 1;

export const stoppingNote =
  "Stopping: short tasks may finish, the rest is given back. Once more stops at once.";
