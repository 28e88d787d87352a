import { execFile } from "node:child_process";
import { writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { containStrayErrors } from "../app/stray-errors.ts";
import { BatonError, errorCode, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { asksForJson, reportFailure } from "./failure.ts";
import { runProgram } from "./program.ts";
import { failureExitCode, openSession, type Session } from "./session.ts";

const lookMs = 500;
const npx = /^npm exec\b|\bnpx(-cli\.js)?\b|\bnpm(-cli\.js)? exec\b/;
const shell = /^(\S*\/)?(sh|dash|ash|bash|zsh|ksh) /;

/**
 * `npx` runs a command through a shell and passes signals to that alone: the shell dies, and the command would go on
 * with nothing left to stop it. Resolves once the npx that started this process is gone, or a process between the two;
 * never when this process was started in another way. `hasLauncher`: the parent is bin/baton.js on another Node.
 */
async function untilNpxEnds(hasLauncher: boolean): Promise<void> {
  const chain = process.env.npm_command === "exec" ? await chainToNpx(hasLauncher) : undefined;
  if (chain === undefined) return new Promise(() => {});
  while (await isWhole(chain)) await sleep(lookMs, undefined, { ref: false });
}

/** Ids of processes, from the parent of this one up to npx; undefined when something else than a shell is between. */
async function chainToNpx(hasLauncher: boolean): Promise<number[] | undefined> {
  const chain: number[] = [];
  for (let next: number | undefined = process.ppid; next !== undefined; next = await parentOf(next)) {
    const command = await commandOf(next);
    const isLauncher = hasLauncher && chain.length === 0;
    chain.push(next);
    if (npx.test(command) && !shell.test(command) && !isLauncher) return chain;
    if (!shell.test(command) && !isLauncher) return undefined;
  }
  return undefined;
}

/** When a process has died, its children have another parent. */
async function isWhole(chain: readonly number[]): Promise<boolean> {
  let parent: number | undefined = process.ppid;
  for (const [index, pid] of chain.entries()) {
    if (parent !== pid) return false;
    if (index < chain.length - 1) parent = await parentOf(pid);
  }
  return true;
}

async function parentOf(pid: number): Promise<number | undefined> {
  if (process.platform !== "linux") return Number(await ask("ppid=", pid)) || undefined;
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name of the program, in parentheses, may hold anything.
  const [, parent] = status.slice(status.lastIndexOf(")") + 2).split(" ");
  return Number(parent) || undefined;
}

async function commandOf(pid: number): Promise<string> {
  if (process.platform !== "linux") return ask("command=", pid);
  const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return words.replaceAll("\0", " ");
}

async function ask(column: string, pid: number): Promise<string> {
  const { stdout } = await promisify(execFile)("ps", ["-o", column, "-p", String(pid)]).catch(() => ({
    stdout: "",
  }));
  return stdout.trim();
}

const lookAgainMs = 5;

/**
 * Writes to the command's own standard output, which user code does not reach: see bin/baton.js. It returns when all is
 * written, so that nothing is lost however the process ends. Throws `EPIPE` when the reader has gone away.
 */
function writeOutput(descriptor: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.byteLength > 0)
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      // Another process that shares the pipe or terminal made it non-blocking, and its reader is slow.
      if (errorCode(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookAgainMs);
    }
}

/** A terminal signals the whole group, and launchers pass the signal on: the same one so soon is the same one. */
const sameSignalMs = 1_000;
/** How long what a task's code left running may hold the process once everything is done. */
const lingerMs = 1_000;
const marginMs = 700;
/** Whether the command ends the process, rather than something that it runs. */
let isEnding = false;

interface Launch {
  /** The parent of this process is bin/baton.js on another Node, and waits for it. */
  readonly hasLauncher: boolean;
  /** Of the package. */
  readonly version: string;
  /** Standard output. Descriptor 1, where user code prints, leads to standard error. */
  readonly outputDescriptor: number;
}

/** Runs the command that the process was started with. */
export async function runCommandLine({ hasLauncher, version, outputDescriptor }: Launch): Promise<void> {
  const session = sessionOf(outputDescriptor);
  guardProcess(session, hasLauncher);
  const reportUnfinished = () => end(reportFailure(session, unfinished(), wantsJson()));
  process.on("beforeExit", reportUnfinished);
  process.on("exit", () => {
    if (!isEnding) process.exitCode = reportFailure(session, ended(), wantsJson());
  });
  await runProgram(session, version, process.argv.slice(2));
  process.off("beforeExit", reportUnfinished);
  isEnding = true;
  process.exitCode = session.exitCode;
  setTimeout(() => process.exit(), lingerMs).unref();
}

function sessionOf(outputDescriptor: number): Session {
  const { env: environment, stderr: display } = process;
  const surroundings = { environment, input: () => process.stdin, display, catchSignals };
  const session = openSession(surroundings, (text) => {
    try {
      writeOutput(outputDescriptor, text);
    } catch (error) {
      endWithReader(session, error);
    }
  });
  return session;
}

/** `baton batches | head` closes the pipe early. */
function endWithReader(session: Session, error: unknown): never {
  end(errorCode(error) === "EPIPE" ? session.exitCode : failureExitCode);
}

/** Node ends, as if all were well, when it waits for what nothing can bring about any more. */
function unfinished(): BatonError {
  const problem = "A promise that never settles is awaited, perhaps at the top level of a workflow file";
  return new BatonError("WORKFLOW_FILE_FAILED", problem);
}

/** User code must not end a command as if all were well, or without a word. */
function ended(): BatonError {
  const problem = "A workflow file or a task has called process.exit, which ends Baton and all of its tasks";
  return new BatonError("STRAY_EXCEPTION", problem, {
    remedy: "Remove process.exit: a task ends by returning or throwing.",
  });
}

/** The command's own way to end the process. */
function end(exitCode: number | undefined): never {
  isEnding = true;
  process.exit(exitCode);
}

function wantsJson(): boolean {
  return asksForJson(process.argv);
}

function guardProcess(session: Session, hasLauncher: boolean): void {
  // A launcher that was killed could not pass that on.
  if (hasLauncher) process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  if (hasLauncher) process.channel?.unref();
  void untilNpxEnds(hasLauncher).then(() => process.kill(process.pid, "SIGTERM"));
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error) => endWithReader(session, error));
  muteWarnings(["MetadataLookupWarning"]);
  containStrayErrors({
    log: (message, { batchId, taskId, error }) => {
      const whose = batchId === undefined ? "" : ` (task ${taskId} of ${batchId}, which has ended)`;
      session.note(`warning: ${message}${whose}: ${error}`);
    },
    stop: (thrown) => stopByException(session, thrown),
  });
}

/** A command that works on tasks gives them back first. */
function stopByException(session: Session, thrown: unknown): void {
  const problem = `An exception of unknown origin, perhaps of a workflow file: ${errorMessage(thrown)}`;
  const stray = new BatonError("STRAY_EXCEPTION", problem, { cause: thrown });
  // A command that goes on to its end tells its own outcome.
  session.exitCode = reportFailure(session, stray, wantsJson() && !giveBack);
  if (giveBack) giveBack(session.exitCode);
  else end(session.exitCode);
}

/** Google's client warns of these where there are no credentials: Baton tells that itself, with what to do. */
function muteWarnings(names: readonly string[]): void {
  const listeners = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    if (!names.includes(warning.name)) for (const listener of listeners) listener(warning);
  });
}

/** Lets the command that runs give its work back, and ends the process when that takes too long. */
let giveBack: ((exitCode: number) => void) | undefined;

function catchSignals(): AbortSignal {
  const controller = new AbortController();
  let first: { readonly signal: string; readonly at: number } | undefined;
  giveBack = (exitCode) => {
    setTimeout(() => end(exitCode), limits.shutdownSeconds * 1_000 + marginMs).unref();
    controller.abort(exitCode);
  };
  const receive = (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => {
    const exitCode = 128 + constants.signals[signal];
    if (!first) {
      first = { signal, at: performance.now() };
      giveBack?.(exitCode);
    } else if (signal !== first.signal || performance.now() - first.at > sameSignalMs) end(exitCode);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, receive);
  return controller.signal;
}
