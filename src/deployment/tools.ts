import { execFile } from "node:child_process";
import { accessSync, constants, globSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { RawEnvironment } from "../configuration/variables.ts";
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
