import { execFile } from "node:child_process";
import { writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { containStrayErrors } from "../app/stray-errors.ts";
import { BatonError, errorCode, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { runProgram } from "./program.ts";
import { failureExitCode, openSession, reportFailure, type Session, wantsJson } from "./session.ts";

const checkMs = 500;
const npx = /^npm exec\b|\bnpx(-cli\.js)?\b|\bnpm(-cli\.js)? exec\b/;
const shell = /^(\S*\/)?(sh|dash|ash|bash|zsh|ksh) /;

/**
 * `npx` runs a command through a shell and sends signals only to that shell. The shell dies, and nothing would stop the
 * command. Resolves when the npx that started this process, or a process between the two, has ended; never if npx did
 * not start it. `hasLauncher`: the parent is bin/baton.js on another Node.
 */
async function untilNpxEnds(hasLauncher: boolean): Promise<void> {
  const chain = process.env.npm_command === "exec" ? await chainToNpx(hasLauncher) : undefined;
  if (chain === undefined) return new Promise(() => {});
  while (await isIntact(chain)) await sleep(checkMs, undefined, { ref: false });
}

/** The process ids from the parent up to npx. Undefined if a process between the two is not a shell. */
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

/** The children of a dead process get another parent. */
async function isIntact(chain: readonly number[]): Promise<boolean> {
  let parent: number | undefined = process.ppid;
  for (const [index, pid] of chain.entries()) {
    if (parent !== pid) return false;
    if (index < chain.length - 1) parent = await parentOf(pid);
  }
  return true;
}

async function parentOf(pid: number): Promise<number | undefined> {
  if (process.platform !== "linux") return Number(await queryPs("ppid=", pid)) || undefined;
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name of the program, in parentheses, may contain any character.
  const [, parent] = status.slice(status.lastIndexOf(")") + 2).split(" ");
  return Number(parent) || undefined;
}

async function commandOf(pid: number): Promise<string> {
  if (process.platform !== "linux") return queryPs("command=", pid);
  const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return words.replaceAll("\0", " ");
}

async function queryPs(column: string, pid: number): Promise<string> {
  const { stdout } = await promisify(execFile)("ps", ["-o", column, "-p", String(pid)]).catch(() => ({
    stdout: "",
  }));
  return stdout.trim();
}

const retryWriteMs = 5;

/**
 * Writes to the command's own standard output, which user code can't reach: see bin/baton.js. It returns when all bytes
 * are written, so that none are lost however the process ends. Throws `EPIPE` if the reader has closed the pipe.
 */
function writeOutput(descriptor: number, text: string): void {
  let remaining: Uint8Array = Buffer.from(text);
  while (remaining.byteLength > 0)
    try {
      remaining = remaining.subarray(writeSync(descriptor, remaining));
    } catch (error) {
      // Another process made the shared pipe or terminal non-blocking, and the reader is slow.
      if (errorCode(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryWriteMs);
    }
}

/**
 * A terminal signals the whole process group and launchers forward the signal: a repeat within this time is no second
 * one.
 */
const sameSignalMs = 1_000;
/** How long open handles of task code may keep the process alive after the command has ended. */
const lingerMs = 1_000;
const marginMs = 700;
/** Whether the command itself ends the process, rather than user code. */
let isEnding = false;

interface Launch {
  /** The parent process is bin/baton.js on another Node, and waits for this one. */
  readonly hasLauncher: boolean;
  /** The version of the package. */
  readonly version: string;
  /** Standard output. Descriptor 1, where user code prints, leads to standard error. */
  readonly outputDescriptor: number;
}

export async function runCommandLine({ hasLauncher, version, outputDescriptor }: Launch): Promise<void> {
  const session = createSession(outputDescriptor);
  guardProcess(session, hasLauncher);
  const reportUnfinished = () => end(reportFailure(session, unsettledError(), isJsonRequested()));
  process.on("beforeExit", reportUnfinished);
  process.on("exit", () => {
    if (!isEnding) process.exitCode = reportFailure(session, processExitError(), isJsonRequested());
  });
  await runProgram(session, version, process.argv.slice(2));
  process.off("beforeExit", reportUnfinished);
  isEnding = true;
  process.exitCode = session.exitCode;
  setTimeout(() => process.exit(), lingerMs).unref();
}

function createSession(outputDescriptor: number): Session {
  const { env: environment, stderr: display } = process;
  const processIo = { environment, input: () => process.stdin, display, catchSignals };
  const session = openSession(processIo, (text) => {
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

/** Node exits with 0 if the process waits for a promise that nothing can settle. */
function unsettledError(): BatonError {
  const problem = "A promise that never settles is awaited, perhaps at the top level of a workflow file";
  return new BatonError("WORKFLOW_FILE_FAILED", problem);
}

/** User code must not end a command with exit code 0 or without an error. */
function processExitError(): BatonError {
  const problem = "A workflow file or a task has called process.exit, which ends Baton and all of its tasks";
  return new BatonError("STRAY_EXCEPTION", problem, {
    remedy: "Remove process.exit: a task ends by returning or throwing.",
  });
}

function end(exitCode: number | undefined): never {
  isEnding = true;
  process.exit(exitCode);
}

function isJsonRequested(): boolean {
  return wantsJson(process.argv);
}

function guardProcess(session: Session, hasLauncher: boolean): void {
  // A killed launcher can't forward the signal.
  if (hasLauncher) process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  if (hasLauncher) process.channel?.unref();
  void untilNpxEnds(hasLauncher).then(() => process.kill(process.pid, "SIGTERM"));
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error) => endWithReader(session, error));
  muteWarnings(["MetadataLookupWarning"]);
  containStrayErrors({
    log: (message, { batchId, taskId, error }) => {
      const owner = batchId === undefined ? "" : ` (task ${taskId} of ${batchId}, which has ended)`;
      session.note(`warning: ${message}${owner}: ${error}`);
    },
    stop: (thrown) => stopByException(session, thrown),
  });
}

/** A command that runs tasks releases them first. */
function stopByException(session: Session, thrown: unknown): void {
  const problem = `An exception of unknown origin, perhaps of a workflow file: ${errorMessage(thrown)}`;
  const stray = new BatonError("STRAY_EXCEPTION", problem, { cause: thrown });
  // A command that shuts down in order prints its own JSON.
  session.exitCode = reportFailure(session, stray, isJsonRequested() && !shutDown);
  if (shutDown) shutDown(session.exitCode);
  else end(session.exitCode);
}

/** Google's client emits these warnings without credentials. Baton reports that itself, with a remedy. */
function muteWarnings(names: readonly string[]): void {
  const listeners = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    if (!names.includes(warning.name)) for (const listener of listeners) listener(warning);
  });
}

/** Makes the running command release its work, and ends the process if that takes too long. */
let shutDown: ((exitCode: number) => void) | undefined;

function catchSignals(): AbortSignal {
  const controller = new AbortController();
  let first: { readonly signal: string; readonly at: number } | undefined;
  shutDown = (exitCode) => {
    setTimeout(() => end(exitCode), limits.shutdownSeconds * 1_000 + marginMs).unref();
    controller.abort(exitCode);
  };
  const receive = (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => {
    const exitCode = 128 + constants.signals[signal];
    if (!first) {
      first = { signal, at: performance.now() };
      shutDown?.(exitCode);
    } else if (signal !== first.signal || performance.now() - first.at > sameSignalMs) end(exitCode);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, receive);
  return controller.signal;
}
