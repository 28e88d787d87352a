import { execFile, spawn } from "node:child_process";
import { accessSync, constants, globSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { type Command, shortCommandLine } from "./commands.ts";
import { infrastructureFolder } from "./plan.ts";

/** Where a tool is from, and the oldest version that knows every flag of `commands.ts`; infra/versions.tf asks for 1.7 too. */
const tools = {
  gcloud: { from: "https://cloud.google.com/sdk/docs/install", least: [528, 0] },
  terraform: {
    from: "https://opentofu.org/docs/intro/install or https://developer.hashicorp.com/terraform/install",
    least: [1, 7],
  },
} as const;
export type ToolName = keyof typeof tools;

export interface FoundTools {
  /** The program to call for each tool, also for one that is missing. */
  readonly programs: Readonly<Record<ToolName, string>>;
  /** Also where it is not needed. */
  readonly hasGcloud: boolean;
  /** What is missing or too old, in words. */
  readonly problems: readonly string[];
}

/** Looks for the needed tools on the path. `terraform`: programs that will do; the first that is new enough is used. */
export async function findTools(
  needed: readonly ToolName[],
  { environment, terraform }: { readonly environment: RawEnvironment; readonly terraform: readonly string[] },
): Promise<FoundTools> {
  const programs: Record<ToolName, string> = { gcloud: "gcloud", terraform: terraform[0] ?? "terraform" };
  const problems: string[] = [];
  const isOnPath = (program: string) =>
    (environment.PATH ?? "")
      .split(delimiter)
      .some((folder) => folder !== "" && isProgram(join(folder, program)));
  for (const name of needed) {
    const names = name === "gcloud" ? ["gcloud"] : terraform;
    const there = names.filter(isOnPath);
    const checked = await Promise.all(there.map((program) => checkVersion(program, name, environment)));
    const chosen = checked.find(({ problem }) => problem === undefined) ?? checked[0];
    if (chosen) programs[name] = chosen.program;
    const missing = `${names.join(" or ")} is not on the PATH: install it from ${tools[name].from}`;
    const problem = chosen ? chosen.problem : missing;
    if (problem !== undefined) problems.push(problem);
  }
  return { programs, hasGcloud: isOnPath("gcloud"), problems };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const versionTimeoutMs = 60_000;

async function checkVersion(program: string, name: ToolName, environment: RawEnvironment) {
  const { from, least } = tools[name];
  const options = { timeout: versionTimeoutMs, env: { ...environment } };
  const said = await promisify(execFile)(program, ["--version"], options).then(
    ({ stdout }) => stdout,
    () => "",
  );
  const [version, major, minor] = /(\d+)\.(\d+)\.\d+/.exec(said) ?? [];
  if (version === undefined)
    return { program, problem: `${program} does not tell its version: install it again from ${from}` };
  const isNew = Number(major) > least[0] || (Number(major) === least[0] && Number(minor) >= least[1]);
  if (isNew) return { program };
  return { program, problem: `${program} is ${version}, and ${least.join(".")} or newer is needed: ${from}` };
}

/**
 * Which programs may do what Terraform does. If none was chosen, the one that has worked on the folder before comes first: the
 * locked providers are those of its registry.
 */
export function terraformPrograms(root: string, chosen: "terraform" | "tofu" | undefined): readonly string[] {
  if (chosen !== undefined) return [chosen];
  const locked = textsIn(root, ".terraform.lock.hcl").join("");
  const isTofu = locked.includes("registry.opentofu.org") && !locked.includes("registry.terraform.io");
  return isTofu ? ["tofu", "terraform"] : ["terraform", "tofu"];
}

const backend = /^\s*(?:terraform\s*\{\s*)?(?:backend\s+"[a-z]+"|cloud)\s*\{/m;

/** Without a backend, another machine has another state. */
export function stateWarnings(root: string): string[] {
  if (textsIn(root, "*.tf").some((content) => backend.test(content))) return [];
  return [
    "The state of the infrastructure is kept in this folder alone: without it, what is made can't be changed or removed. Where others deploy too, keep it in a bucket: infra/README.md#state",
  ];
}

function textsIn(root: string, pattern: string): string[] {
  const folder = join(root, infrastructureFolder);
  return globSync(pattern, { cwd: folder }).map((name) => readFileSync(join(folder, name), "utf8"));
}

interface RunOptions {
  /** Written to its standard input; a command gets nothing else there. */
  readonly input?: string;
  /** What it writes is returned, and not shown. */
  readonly captures?: boolean;
}

/** Shows a command and runs it to its end; returns its output if that is captured. Throws `DEPLOY_FAILED`. */
export type RunStep = (command: Command, options?: RunOptions) => Promise<string>;

/** How progress is shown. */
export interface Show {
  /** The file descriptor to which commands write what people should read. */
  readonly errorDescriptor: number;
  /** Before a command is run. */
  step(command: Command): void;
  /** Rejects if the answer is no. */
  confirm(question: string): Promise<void>;
}

/** `environment`: that of the shell, without the variables that the workflows were given. */
export function stepsOf(show: Show, environment: RawEnvironment): RunStep {
  return (command, options = {}) => {
    show.step(command);
    return runCommand(command, { ...options, environment, errorDescriptor: show.errorDescriptor });
  };
}

async function runCommand(
  command: Command,
  {
    input,
    captures,
    environment,
    errorDescriptor,
  }: RunOptions & { readonly environment: RawEnvironment; readonly errorDescriptor: number },
): Promise<string> {
  const [program = "", ...parameters] = command.argv;
  // A TF_WORKSPACE of the shell belongs to other work.
  const { TF_WORKSPACE: _, ...given } = environment;
  const child = spawn(program, parameters, {
    env: { ...given, ...command.environment },
    // Standard output is the deployment's own: what is shown goes to standard error.
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
    const reason = `${errorMessage(cause)}. Nothing after it was done; what came before stays`;
    throw commandFailure(command, reason, cause, shortCommandLine(command));
  } finally {
    process.off("SIGINT", wait).off("SIGTERM", pass);
  }
}

/** The failure of a command, or of an answer that makes no sense. */
export function commandFailure(
  command: Command,
  reason: string,
  cause?: unknown,
  where?: string,
): BatonError {
  return new BatonError("DEPLOY_FAILED", `${command.title} failed: ${reason}`, {
    where: where ?? shortCommandLine(command),
    cause,
    ...(command.remedy !== undefined && { remedy: command.remedy }),
  });
}

/** What a captured command says, as JSON of a form. Throws `DEPLOY_FAILED` with `reason` for all else. */
export async function readJson<T>(
  run: RunStep,
  command: Command,
  { parse, reason }: { readonly parse: (json: unknown) => T; readonly reason: string },
): Promise<T> {
  const output = await run(command, { captures: true });
  try {
    return parse(JSON.parse(output));
  } catch (cause) {
    throw commandFailure(command, reason, cause);
  }
}
