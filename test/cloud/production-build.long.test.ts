import { execFile } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { installForProduction, packProject } from "./production-folder.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));

const ManifestSchema = z.object({
  engines: z.object({ node: z.string() }),
  devDependencies: z.unknown().optional(),
});
const LockSchema = z.object({
  packages: z.record(z.string(), z.object({ dev: z.boolean().optional() })),
});

const place = realpathSync(mkdtempSync(join(tmpdir(), "baton-build-")));
const folder = join(place, "package");
beforeAll(() => installForProduction(folder));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("it is built with the version of Node that it runs on, one that this repository is tested with", () => {
  const commands = readFileSync(`${root}src/deployment/commands.ts`, "utf8");
  const [, version] = /--base-image=nodejs(\d+)/.exec(commands) ?? [];
  expect(manifestOf(folder).engines.node).toBe(`${version}.x`);
  expect(manifestOf(root).engines.node.split(" || ")).toContain(`${version}.x`);
});

test("the lock file is respected, and has no development packages, which a `gcp-build` would get", async () => {
  const lock = LockSchema.parse(read(folder, "package-lock.json"));
  const installed = Object.keys(lock.packages).filter((path) => path && existsSync(`${folder}/${path}`));
  const empty = mkdtempSync(join(place, "empty-"));
  for (const name of ["package.json", "package-lock.json"])
    copyFileSync(`${folder}/${name}`, `${empty}/${name}`);
  // A dry run. It fails where package.json and the lock file disagree.
  const { stdout } = await run("npm", ["ci", "--dry-run", "--offline", "--no-audit", "--loglevel=notice"], {
    cwd: empty,
    env: { ...process.env, NODE_ENV: "development" },
  });
  expect(stdout.match(/^add /gm)).toHaveLength(installed.length);
  expect(manifestOf(folder).devDependencies).toBeUndefined();
  expect(Object.values(lock.packages).filter(({ dev }) => dev)).toEqual([]);
});

test.runIf(isThere("gcloud"))("gcloud sends all of it, whatever Git ignores around it", async () => {
  const packed = join(place, "packed");
  packProject(packed);
  mkdirSync(join(place, ".git"));
  copyFileSync(`${root}.gitignore`, join(place, ".gitignore"));
  const { stdout } = await run("gcloud", ["meta", "list-files-for-upload", packed], { maxBuffer: 2 ** 25 });
  const files = globSync("**/*", { cwd: packed, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(stdout.trim().split("\n")).toHaveLength(files.length);
  expect(stdout).toContain("baton-dag/dist/functions/index.js\n");
});

test("no build fails because nothing could be compiled", async () => {
  const [modules, elsewhere] = [`${folder}/baton-dag/dist/src`, `${place}/src`];
  renameSync(modules, elsewhere);
  onTestFinished(() => renameSync(elsewhere, modules));
  expect(await build()).toContain("No code is compiled");

  const script = `${folder}/baton-dag/dist/functions/compile.js`;
  renameSync(script, `${script}.away`);
  onTestFinished(() => renameSync(`${script}.away`, script));
  expect(await build()).toContain("Cannot find module");
});

/** Runs what the buildpack runs after it has installed the packages, and gives what is said. */
async function build(): Promise<string> {
  const { stdout, stderr } = await run("npm", ["run", "gcp-build"], { cwd: folder });
  return stdout + stderr;
}

function isThere(program: string): boolean {
  return (process.env.PATH ?? "").split(":").some((directory) => existsSync(join(directory, program)));
}

function manifestOf(directory: string): z.infer<typeof ManifestSchema> {
  return ManifestSchema.parse(read(directory, "package.json"));
}

function read(directory: string, name: string): unknown {
  return JSON.parse(readFileSync(`${directory}/${name}`, "utf8"));
}
