// npm run release -- --dry-run: packs both packages, looks into them, and tries them in a fresh project. Without
// --dry-run it then tags the commit, and prints the commands that publish. It needs npm's registry. With --to <folder>
// it only packs.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { stagePackage } from "./stage.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Packs baton-dag and create-baton-dag into a folder; gives the paths of the two archives, in this order. */
export function packPackages(folder) {
  const staged = [join(folder, "baton-dag"), join(folder, "create-baton-dag")];
  mkdirSync(folder, { recursive: true });
  stagePackage(staged[0]);
  cpSync(`${root}create-baton-dag`, staged[1], { recursive: true });
  cpSync(`${root}LICENSE`, join(staged[1], "LICENSE"));
  return staged.map((each) => {
    const options = { cwd: each, encoding: "utf8" };
    const words = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
    const [{ filename }] = JSON.parse(execFileSync("npm", words, options));
    return join(folder, filename);
  });
}

/** What a package must hold, and what it must not. */
const content = {
  needed: [
    /^bin\/baton\.js$/,
    /^dist\/src\/index\.(?:js|d\.ts)$/,
    /^dist\/src\/testing\/index\.d\.ts$/,
    /^dist\/functions\/index\.js$/,
    /^dist\/LICENSES-OF-PACKAGES\.txt$/,
    /^docs\/deploy\.md$/,
    /^infra\/variables\.tf$/,
    /^template\/gitignore$/,
    /^template\/workflows\/sales\.ts$/,
    /^(?:README|CHANGELOG)\.md$/,
    /^LICENSE$/,
  ],
  banned: [
    /^dist\/functions\/.*\//,
    /tfstate|\.terraform\/|\.tfvars|\.env$/,
    /\.test\.js$/,
    /(?:^|\/)node_modules\//,
  ],
  /** What a user may want to see is no secret. */
  allowed: /^template\/environments\/example\.env$/,
};

/** The problems of the content of a packed archive. */
export function contentProblems(archive) {
  const listed = execFileSync("tar", ["-tzf", archive], { encoding: "utf8" }).trim().split("\n");
  const paths = listed.map((path) => path.replace(/^package\//, ""));
  return [
    ...content.needed
      .filter((pattern) => !paths.some((path) => pattern.test(path)))
      .map((pattern) => `no file is ${pattern}`),
    ...paths
      .filter((path) => content.banned.some((pattern) => pattern.test(path)) && !content.allowed.test(path))
      .map((path) => `${path} must not be in the package`),
  ];
}

/** The problems of the versions: all have to be the same, and the changelog has to have a section. */
export function versionProblems() {
  const { version } = readJson("package.json");
  const create = readJson("create-baton-dag/package.json");
  const changelog = readFileSync(`${root}CHANGELOG.md`, "utf8");
  return [
    ...(create.version === version ? [] : [`create-baton-dag has the version ${create.version}`]),
    ...(create.dependencies["baton-dag"] === version ? [] : ["create-baton-dag brings another baton-dag"]),
    ...(changelog.includes(`\n## ${version}\n`) ? [] : [`CHANGELOG.md has no section ${version}`]),
  ];
}

function readJson(path) {
  return JSON.parse(readFileSync(`${root}${path}`, "utf8"));
}

/** Makes a project from the archives in an empty folder, and runs its tests and its check. */
function tryInProject(place, [baton, create]) {
  const creator = join(place, "creator");
  const app = join(place, "app");
  const npm = (cwd, ...words) => execFileSync("npm", words, { cwd, stdio: ["ignore", 2, 2] });
  mkdirSync(creator);
  writeFileSync(join(creator, "package.json"), '{ "private": true }\n');
  npm(creator, "install", "--silent", baton, create);
  npm(creator, "exec", "--no", "--", "create-baton-dag", app, "--package", baton, "--yes");
  npm(app, "install", "--silent");
  npm(app, "test");
  npm(app, "exec", "--no", "--", "baton", "check");
}

function release(isDry) {
  const problems = versionProblems();
  const { version } = readJson("package.json");
  const changes = execFileSync("git", ["status", "--porcelain"], { cwd: root, encoding: "utf8" });
  if (!isDry && changes !== "") problems.push("there are changes that are not committed");
  const place = mkdtempSync(join(tmpdir(), "baton-release-"));
  try {
    execFileSync("npm", ["run", "build", "--silent"], { cwd: root, stdio: ["ignore", 2, 2] });
    const archives = packPackages(join(place, "packed"));
    problems.push(...contentProblems(archives[0]));
    if (problems.length > 0) throw new Error(problems.join("\n"));
    tryInProject(place, archives);
    console.log(
      `baton-dag ${version} and create-baton-dag ${version} are complete, and work in a new project.`,
    );
    if (isDry) return;
    execFileSync("git", ["tag", `v${version}`], { cwd: root, stdio: "inherit" });
    for (const archive of archives) {
      cpSync(archive, join(root, "dist", archive.slice(archive.lastIndexOf("/") + 1)));
      console.log(`npm publish dist${archive.slice(archive.lastIndexOf("/"))} --access public`);
    }
    console.log(`git push origin v${version}`);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  try {
    const { values } = parseArgs({ options: { "dry-run": { type: "boolean" }, to: { type: "string" } } });
    if (values.to === undefined) release(values["dry-run"] === true);
    else for (const archive of packPackages(resolve(values.to))) console.log(archive);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
