// Makes the folder that is deployed: dist/ as it was built and tested, and what says which packages it needs. Its package.json
// has no scripts: npm would run `prepare`, and the buildpack `build`, so that something else ran than what was tested.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = process.argv[2];
if (folder === undefined || process.argv.length > 3) stop("usage: node scripts/package.js <folder>", 2);
const target = resolve(folder);
if (`${root}/`.startsWith(`${target}/`)) stop(`${target} holds the project itself: name another folder`, 2);
if (!existsSync(`${root}dist/functions/index.js`)) stop("Nothing has been built: run `npm run build`", 1);
if (existsSync(target) && !existsSync(`${target}/package-lock.json`))
  stop(`${target} is there and was not made by this script: name another folder`, 2);

const { scripts: _scripts, allowScripts: _allowed, ...manifest } = readManifest();
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const path of [...manifest.files, "package-lock.json"])
  cpSync(`${root}${path}`, `${target}/${path}`, { recursive: true, preserveTimestamps: true });
writeFileSync(`${target}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
console.log(target);

function readManifest() {
  return JSON.parse(readFileSync(`${root}package.json`, "utf8"));
}

function stop(reason, code) {
  console.error(reason);
  process.exit(code);
}
