import { execFile } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { FunctionProcess, freePort } from "./function-process.ts";
import { installForProduction } from "./production-folder.ts";
import { startCloud } from "./world.ts";

// Thousands of files are linked, and read.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));

const ManifestSchema = z.object({
  main: z.string(),
  dependencies: z.record(z.string(), z.string()),
  scripts: z.record(z.string(), z.string()),
});
const PackedSchema = z.tuple([z.object({ files: z.array(z.object({ path: z.string() })) })]);

const place = mkdtempSync(join(tmpdir(), "baton-production-"));
const folder = join(place, "package");
beforeAll(async () => {
  installForProduction(folder);
  await run("npm", ["run", "gcp-build"], { cwd: folder });
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("the deployed package runs a batch with production dependencies in a clean folder", async () => {
  const port = await freePort();
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}`, queues: ["documents", "websites"] });
  onTestFinished(() => cloud.close());
  const environment = { ...cloud.environment, NODE_ENV: "production" };
  const fn = new FunctionProcess(port, environment, folder);
  onTestFinished(() => fn.kill());
  await fn.start();
  const baton = async (...parameters: string[]) => {
    const { stdout } = await run(process.execPath, ["bin/baton.js", ...parameters], {
      cwd: folder,
      env: { ...process.env, ...environment, BATON_WORKFLOWS: "dist/functions/workflows" },
    });
    return JSON.parse(stdout);
  };

  const data = Buffer.from(JSON.stringify({ workflowId: "greet", input: { name: "Ada" }, key: "k" }));
  const answer = await fetch(fn.url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${await cloud.pushToken()}` },
    body: JSON.stringify({
      message: { data: data.toString("base64"), messageId: "1", publishTime: new Date().toISOString() },
      subscription: "projects/test-project/subscriptions/baton-control-push",
    }),
  });
  expect(answer.status, fn.output).toBe(200);
  await cloud.idle();

  const [batch] = await baton("batches", "--json");
  expect(await baton("show", batch.batchId, "--json")).toMatchObject({
    status: "SUCCESS",
    tasks: [{ result: { text: "Hello, Ada" } }, { result: "HELLO, ADA" }],
  });
  // The same as the smoke test of a deployment does.
  expect(await baton("run", "greet", "--input", '{"name":"smoke"}', "--json")).toMatchObject({
    status: "SUCCESS",
  });
  expect(await fn.stop()).toBe(0);
});

test("every package that built code names is there without development dependencies", async () => {
  const manifest = ManifestSchema.parse(JSON.parse(readFileSync(`${folder}/package.json`, "utf8")));
  const imported = importedPackages(folder);
  expect(imported.size).toBeGreaterThan(4);
  expect([...imported].filter((name) => !(packageOf(name) in manifest.dependencies))).toEqual([]);
  // Loading all of them also loads what they need themselves.
  const script = `for (const name of ${JSON.stringify([...imported])}) await import(name);`;
  await run(process.execPath, ["--input-type=module", "--eval", script], { cwd: folder });
});

test("the function starts with the copies that are bundled, of zod too, which workflows import", async () => {
  // Not google-gax: it looks for files of its package.
  const packages = ["zod", "pino", "@google-cloud/firestore", "@google-cloud/pubsub"];
  for (const name of packages) {
    const [installed, elsewhere] = [`${folder}/node_modules/${name}`, join(place, name.replace("/", "-"))];
    renameSync(installed, elsewhere);
    onTestFinished(() => renameSync(elsewhere, installed));
  }
  const port = await freePort();
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}` });
  onTestFinished(() => cloud.close());
  const fn = new FunctionProcess(port, cloud.environment, folder);
  onTestFinished(() => fn.kill());
  await fn.start();
  const answer = await fetch(fn.url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${await cloud.pushToken()}` },
    body: JSON.stringify({ workflowId: "greet", input: { name: "Ada" } }),
  });
  expect(await answer.json(), fn.output).toMatchObject({ status: "done" });
});

test("the folder holds what npm would publish, the lock file, and no script but what compiles ahead", async () => {
  const packed = join(place, "packed");
  await run(process.execPath, [`${root}scripts/package.js`, packed]);
  const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: root,
    maxBuffer: 2 ** 25,
  });
  const [{ files }] = PackedSchema.parse(JSON.parse(stdout));
  const there = globSync("**/*", { cwd: packed, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(packed.length + 1));
  expect(there.sort()).toEqual([...files.map(({ path }) => path), "package-lock.json"].sort());
  const manifest = ManifestSchema.parse(JSON.parse(readFileSync(`${packed}/package.json`, "utf8")));
  expect(Object.keys(manifest.scripts)).toEqual(["gcp-build"]);
  expect(there).toContain(manifest.main.replace("./", ""));
});

test("the command starts from there", async () => {
  const { stdout } = await run("npx", ["--offline", "baton", "--help"], { cwd: folder });
  expect(stdout).toContain("Usage: baton");
});

test("a folder that it has not made is left alone", async () => {
  await expect(run(process.execPath, [`${root}scripts/package.js`, `${root}src`])).rejects.toThrow(
    "was not created",
  );
  await expect(run(process.execPath, [`${root}scripts/package.js`, root])).rejects.toThrow("another folder");
});

/** What the built code imports that is neither Node's nor its own. */
function importedPackages(folder: string): Set<string> {
  const text = globSync(`${folder}/dist/**/*.js`)
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
  const names = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^."][^"]*)"/g)].map(([, name = ""]) => name);
  const isTheirs = (name: string) =>
    !name.startsWith("node:") && !builtinModules.includes(name) && packageOf(name) !== "baton-dag";
  return new Set(names.filter((name) => isTheirs(name) && /^(@[\w.-]+\/)?[\w.-]+(\/[\w./-]+)?$/.test(name)));
}

function packageOf(name: string): string {
  return name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");
}
