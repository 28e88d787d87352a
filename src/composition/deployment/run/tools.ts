import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { BatonError } from "../../../core/errors.ts";

const run = promisify(execFile);

/** A program of others that deploys. */
interface Tool {
  /** Any of them will do; the first that is there is used. */
  readonly programs: readonly string[];
  readonly from: string;
  /** The oldest that knows every flag of `commands.ts`. */
  readonly least: readonly [number, number];
}

const tools = {
  gcloud: { programs: ["gcloud"], from: "https://cloud.google.com/sdk/docs/install", least: [528, 0] },
  terraform: {
    programs: ["terraform", "tofu"],
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

/** Looks for the tools on the path, and asks each for its version. */
export async function findTools(
  needed: readonly ToolName[],
  path = process.env.PATH ?? "",
): Promise<FoundTools> {
  const programs: Record<ToolName, string> = { gcloud: "gcloud", terraform: "terraform" };
  const problems: string[] = [];
  for (const name of needed) {
    const { programs: names, from, least } = tools[name];
    const found = names.find((program) => isOnPath(program, path));
    if (found === undefined)
      problems.push(`${names.join(" or ")} is not on the PATH: install it from ${from}`);
    else {
      programs[name] = found;
      problems.push(...(await versionProblems(found, least, from)));
    }
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

async function versionProblems(
  program: string,
  [leastMajor, leastMinor]: readonly [number, number],
  from: string,
): Promise<string[]> {
  const text = await run(program, ["--version"], { timeout: versionTimeoutMs }).then(
    ({ stdout }) => stdout,
    () => "",
  );
  const [version, major, minor] = /(\d+)\.(\d+)\.\d+/.exec(text) ?? [];
  if (version === undefined) return [`${program} does not tell its version: install it anew from ${from}`];
  const isOld = Number(major) < leastMajor || (Number(major) === leastMajor && Number(minor) < leastMinor);
  return isOld
    ? [`${program} is ${version}, and ${leastMajor}.${leastMinor} or newer is needed: ${from}`]
    : [];
}
