import { execFile, spawn } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import type * as z from "zod";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { quoteForShell } from "../core/values/text.ts";
import { infrastructureFolder } from "./plan.ts";

/** The oldest version has every flag of `commands.ts`; infra/versions.tf also requires Terraform 1.7. */
const tools = {
  gcloud: { source: "https://cloud.google.com/sdk/docs/install", oldest: [528, 0] },
  terraform: {
    source: "https://opentofu.org/docs/intro/install or https://developer.hashicorp.com/terraform/install",
    oldest: [1, 7],
  },
} as const;
type ToolName = keyof typeof tools;

/** Looks for tools on the path. `terraform`: the programs that may be used; the first that is new enough is chosen. */
export async function findTools(
  needed: readonly ToolName[],
  environment: RawEnvironment,
  terraform: readonly string[],
) {
  const isOnPath = (program: string) =>
    (environment.PATH ?? "")
      .split(delimiter)
      .some((folder) => folder !== "" && isExecutable(join(folder, program)));
  const found = needed.map(async (name) => {
    const names = name === "gcloud" ? ["gcloud"] : terraform;
    const present = names.filter(isOnPath);
    const missing = `${names.join(" or ")} is not on the PATH: install it from ${tools[name].source}`;
    if (present.length === 0) return { name, program: names[0] ?? name, problem: missing };
    const checked = await Promise.all(present.map((program) => checkVersion(program, name, environment)));
    return checked.find(({ problem }) => problem === undefined) ?? checked[0];
  });
  const chosen = (await Promise.all(found)).filter((tool) => tool !== undefined);
  const [fallback = "terraform"] = terraform;
  return {
    /** Also if Terraform is missing. */
    terraform: chosen.find(({ name }) => name === "terraform")?.program ?? fallback,
    /** Also if it is not needed. */
    hasGcloud: isOnPath("gcloud"),
    /** Tools that are missing or too old. */
    problems: chosen.flatMap(({ problem }) => problem ?? []),
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const versionTimeoutMs = 60_000;

async function checkVersion(program: string, name: ToolName, environment: RawEnvironment) {
  const { source, oldest } = tools[name];
  const options = { timeout: versionTimeoutMs, env: { ...environment } };
  const output = await promisify(execFile)(program, ["--version"], options).then(
    ({ stdout }) => stdout,
    () => "",
  );
  const [version, major, minor] = /(\d+)\.(\d+)\.\d+/.exec(output) ?? [];
  const isNew = Number(major) > oldest[0] || (Number(major) === oldest[0] && Number(minor) >= oldest[1]);
  const problem =
    version === undefined
      ? `${program} does not print its version: install it again from ${source}`
      : `${program} is ${version}, and ${oldest.join(".")} or newer is needed: ${source}`;
  return { name, program, problem: isNew ? undefined : problem };
}

/** The programs that may be used as Terraform. First is the one whose registry the locked providers are from. */
export function terraformPrograms(root: string, chosen: "terraform" | "tofu" | undefined): readonly string[] {
  if (chosen !== undefined) return [chosen];
  const locked = textsIn(root, ".terraform.lock.hcl").join("");
  const isTofu = locked.includes("registry.opentofu.org") && !locked.includes("registry.terraform.io");
  return isTofu ? ["tofu", "terraform"] : ["terraform", "tofu"];
}

const backend = /^\s*(?:terraform\s*\{\s*)?(?:backend\s+"[a-z]+"|cloud)\s*\{/m;

/** Without a backend, each machine has its own state. */
export function stateWarnings(root: string): string[] {
  if (textsIn(root, "*.tf").some((content) => backend.test(content))) return [];
  return [
    "The state of the infrastructure is kept in this folder alone. To keep it in a bucket: infra/README.md#state",
  ];
}

function textsIn(root: string, pattern: string): string[] {
  const folder = join(root, infrastructureFolder);
  return globSync(pattern, { cwd: folder }).map((name) => readFileSync(join(folder, name), "utf8"));
}

// A deployment and a removal are written once, as steps. A dry run records the steps instead of running them: it
// takes the assumed output of each command for its answer.

/** A command of a deployment. */
export interface Command {
  /** What it does, to precede "failed". */
  readonly title: string;
  readonly argv: readonly string[];
  /** Variables in addition to those of the shell. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What is written to its standard input, in words: no secret is ever shown. */
  readonly input?: string;
  /** When it is run, if not always. */
  readonly condition?: string;
  /** What to do when it fails, if its own message is not enough. */
  readonly remedy?: string;
  /** The output that a dry run assumes. Default: none. */
  readonly assumed?: string;
}

/** A command line, quoted for a shell. */
export function commandLine({ argv, environment = {} }: Command): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${quoteForShell(value)}`);
  return [...variables, ...argv.map(quoteForShell)].join(" ");
}

export function withCondition(command: Command, condition: string | undefined): Command {
  if (condition === undefined) return command;
  return { ...command, condition: [condition, command.condition].filter(Boolean).join(", and ") };
}

/** `input`: for its standard input, which is empty otherwise; `captures`: returns its output instead of showing it. */
interface RunOptions {
  readonly input?: string;
  readonly captures?: boolean;
}

export interface Steps {
  /** Shows a command and runs it to its end; returns captured output. Throws `DEPLOY_FAILED`. */
  run(command: Command, options?: RunOptions): Promise<string>;
  /** Writes a file; the path starts at the project's folder. `isPrivate`: only the owner may read it. */
  write(path: string, text: string, isPrivate?: boolean): void;
  /** Deletes a file; the path starts at the project's folder. */
  remove(path: string): void;
}

/** A variable that the function has before or after. */
export interface VariableChange {
  readonly name: string;
  readonly kind: "added" | "removed" | "changed";
  /** Undefined if there is no value, or if it is not shown: only values of Baton's own variables are. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** A resource of the state, as it is shown. */
export interface StateResource {
  readonly kind: string;
  readonly name: string;
  readonly address: string;
}

/** How a deployment or a removal shows its progress. */
export interface Display {
  /** The file descriptor to which commands write what people should read. */
  readonly errorDescriptor: number;
  /** Before a command is run. */
  step(command: Command): void;
  /** Rejects if the answer is no. */
  confirm(question: string): Promise<void>;
  /** Variables of the serving function that change, before the question. */
  variableChanges(changes: readonly VariableChange[]): void;
  /** The resources that Terraform deletes, before the question. */
  removal(resources: readonly StateResource[]): void;
  warn(text: string): void;
}

/** How the steps are run, and shown. */
export interface Progress {
  readonly steps: Steps;
  readonly display: Display;
}

/** `environment`: that of the shell, without the variables that the workflows were given. */
export function runningSteps(root: string, environment: RawEnvironment, display: Display): Progress {
  const run: Steps["run"] = async (command, options = {}) => {
    display.step(command);
    return runCommand(command, options, environment, display.errorDescriptor);
  };
  const write: Steps["write"] = (path, content, isPrivate = false) => {
    const mode = isPrivate ? 0o600 : 0o666;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content, { mode });
    // An earlier version may have left it open.
    if (isPrivate) chmodSync(join(root, path), mode);
  };
  const remove: Steps["remove"] = (path) => rmSync(join(root, path));
  return { steps: { run, write, remove }, display };
}

/** The commands that a deployment or a removal would run, in order. */
export async function recordCommands(
  deploy: (progress: Progress) => Promise<unknown>,
): Promise<readonly Command[]> {
  const commands: Command[] = [];
  const ignore = async () => {};
  const run = async ({ assumed = "", ...command }: Command) => {
    commands.push(command);
    return assumed;
  };
  const display = { step: ignore, variableChanges: ignore, removal: ignore, warn: ignore, confirm: ignore };
  await deploy({
    steps: { run, write: ignore, remove: ignore },
    display: { ...display, errorDescriptor: 2 },
  });
  return commands;
}

async function runCommand(
  command: Command,
  { input, captures }: RunOptions,
  { TF_WORKSPACE: _, ...environment }: RawEnvironment,
  errorDescriptor: number,
): Promise<string> {
  const [program = "", ...parameters] = command.argv;
  const child = spawn(program, parameters, {
    // A TF_WORKSPACE of the shell belongs to other work.
    env: { ...environment, ...command.environment },
    // Standard output is the deployment's own: a command shows its output on standard error.
    stdio: [input === undefined ? "ignore" : "pipe", captures ? "pipe" : errorDescriptor, errorDescriptor],
  });
  // Ctrl-C reaches the command as well, which has to tidy up before it ends: this process waits for it.
  const wait = () => {};
  const pass = () => void child.kill("SIGTERM");
  process.on("SIGINT", wait).on("SIGTERM", pass);
  try {
    const ended = new Promise<number | string | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(code ?? signal));
    });
    // A command that ends before it has read its input reports that by its exit code.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
    const [end, output] = await Promise.all([ended, child.stdout ? text(child.stdout) : ""]);
    if (end !== 0) throw new Error(`it ended with ${end}`);
    return output;
  } catch (cause) {
    const reason = `${errorMessage(cause)}. No later step was run; the results of earlier ones stay`;
    throw commandFailure(command, reason, cause);
  } finally {
    process.off("SIGINT", wait).off("SIGTERM", pass);
  }
}

/** The output of a command, parsed from JSON. Throws `DEPLOY_FAILED` with `reason` if that fails. */
export async function readJson<Output>(
  steps: Steps,
  command: Command,
  schema: z.ZodType<Output>,
  reason = "its answer can't be read",
): Promise<Output> {
  const output = await steps.run(command, { captures: true });
  try {
    return schema.parse(JSON.parse(output));
  } catch (cause) {
    throw commandFailure(command, reason, cause);
  }
}

const longestShown = 200;

/** A command that failed, or whose output makes no sense. */
export function commandFailure(command: Command, reason: string, cause?: unknown): BatonError {
  const { title, remedy } = command;
  const line = commandLine(command);
  // The whole line was printed when the command started.
  const shown =
    line.length <= longestShown ? line : `${line.slice(0, line.lastIndexOf(" ", longestShown))} …`;
  const options = { where: shown, cause, ...(remedy !== undefined && { remedy }) };
  return new BatonError("DEPLOY_FAILED", `${title} failed: ${reason}`, options);
}
