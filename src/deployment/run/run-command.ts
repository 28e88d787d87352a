import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import type { RawEnvironment } from "../../composition/variable-problems.ts";
import { BatonError, messageOf } from "../../core/errors.ts";
import { type Command, shortCommandLine } from "./commands.ts";

export interface RunOptions {
  /** Written to its standard input; a command gets nothing else there. */
  readonly input?: string;
  /** What it writes is returned rather than shown. */
  readonly captures?: boolean;
  /** Where its standard error goes, and what it writes unless that is returned. */
  readonly errorDescriptor: number;
  /** That of whoever deploys. */
  readonly environment: RawEnvironment;
}

/** Runs a command to its end, and returns what it wrote if that is wanted. Throws `DEPLOY_FAILED`. */
export async function runCommand(
  command: Command,
  { input, captures, errorDescriptor, environment }: RunOptions,
): Promise<string> {
  const [program = "", ...parameters] = command.argv;
  // Terraform would heed that of a shell in which somebody works on another deployment.
  const { TF_WORKSPACE: _, ...given } = environment;
  const child = spawn(program, parameters, {
    env: { ...given, ...command.environment },
    // Standard output is the deployment's own: what is shown goes to standard error.
    stdio: [input === undefined ? "ignore" : "pipe", captures ? "pipe" : errorDescriptor, errorDescriptor],
  });
  // Ctrl-C reaches the command as well, which has to put things in order before it ends: this process waits for it.
  const wait = () => {};
  const pass = () => void child.kill("SIGTERM");
  process.on("SIGINT", wait).on("SIGTERM", pass);
  try {
    const ended = new Promise<number | string | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(code ?? signal));
    });
    // A command that ends before it has read tells by its exit code why.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
    const [end, output] = await Promise.all([ended, child.stdout ? text(child.stdout) : ""]);
    if (end !== 0) throw failed(command, `it ended with ${end}`);
    return output;
  } catch (error) {
    throw error instanceof BatonError ? error : failed(command, messageOf(error), error);
  } finally {
    process.off("SIGINT", wait).off("SIGTERM", pass);
  }
}

function failed(command: Command, reason: string, cause?: unknown): BatonError {
  const message = `${command.title} failed: ${reason}. Nothing after it was done; what came before stays`;
  return new BatonError("DEPLOY_FAILED", message, {
    where: shortCommandLine(command),
    cause,
    ...(command.remedy !== undefined && { remedy: command.remedy }),
  });
}
