// Creates the folder to deploy: dist/ as it was built and tested, and the files that list its packages.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = process.argv[2];
if (folder === undefined || process.argv.length > 3) stop("usage: node scripts/package.js <folder>", 2);
const target = resolve(folder);
if (`${root}/`.startsWith(`${target}/`))
  stop(`${target} contains the project itself: name another folder`, 2);
if (!existsSync(`${root}dist/functions/index.js`)) stop("Baton has not been built: run `npm run build`", 1);
if (existsSync(target) && !existsSync(`${target}/package-lock.json`))
  stop(`${target} exists and was not created by this script: name another folder`, 2);

const { scripts: _, allowScripts: __, devDependencies: ___, ...manifest } = readJson("package.json");
const lock = readJson("package-lock.json");
// The buildpack installs with the newest Node in this range. The function runs on the Node of `--base-image`.
const engines = { node: "24.x" };
// None of our scripts: npm would run `prepare`, and the buildpack `build`, and untested code would run.
const scripts = { "gcp-build": "node dist/functions/compile.js || true" };

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const path of manifest.files)
  cpSync(`${root}${path}`, `${target}/${path}`, { recursive: true, preserveTimestamps: true });
writeJson("package.json", { ...manifest, engines, scripts });
writeJson("package-lock.json", { ...lock, packages: productionPackages(lock.packages) });
console.log(target);

/** With a `gcp-build` script the buildpack also installs development dependencies, so they are removed. */
function productionPackages({ "": { devDependencies: _, ...own }, ...packages }) {
  const needed = Object.entries(packages).filter(([, { dev }]) => !dev);
  return { "": { ...own, engines }, ...Object.fromEntries(needed) };
}

function readJson(name) {
  return JSON.parse(readFileSync(`${root}${name}`, "utf8"));
}

function writeJson(name, content) {
  writeFileSync(`${target}/${name}`, `${JSON.stringify(content, null, 2)}\n`);
}

function stop(reason, code) {
  console.error(reason);
  process.exit(code);
}
