import { constants } from "node:os";
import { BatonError, codeOf, messageOf } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { reportFailure } from "./failure.ts";
import { createProgram } from "./program.ts";
import { failureExitCode, type Session } from "./session.ts";

/** A terminal signals the whole group, and launchers pass the signal on: the same one so soon is the same one. */
const sameSignalMs = 1_000;
/** How long what a task's code left running may hold the process once everything is done. */
const lingerMs = 1_000;
const marginMs = 700;

const session: Session = {
  environment: process.env,
  exitCode: 0,
  print: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${line}\n`),
  json: (value) => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`),
  catchSignals,
};

interface Launch {
  /** By bin/baton.js on an older Node, which is the parent of this process. */
  readonly launched: boolean;
  /** Of the package. */
  readonly version: string;
}

/** Runs the command that the process was started with. */
export async function runCommandLine({ launched, version }: Launch): Promise<void> {
  guardProcess(launched);
  process.on("beforeExit", reportUnfinished);
  try {
    await createProgram(session, version).parseAsync(process.argv);
  } catch (thrown) {
    session.exitCode = reportFailure(session, thrown, wantsJson());
  }
  process.off("beforeExit", reportUnfinished);
  process.exitCode = session.exitCode;
  setTimeout(() => process.exit(), lingerMs).unref();
}

/** Node ends, as if all were well, when it waits for what nothing can bring about any more. */
function reportUnfinished(): void {
  const problem = "Something is awaited that will never come, perhaps at the top of a workflow file";
  process.exit(reportFailure(session, new BatonError("WORKFLOW_FILE_FAILED", problem), wantsJson()));
}

function wantsJson(): boolean {
  return process.argv.includes("--json");
}

function guardProcess(launched: boolean): void {
  // Whoever killed the launcher meant this process.
  if (launched) process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  if (launched) process.channel?.unref();
  // `baton batches | head` closes the pipe early.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error) =>
      process.exit(codeOf(error) === "EPIPE" ? session.exitCode : failureExitCode),
    );
  muteWarnings(["MetadataLookupWarning"]);
  // A promise that a task's code forgot about: the task itself ends as it ends.
  process.on("unhandledRejection", (reason) =>
    session.note(`warning: a promise that nobody awaits was rejected: ${messageOf(reason)}`),
  );
  process.on("uncaughtException", (error) => {
    const problem = `Something threw where nobody catches, perhaps a task's own code: ${messageOf(error)}`;
    process.exit(reportFailure(session, new BatonError("STRAY_EXCEPTION", problem, { cause: error }), false));
  });
}

/** Google's client warns of these where there are no credentials: Baton tells that itself, with what to do. */
function muteWarnings(names: readonly string[]): void {
  const listeners = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    if (!names.includes(warning.name)) for (const listener of listeners) listener(warning);
  });
}

function catchSignals(): AbortSignal {
  const controller = new AbortController();
  let first: { readonly signal: string; readonly at: number } | undefined;
  const receive = (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => {
    const exitCode = 128 + constants.signals[signal];
    if (!first) {
      first = { signal, at: performance.now() };
      setTimeout(() => process.exit(exitCode), limits.shutdownSeconds * 1_000 + marginMs).unref();
      controller.abort(exitCode);
    } else if (signal !== first.signal || performance.now() - first.at > sameSignalMs) process.exit(exitCode);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, receive);
  return controller.signal;
}
