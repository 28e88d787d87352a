import { randomUUID } from "node:crypto";
import type { EventEmitter } from "node:events";
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { createRequire, registerHooks } from "node:module";
import { tmpdir } from "node:os";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);
const sources = new URL("src/", root).href;
const dist = new URL("dist/", root).href;
/** Node's own loader: the command and workflow files are loaded as in a process of their own, past vitest's. */
const load = createRequire(import.meta.url);
const program = fileURLToPath(new URL("src/cli/program.js", dist));
const sessions = fileURLToPath(new URL("src/cli/session.js", dist));
const version = String(load("../../package.json").version);
/** Modules that are the same in every call. All others belong to a user: each call loads them for itself. */
const ours = [dist, new URL("node_modules/", root).href];

/** What a process of the command is started with. */
export interface Start {
  readonly words: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly input: string;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let last: Promise<unknown> = Promise.resolve();
let calls = 0;
let isRunning = false;

/**
 * Runs the built command to its end in this process, which for that time has the folder and the environment of the
 * command: calls wait for each other. Rejects when a call leaves a file of the folder open, or a listener behind. This
 * process has to be one of its own (vitest's pool `forks`): a worker thread can't change its folder.
 */
export function runInProcess(start: Start): Promise<Ended> {
  const ended = last.then(() => run(start));
  last = ended.catch(() => {});
  return ended;
}

async function run({ words, folder, environment, input }: Start): Promise<Ended> {
  if ("NODE_OPTIONS" in environment) throw new Error("NODE_OPTIONS needs a process: use Workplace.process");
  const { runProgram }: typeof import("../../src/cli/program.ts") = load(program);
  const { openSession }: typeof import("../../src/cli/session.ts") = load(sessions);
  let stdout = "";
  const before = held(folder);
  const display = openDisplay();
  const surroundings = {
    environment: process.env,
    input: () => Readable.from([Buffer.from(input)]),
    display,
    logOutput: display,
    catchSignals: () => new AbortController().signal,
  };
  const session = openSession(surroundings, (text) => {
    stdout += text;
  });
  const restore = enter(folder, environment);
  try {
    await runProgram(session, version, words);
  } finally {
    restore();
  }
  const stderr = display.close();
  const left = held(folder).filter((name) => !before.includes(name));
  if (left.length > 0) throw new Error(`baton ${words.join(" ")} leaves behind: ${left.join(", ")}`);
  return { code: session.exitCode, stdout, stderr };
}

/** Standard error as a file, so that programs which the command starts can write to it as well. */
function openDisplay() {
  const path = `${tmpdir()}/baton-stderr-${randomUUID()}`;
  const fd = openSync(path, "w+");
  unlinkSync(path);
  return {
    fd,
    write: (text: string) => void writeSync(fd, text),
    close: () => {
      const bytes = Buffer.alloc(fstatSync(fd).size);
      readSync(fd, bytes, 0, bytes.length, 0);
      closeSync(fd);
      return bytes.toString();
    },
  };
}

/** Gives this process another folder and environment. Returns a function that restores them. */
function enter(folder: string, environment: Readonly<Record<string, string>>): () => void {
  const before = { folder: process.cwd(), environment: { ...process.env } };
  process.chdir(folder);
  setEnvironment(environment);
  followLoads();
  calls += 1;
  isRunning = true;
  return () => {
    isRunning = false;
    forgetRequired();
    setEnvironment(before.environment);
    process.chdir(before.folder);
  };
}

function setEnvironment(environment: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(process.env)) if (environment[name] === undefined) delete process.env[name];
  Object.assign(process.env, environment);
}

let isFollowing = false;

/** From now on, each call loads the modules of users again: to Node, another URL is another module. */
function followLoads(): void {
  if (isFollowing) return;
  isFollowing = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context);
      if (isRunning && resolved.url.startsWith(sources)) return built(resolved.url);
      if (!isRunning || !isOfUser(resolved.url) || context.conditions.includes("require")) return resolved;
      const url = new URL(resolved.url);
      url.searchParams.set("call", String(calls));
      return { ...resolved, url: url.href };
    },
  });
}

/** A test of the sources has had Node resolve `baton` to them; for the built command it is what was built. */
function built(source: string) {
  const url = source.replace(sources, `${dist}src/`).replace(/\.ts$/, ".js");
  return { url, format: "module", shortCircuit: true };
}

function isOfUser(url: string): boolean {
  return url.startsWith("file:") && !ours.some((folder) => url.startsWith(folder));
}

/** CommonJS modules have no URLs. */
function forgetRequired(): void {
  for (const path of Object.keys(load.cache)) if (isOfUser(`file://${path}`)) delete load.cache[path];
}

const events = ["SIGINT", "SIGTERM", "SIGHUP", "uncaughtException", "unhandledRejection", "beforeExit"];

/** Files of the folder that this process has open, and its listeners, each with a number of its own. */
function held(folder: string): string[] {
  const emitter: EventEmitter = process;
  const listeners = events.flatMap((event) => emitter.listeners(event).map(() => event));
  const counts = new Map<string, number>();
  return [...openFiles(folder), ...listeners].map((name) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return `${name} (${count})`;
  });
}

function openFiles(folder: string): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(`${folder}/`) ? [path] : [];
    } catch {
      // The one by which the folder was read.
      return [];
    }
  });
}
