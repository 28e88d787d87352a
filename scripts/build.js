// Compiles src/ and functions/ into dist/. TypeScript keeps its output in .tsc/, so that nothing is compiled twice. Of
// src/ dist has types and a bundle; the files of functions/ stay apart, since workflows are loaded by their files. The
// new dist replaces the old one as a whole: no file of an older build stays behind, and a failed build changes nothing.
// With --if-changed it does nothing if dist/ is newer than what it is made of, since npm prepares a linked package twice,
// or if the compiler is not installed (npm ci --omit=dev): then it may run on a Node that is too old for a build.
import { spawnSync } from "node:child_process";
import fs, { cpSync, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const fresh = `${root}dist-${process.pid}`;
const tsc = `${root}node_modules/typescript/bin/tsc`;

const isOptional = process.argv.includes("--if-changed");
if (isOptional && !existsSync(tsc)) console.error("dist/ is not built: TypeScript is not installed");
else if (!isOptional || !isCurrent()) await build();

function isCurrent() {
  const built = statSync(`${root}dist/src/cli/main.js`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = fs.globSync(["{src,functions}/**/*", "scripts/*", "tsconfig*.json", "package*.json"], {
    cwd: root,
  });
  return sources.every((source) => statSync(root + source).mtimeMs < built);
}

async function build() {
  const { status } = spawnSync(process.execPath, [tsc, "-b", `${root}tsconfig.build.json`], {
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
  if (status !== 0) return;
  for (const source of fs.globSync("{src,functions}/**/*.ts", { cwd: root })) {
    const name = source.slice(0, -".ts".length);
    mkdirSync(dirname(`${fresh}/${name}`), { recursive: true });
    const extensions = source.startsWith("src/") ? [".d.ts"] : [".js", ".js.map", ".d.ts"];
    for (const extension of extensions)
      cpSync(`${root}.tsc/${name}${extension}`, `${fresh}/${name}${extension}`);
  }
  const { writeBundle } = await import("./bundle.js");
  const { writeConsoleAssets } = await import("./console-assets.js");
  await writeBundle(fresh);
  await writeConsoleAssets(`${fresh}/console`);
  await writeHelp(fresh);
  await writeSchema(fresh);
  // Workflows in YAML or JSON are not compiled, but belong to the function.
  for (const name of fs.globSync("functions/**/*.{yaml,yml,json}", { cwd: root }))
    cpSync(`${root}${name}`, `${fresh}/${name}`);
  // Renamed before the slow deletion: a process that runs from dist meanwhile finds the old or the new one.
  const old = `${fresh}-old`;
  if (existsSync(`${root}dist`)) renameSync(`${root}dist`, old);
  renameSync(fresh, `${root}dist`);
  rmSync(old, { recursive: true, force: true });
}

/** Writes what `baton --help` prints, so that the command need not be loaded for it. */
async function writeHelp(target) {
  writeFileSync(`${target}/help.txt`, await printed(target, {}, ["--help"]));
}

/** Writes the JSON Schema of workflow files, which those of a new project name for their editor. */
async function writeSchema(target) {
  // A folder without workflows: the schema has the built-in task types only.
  const environment = { BATON_WORKFLOWS: mkdirSync(`${target}/no-workflows`, { recursive: true }) };
  writeFileSync(`${target}/workflow.schema.json`, await printed(target, environment, ["schema"]));
  rmSync(`${target}/no-workflows`, { recursive: true });
}

async function printed(target, environment, words) {
  const { runProgram } = await import(`${target}/src/cli/program.js`);
  const { openSession } = await import(`${target}/src/cli/session.js`);
  let output = "";
  const session = openSession({ environment, display: process.stderr }, (text) => {
    output += text;
  });
  await runProgram(session, "", words);
  return output;
}
