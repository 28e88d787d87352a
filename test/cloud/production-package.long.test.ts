import { execFile } from "node:child_process";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { FunctionProcess, freePort } from "./function-process.ts";
import { installForProduction, packProject } from "./production-folder.ts";
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
    const { stdout } = await run(process.execPath, [`${root}bin/baton.js`, ...parameters], {
      cwd: folder,
      env: { ...process.env, ...environment },
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

test("the function starts with the copies that are bundled, of zod too, which workflows import", async () => {
  // The framework starts the function; nothing else of node_modules is used.
  const packages = ["zod"];
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

test("the folder holds the workflows without types, Baton, and no script but what compiles ahead", async () => {
  const packed = join(place, "packed");
  packProject(packed);
  const there = globSync("**/*", { cwd: packed, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(packed.length + 1))
    .filter((path) => !path.startsWith("baton-dag/dist/"));
  expect(there.sort()).toEqual([
    "baton-dag/LICENSE",
    "baton-dag/package.json",
    "lib/loud.js",
    "package-lock.json",
    "package.json",
    "workflows/greet.js",
  ]);
  const manifest = ManifestSchema.parse(JSON.parse(readFileSync(`${packed}/package.json`, "utf8")));
  expect(Object.keys(manifest.scripts)).toEqual(["gcp-build"]);
  expect(Object.keys(manifest.dependencies).sort()).toEqual(["@google-cloud/functions-framework", "zod"]);
  expect(existsSync(join(packed, manifest.main))).toBe(true);
});

test("a folder that Baton has not made is left alone", () => {
  const other = join(place, "other");
  mkdirSync(other);
  writeFileSync(join(other, "mine.txt"), "mine");
  expect(() => packProject(other)).toThrow("was not made by Baton");
  expect(readFileSync(join(other, "mine.txt"), "utf8")).toBe("mine");
});
