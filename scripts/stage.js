// Makes the package that npm publishes, in a folder, with a manifest of its own: the packages that are in the bundle are
// no dependencies of it. `npm run release` packs it, and tests install it.
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What is in the package. */
const files = [
  "bin",
  "dist",
  "docs",
  "infra",
  "template",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "LICENSE",
  "README.md",
];
/** What is not in the bundle: a deployed function loads the framework, and workflow files share zod with Baton. */
const needed = ["@google-cloud/functions-framework", "zod"];
/** Only a local warehouse needs it. */
const optional = ["@duckdb/node-api"];
/** `baton init` gives a project these versions. */
const ofProjects = [...optional, "@types/node", "node", "typescript"];

/** Writes the package to `target`, which is replaced. */
export function stagePackage(target) {
  if (!existsSync(`${root}dist/src/index.js`))
    throw new Error("Baton has not been built: run `npm run build`");
  const { name, version, description, license, type, main, bin, exports, engines, ...manifest } = JSON.parse(
    readFileSync(`${root}package.json`, "utf8"),
  );
  const versions = { ...manifest.dependencies, ...manifest.devDependencies };
  const pick = (names, prefix = "") =>
    Object.fromEntries(names.map((each) => [each, prefix + versions[each]]));
  const published = {
    ...{ name, version, description, license, type, main, bin, exports, files, engines },
    dependencies: pick(needed),
    peerDependencies: pick(optional, "^"),
    peerDependenciesMeta: Object.fromEntries(optional.map((each) => [each, { optional: true }])),
    devDependencies: pick(ofProjects),
  };
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const path of files) copy(path, target);
  for (const path of undeclared(target)) rmSync(path);
  writeFileSync(`${target}/package.json`, `${JSON.stringify(published, null, 2)}\n`);
}

/** Terraform's state is on this machine only, and the workflows of functions/ are of this repository. */
function copy(path, target) {
  const left = /\/infra\/(?:\.terraform|terraform\.tfstate|baton\.)|\/dist\/functions\/workflows$/;
  cpSync(`${root}${path}`, `${target}/${path}`, {
    recursive: true,
    preserveTimestamps: true,
    filter: (source) => !left.test(source),
  });
}

/** Declarations that none of the exported ones refers to: they name packages that a project does not have. */
function undeclared(target) {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  const reached = new Set(
    Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [join(target, types)])),
  );
  for (const path of reached)
    for (const [, name] of readFileSync(path, "utf8").matchAll(
      /(?:from |import\()["'](\.[^"']+)\.[jt]s["']/g,
    ))
      reached.add(resolve(dirname(path), `${name}.d.ts`));
  return globSync(`${target}/dist/**/*.d.ts`).filter((path) => !reached.has(path));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [target] = process.argv.slice(2);
  if (target === undefined) {
    console.error("usage: node scripts/stage.js <folder>");
    process.exitCode = 2;
  } else stagePackage(resolve(target));
}
