import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { RawEnvironment } from "../../composition/variable-problems.ts";
import { BatonError } from "../../core/errors.ts";
import type { TerraformProgram } from "./infrastructure-folder.ts";

const run = promisify(execFile);

/** A program of others that deploys. */
interface Tool {
  readonly from: string;
  /** The oldest that knows every flag of `commands.ts`. */
  readonly least: readonly [number, number];
}

const tools = {
  gcloud: { from: "https://cloud.google.com/sdk/docs/install", least: [528, 0] },
  terraform: {
    from: "https://opentofu.org/docs/intro/install or https://developer.hashicorp.com/terraform/install",
    // As infra/versions.tf demands.
    least: [1, 7],
  },
} as const satisfies Readonly<Record<string, Tool>>;
export type ToolName = keyof typeof tools;

const versionTimeoutMs = 60_000;

export interface FoundTools {
  /** The program to call for each tool, also for one that is missing. */
  readonly programs: Readonly<Record<ToolName, string>>;
  /** Also where it is not needed. */
  readonly hasGcloud: boolean;
  /** What is missing or too old, in words. */
  readonly problems: readonly string[];
}

interface FindOptions {
  readonly environment: RawEnvironment;
  /** Any of them will do; the first that is there and new enough is used. */
  readonly terraform: readonly TerraformProgram[];
}

/** Looks for the tools on the path, and asks each for its version. */
export async function findTools(
  needed: readonly ToolName[],
  { environment, terraform }: FindOptions,
): Promise<FoundTools> {
  const { PATH: path = "" } = environment;
  const candidates: Readonly<Record<ToolName, readonly string[]>> = { gcloud: ["gcloud"], terraform };
  const programs: Record<ToolName, string> = { gcloud: "gcloud", terraform: terraform[0] ?? "terraform" };
  const problems: string[] = [];
  for (const name of needed) {
    const { from } = tools[name];
    const names = candidates[name];
    const there = names.filter((program) => isOnPath(program, path));
    if (there.length === 0)
      problems.push(`${names.join(" or ")} is not on the PATH: install it from ${from}`);
    const looked = await Promise.all(there.map((program) => look(program, tools[name], environment)));
    const chosen = looked.find(({ problem }) => problem === undefined) ?? looked[0];
    if (chosen === undefined) continue;
    programs[name] = chosen.program;
    if (chosen.problem !== undefined) problems.push(chosen.problem);
  }
  return { programs, hasGcloud: isOnPath("gcloud", path), problems };
}

/** Throws `DEPLOY_TOOL_MISSING`. */
export function demandTools({ problems }: FoundTools): void {
  if (problems.length > 0) throw new BatonError("DEPLOY_TOOL_MISSING", problems.join("\n"));
}

function isOnPath(program: string, path: string): boolean {
  return path.split(delimiter).some((folder) => folder !== "" && isProgram(join(folder, program)));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

interface Looked {
  readonly program: string;
  /** Why it can't be used, in words. */
  readonly problem?: string;
}

async function look(
  program: string,
  { from, least: [leastMajor, leastMinor] }: Tool,
  environment: RawEnvironment,
): Promise<Looked> {
  const text = await run(program, ["--version"], { timeout: versionTimeoutMs, env: { ...environment } }).then(
    ({ stdout }) => stdout,
    () => "",
  );
  const [version, major, minor] = /(\d+)\.(\d+)\.\d+/.exec(text) ?? [];
  if (version === undefined)
    return { program, problem: `${program} does not tell its version: install it anew from ${from}` };
  const isOld = Number(major) < leastMajor || (Number(major) === leastMajor && Number(minor) < leastMinor);
  if (!isOld) return { program };
  return {
    program,
    problem: `${program} is ${version}, and ${leastMajor}.${leastMinor} or newer is needed: ${from}`,
  };
}
