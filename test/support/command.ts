import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { errorCode } from "../../src/core/errors/errors.ts";
import { collect } from "./collected-logs.ts";
import { runInProcess } from "./in-process.ts";

const script = fileURLToPath(new URL("../../bin/baton.js", import.meta.url));

/** The environment of a process whose clock is `hours` ahead: the leases of processes that died are over. */
export function hoursLater(hours: number) {
  const clock = new URL("hour-later.ts", import.meta.url).href;
  return { NODE_OPTIONS: `--import=${clock}`, BATON_TEST_HOURS_LATER: String(hours) };
}

export const anHourLater = hoursLater(1);

/** What commands print with `--json`, as far as tests look into it. */
interface CommandJson {
  readonly batchId: string;
  readonly workflowId: string;
  readonly status: string;
  readonly startedBy: string;
  readonly items: unknown;
  readonly tasks: readonly { readonly taskId: string; readonly result: unknown }[];
  readonly triggers: readonly unknown[];
  readonly problems: readonly unknown[];
  readonly message: unknown;
  readonly error: unknown;
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly json: CommandJson;
  /** For commands that print a list. */
  readonly list: readonly CommandJson[];
}

export interface CommandOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export interface ProcessOptions extends CommandOptions {
  /** The Node to run it on. */
  readonly node?: string;
  /** Another program to run with the parameters, in the same place, rather than `baton`. */
  readonly program?: string;
}

/** A folder far from the project, with workflow files in it and the data of a Baton of its own. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), "baton-cli-"));
  readonly #environment: Readonly<Record<string, string>>;

  constructor(files: Readonly<Record<string, string>>, environment: Readonly<Record<string, string>> = {}) {
    onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }));
    this.#environment = environment;
    mkdirSync(this.path("workflows"));
    for (const [name, text] of Object.entries(files)) this.write(`workflows/${name}`, text);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  /** Starts `baton …` in a process and leaves it running; it is killed with the test. */
  spawn(parameters: readonly string[], options: ProcessOptions = {}): Running {
    const { program = options.node ?? process.execPath } = options;
    const words = options.program === undefined ? [script, ...parameters] : parameters;
    return Running.start(program, words, {
      folder: this.folder,
      environment: this.#environmentWith(options),
      input: options.input ?? "",
    });
  }

  /** Runs `baton …` to its end in this process: see `runInProcess`. */
  async baton(parameters: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const ended = await runInProcess({
      words: parameters,
      folder: this.folder,
      environment: this.#environmentWith(options),
      input: options.input ?? "",
    });
    collect(ended.stderr);
    return resultOf(ended);
  }

  /** Runs `baton …` to its end in a process of its own. */
  process(parameters: readonly string[], options: ProcessOptions = {}): Promise<CommandResult> {
    return this.spawn(parameters, options).ended;
  }

  /** A server, once it serves. */
  async server(
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Running & { readonly url: string }> {
    const running = this.spawn(["start", "--port", "0", "--json"], { environment });
    await running.saysOut("}");
    return Object.assign(running, { url: String(JSON.parse(running.stdout).url) });
  }

  #environmentWith({ environment }: CommandOptions): Record<string, string> {
    return {
      PATH: process.env.PATH ?? "",
      BATON_DATA: this.path("data"),
      BATON_WORKFLOWS: this.path("workflows"),
      // No machine is so slow that a process outlives its own.
      BATON_LEASE: "10m",
      ...this.#environment,
      ...environment,
    };
  }
}

function resultOf(ended: Pick<CommandResult, "code" | "stdout" | "stderr">): CommandResult {
  return {
    ...ended,
    get json() {
      return JSON.parse(ended.stdout);
    },
    get list() {
      return JSON.parse(ended.stdout);
    },
  };
}

interface ProcessStart {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly input: string;
}

/** A process that is killed with its test, and everything that it has started. */
export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
  stdout = "";
  stderr = "";

  static start(
    program: string,
    words: readonly string[],
    { folder, environment, input }: ProcessStart,
  ): Running {
    const options = { cwd: folder, env: environment, stdio: "pipe", detached: true } as const;
    const child = spawn(program, words, options);
    child.stdin.end(input);
    return new Running(child);
  }

  private constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on("data", (chunk) => {
      this.stdout += chunk;
    });
    child.stderr?.on("data", (chunk) => {
      this.stderr += chunk;
      collect(String(chunk));
    });
    this.ended = once(child, "close").then(([code]) =>
      resultOf({ code, stdout: this.stdout, stderr: this.stderr }),
    );
    let isClosed = false;
    child.once("close", () => {
      isClosed = true;
    });
    onTestFinished(async () => {
      if (!isClosed) killGroup(child);
      await this.ended;
    });
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Resolves once standard output holds the text. */
  saysOut(text: string): Promise<void> {
    return until(
      () => this.stdout.includes(text),
      () => `${this.stdout}\n${this.stderr}`,
    );
  }

  saysError(text: string): Promise<void> {
    return until(
      () => this.stderr.includes(text),
      () => `${this.stdout}\n${this.stderr}`,
    );
  }
}

/** What a process has started keeps its output open, so it is ended as well: the group that `detached` gave it. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (errorCode(error) !== "ESRCH") throw error;
  }
}

/** Resolves once the condition holds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  describe: () => string = () => "",
): Promise<void> {
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
  });
  while (!(await condition())) {
    if (isOver) throw new Error(`It did not happen: ${condition} ${describe()}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}
