import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";

const root = fileURLToPath(new URL("../../", import.meta.url));
const framework = "@google-cloud/functions-framework";
// These tests look at what a deployed function has compiled, not at what Node keeps for all other tests.
delete process.env.NODE_COMPILE_CACHE;

/** The part of a lock file that says what is installed where. */
const LockSchema = z.object({
  packages: z.record(
    z.string(),
    z.looseObject({
      optional: z.boolean().optional(),
      bin: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

const greet = `
import * as z from "zod";
import { workflow } from "baton-dag";
import { loud } from "../lib/loud.ts";

export default workflow("greet", { input: z.object({ name: z.string() }) })
  .task("compose", ({ input }) => ({ text: \`Hello, \${input.name}\` }))
  .task("shout", async (task): Promise<string> => loud((await task.parent("compose")).text), { after: ["compose"] });
`;

/** A project with one workflow, installed by the lock of this repository. */
function writeProject(folder: string): void {
  for (const name of ["workflows", "lib"]) mkdirSync(`${folder}/${name}`, { recursive: true });
  writeFileSync(`${folder}/workflows/greet.ts`, greet);
  writeFileSync(
    `${folder}/lib/loud.ts`,
    "export const loud = (text: string): string => text.toUpperCase();\n",
  );
  const { version, dependencies } = z
    .object({ version: z.string(), dependencies: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(`${root}package.json`, "utf8")));
  const { zod = "" } = dependencies;
  const own = { version, dependencies: { [framework]: dependencies[framework], zod } };
  const manifest = { name: "greetings", type: "module", dependencies: { "baton-dag": version, zod } };
  const lock = LockSchema.parse(JSON.parse(readFileSync(`${root}package-lock.json`, "utf8")));
  const packages = { ...lock.packages, "node_modules/baton-dag": own };
  writeFileSync(`${folder}/package.json`, JSON.stringify(manifest));
  writeFileSync(`${folder}/package-lock.json`, JSON.stringify({ lockfileVersion: 3, packages }));
}

/**
 * What is deployed, as the buildpack installs it: the packed files, and the packages that `npm ci` would install from
 * their lock file. It has to lie outside of this repository, where Node would find all others.
 */
export function installForProduction(folder: string): void {
  packProject(folder);
  const lock = LockSchema.parse(JSON.parse(readFileSync(`${folder}/package-lock.json`, "utf8")));
  for (const [path, { optional, bin }] of Object.entries(lock.packages)) {
    if (path === "") continue;
    if (existsSync(root + path)) install(path, folder, bin ?? {});
    else if (!optional) throw new Error(`${path} is in package-lock.json, but not installed: run npm ci`);
  }
}

/** Packs a project, which is made beside the folder, as `baton deploy` does. */
export function packProject(folder: string): void {
  const project = `${folder}-project`;
  if (!existsSync(project)) writeProject(project);
  execFileSync(process.execPath, [`${root}bin/baton.js`, "pack", folder], { cwd: project, stdio: "pipe" });
}

function install(path: string, folder: string, commands: Readonly<Record<string, string>>): void {
  linkFiles(root + path, `${folder}/${path}`);
  const bin = `${folder}/${path.slice(0, path.lastIndexOf("node_modules"))}node_modules/.bin`;
  for (const [name, file] of Object.entries(commands)) {
    mkdirSync(bin, { recursive: true });
    const target = `${folder}/${path}/${file}`;
    chmodSync(target, 0o755);
    if (!existsSync(`${bin}/${name}`)) symlinkSync(relative(bin, target), `${bin}/${name}`);
  }
}

/** Links cost no room and little time; a copy is made where the folder is on another disk. */
function linkFiles(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [`${from}/${entry.name}`, `${to}/${entry.name}`];
    // Packages inside of packages stand in the lock file themselves.
    if (entry.isDirectory() && entry.name !== "node_modules") linkFiles(source, target);
    else if (entry.isFile()) linkOrCopy(source, target);
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
  }
}
