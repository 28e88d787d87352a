import type { RawEnvironment } from "../../composition/variable-problems.ts";
import type { Command } from "./commands.ts";
import { type RunOptions, runCommand } from "./run-command.ts";

/** How a deployment is shown to whoever waits for it. */
export interface Show {
  /** The file descriptor to which commands write what people should read. */
  readonly errorDescriptor: number;
  /** Before a command is run. */
  step(command: Command): void;
  /** Rejects when it is not to go on. */
  confirm(question: string): Promise<void>;
}

/** Tells of a command and runs it; see `runCommand`. */
export type RunStep = (command: Command, options?: Pick<RunOptions, "input" | "captures">) => Promise<string>;

/** `environment`: that of whoever deploys, without what the workflows were given. */
export function stepsOf(show: Show, environment: RawEnvironment): RunStep {
  return (command, options = {}) => {
    show.step(command);
    return runCommand(command, { ...options, environment, errorDescriptor: show.errorDescriptor });
  };
}
