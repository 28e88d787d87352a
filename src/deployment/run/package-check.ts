import { existsSync, globSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { BatonError } from "../../core/errors.ts";
import { listWorkflowFiles } from "../../workflow/folder-files.ts";
import type { Part } from "../plan/plan.ts";

/** What has to be in the folder that the command runs in. */
const neededFiles = {
  infrastructure: ["infra/variables.tf"],
  function: ["package.json", "package-lock.json", "scripts/package.js"],
} as const satisfies Record<Part, readonly string[]>;

const main = "dist/functions/index.js";

/** Why what is in the folder can't be deployed, in words. `built`: where its workflows are, from the folder. */
export async function packageProblems(
  root: string,
  {
    parts,
    workflows,
    built,
  }: { readonly parts: readonly Part[]; readonly workflows: string; readonly built: string },
): Promise<readonly string[]> {
  const missing = parts.flatMap((part) => neededFiles[part]).filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0)
    return [`${missing.join(", ")} is missing: run it in the folder into which Baton was cloned`];
  if (!parts.includes("function")) return [];
  if (!existsSync(join(root, main))) return [`${main} is missing: run \`npm run build\``];
  return [
    ...changedSources(root),
    ...(await unbuiltWorkflows(root, workflows, built)),
    ...(await leftOverWorkflows(root, workflows, built)),
  ];
}

/** Throws `DEPLOY_BUILD_STALE`. */
export function demandPackage(problems: readonly string[]): void {
  if (problems.length > 0) throw new BatonError("DEPLOY_BUILD_STALE", problems.join("\n"));
}

/** What was written after the build is not in it. */
function changedSources(root: string): string[] {
  const builtAt = statSync(join(root, main)).mtimeMs;
  const changed = globSync("{src,functions}/**/*.{ts,js,mjs,yaml,yml,json}", { cwd: root }).filter(
    (path) => statSync(join(root, path)).mtimeMs > builtAt,
  );
  if (changed.length === 0) return [];
  const [first] = changed.sort();
  const others = changed.length > 1 ? ` and ${changed.length - 1} more` : "";
  return [`${first}${others} changed after the build: run \`npm run build\`, and the tests`];
}

/** Deployed, it would go on to run: what was taken away from the sources. */
async function leftOverWorkflows(root: string, workflows: string, built: string): Promise<string[]> {
  const folder = join(root, built);
  if (relative(folder, workflows) === "" || !existsSync(folder)) return [];
  const files = await listWorkflowFiles(folder);
  return files
    .map(({ path }) => relative(folder, path))
    .filter((path) => sourcesOf(path).every((source) => !existsSync(join(workflows, source))))
    .map((path) => `${join(built, path)} has no source any more: run \`npm run build\`, and the tests`);
}

function sourcesOf(path: string): string[] {
  return [path, path.replace(/\.js$/, ".ts")];
}

async function unbuiltWorkflows(root: string, workflows: string, built: string): Promise<string[]> {
  const files = await listWorkflowFiles(workflows);
  return files
    .map(({ path }) => join(built, path.slice(workflows.length + 1)).replace(/\.ts$/, ".js"))
    .filter((path) => !existsSync(join(root, path)))
    .map((path) => `${path} is missing in the build: run \`npm run build\``);
}
