// Builds another revision of Baton beside this one.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { repository } from "./machine.js";

/** Built revisions by commit. They are kept for the next run. */
const cache = join(tmpdir(), "baton-bench-revisions");

/** The folder of a built checkout: given as a folder, or as a git revision, which is built once. */
export function builtRevision(revision) {
  if (existsSync(join(revision, "dist/src/index.js"))) return { name: revision, root: resolve(revision) };
  const commit = git("rev-parse", "--verify", "--end-of-options", `${revision}^{commit}`).trim();
  const root = join(cache, commit);
  if (!existsSync(root)) build(commit, root);
  return { name: revision, root };
}

export function forgetRevisions() {
  rmSync(cache, { recursive: true, force: true });
}

/** Renamed when it is complete, so that another run finds the whole of it or nothing. */
function build(commit, root) {
  const folder = `${root}-${process.pid}`;
  console.error(`building ${commit} in ${root}`);
  mkdirSync(folder, { recursive: true });
  const archive = execFileSync("git", ["archive", "--format=tar", commit], {
    cwd: repository,
    maxBuffer: 1e9,
  });
  execFileSync("tar", ["-x"], { cwd: folder, input: archive });
  installPackages(folder);
  const { status } = spawnSync(process.execPath, ["scripts/build.js"], {
    cwd: folder,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) throw new Error(`${commit} can't be built: see above`);
  try {
    renameSync(folder, root);
  } catch (error) {
    // Another run was faster.
    if (!existsSync(root)) throw error;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Links this checkout's packages if they are the same, and installs the revision's own otherwise. */
function installPackages(folder) {
  const lockOf = (root) => readFileSync(join(root, "package-lock.json"), "utf8");
  const packages = join(repository, "node_modules");
  if (lockOf(folder) === lockOf(repository) && existsSync(packages)) {
    const { status } = spawnSync("cp", ["-al", packages, join(folder, "node_modules")], { stdio: "ignore" });
    if (status === 0) return;
    rmSync(join(folder, "node_modules"), { recursive: true, force: true });
  }
  const words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", words, { cwd: folder, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`The packages of ${folder} can't be installed: see above`);
}

function git(...words) {
  try {
    return execFileSync("git", words, {
      cwd: repository,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    throw new Error(`git ${words.join(" ")} failed: ${error.stderr}`, { cause: error });
  }
}

/** The name by which workflow files of a checkout import it. */
export function packageName(root) {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")).name;
}

/** This checkout, named by its commit. */
export function thisCheckout() {
  const isChanged = git("status", "--porcelain", "--", "src", "package-lock.json") !== "";
  const commit = git("rev-parse", "--short", "HEAD").trim();
  return { name: isChanged ? `${commit} + changes` : commit, root: repository };
}
