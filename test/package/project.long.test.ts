import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { FunctionProcess, freePort } from "../cloud/function-process.ts";
import { startCloud } from "../cloud/world.ts";
import { shellEndedWithTest } from "../support/child-process.ts";

// A project that was made in an empty folder from the packed packages: what a user does on the first day. It needs
// npm's registry.
const run = promisify(execFile);
const place = mkdtempSync(join(tmpdir(), "baton-first-day-"));
const app = join(place, "my-sales");
const deployed = join(place, "deployed");
/** Without the settings of this test run, of Baton and of Node; with those of npm, such as its registry. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(?:BATON_|NODE_OPTIONS|NODE_COMPILE_CACHE|NODE_ENV|npm_(?!config_)|npm_config_local|VITEST)/.test(
        name,
      ),
  ),
);

/** What the commands of the first day took, in seconds of the processor. */
let processorSeconds = 0;

async function shell(line: string, folder = app): Promise<string> {
  const { stdout } = await run("/bin/sh", ["-ec", line], {
    cwd: folder,
    env: environment,
    maxBuffer: 2 ** 26,
  });
  return stdout;
}

/** Like `shell`, and counts the processor time of the command and of all that it starts. */
async function command(line: string, folder = app): Promise<string> {
  const output = await shell(`${line}\ntimes`, folder);
  const [, users = "", system = ""] = /(\S+) (\S+)\s*$/.exec(output) ?? [];
  processorSeconds += secondsOf(users) + secondsOf(system);
  return output;
}

/** Of a time such as `0m1.250s`. */
function secondsOf(text: string): number {
  const [, minutes, seconds] = /^(\d+)m([\d.]+)s$/.exec(text) ?? [];
  return Number(minutes) * 60 + Number(seconds);
}

beforeAll(async () => {
  const { packPackages } = await import(new URL("../../scripts/release.js", import.meta.url).href);
  const [baton, create] = await packPackages(join(place, "packed"));
  mkdirSync(join(place, "creator"));
  writeFileSync(join(place, "creator/package.json"), '{ "private": true }');
  await command(`npm install --silent ${baton} ${create}`, join(place, "creator"));
  const line = `npx --no-install create-baton-dag ${app} --package ${baton} --yes`;
  expect(await command(line, join(place, "creator"))).toContain("12 files created");
  await command("npm install --silent");
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("the commands of the README for a new project are those that are tried here", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const [, block] = /^```sh project\n(.*?)^```$/ms.exec(readme) ?? [];
  const commands = ["cd ../my-sales", "npm install", "npm test", "npx baton check", "npx baton dev"];
  expect(block?.trim().split("\n")).toEqual(commands);
});

test("its tests pass, and its check finds nothing", async () => {
  expect(await command("npm test")).toMatch(/^ℹ pass 2$[\s\S]*^ℹ fail 0$/m);
  const { ok, checks } = JSON.parse(await shell("npx baton check --json"));
  expect(ok).toBe(true);
  expect(checks.map(({ status }: { readonly status: string }) => status)).toEqual(["ok", "ok", "ok"]);
});

test("a dropped file becomes a report, and the command finds the project from any folder in it", async () => {
  const server = shellEndedWithTest("exec npx baton dev --port 0", app);
  let output = "";
  server.stdout.on("data", (chunk) => {
    output += chunk;
  });
  await expect.poll(() => output).toContain("http://127.0.0.1:");
  // `dev` has created the folder that the workflow waits for files in.
  await command("cp data/sales-2026-10.csv .baton/inbox/sales/");
  await expect.poll(() => output).toMatch(/ batch sales-\w+ SUCCESS in /);
  expect(readFileSync(join(app, ".baton/reports/sales.html"), "utf8")).toContain("Sales per day");
  const listed = await command("npx baton batches --status SUCCESS --json", join(app, "test"));
  expect(listed).toContain('"workflowId": "sales"');
});

test("the first day takes less than 90 seconds of commands", () => {
  // Of the processor: how long they take also depends on the network and on what else the machine does.
  expect(processorSeconds).toBeGreaterThan(1);
  expect(processorSeconds).toBeLessThan(90);
});

test("a deployment is planned completely, and its folder installs and starts as Google's build does it", async () => {
  const plan = JSON.parse(
    await shell("npx baton deploy --variables environments/example.env --dry-run --json"),
  );
  expect(plan.missing.filter((text: string) => !/is not on the PATH|or newer is needed/.test(text))).toEqual(
    [],
  );
  await shell(`npx baton pack ${deployed}`);
  await shell("npm ci --silent && npm run --silent gcp-build && npm prune --omit=dev --silent", deployed);
  const packages = readdirSync(join(deployed, "node_modules"));
  expect(packages).toContain("zod");
  for (const name of ["@duckdb", "baton-dag", "node", "typescript"]) expect(packages).not.toContain(name);
  expect(existsSync(join(deployed, "baton-dag/dist/compile-cache"))).toBe(true);
});

test("the deployed folder serves under the framework of functions, as Google's build starts it", async () => {
  const port = await freePort();
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}`, queues: [] });
  onTestFinished(() => cloud.close());
  const fn = new FunctionProcess(port, { ...cloud.environment, NODE_ENV: "production" }, deployed);
  onTestFinished(() => fn.kill());
  await fn.start();
  const answer = await fetch(fn.url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${await cloud.pushToken()}` },
    body: JSON.stringify({ workflowId: "best-sellers", key: "k" }),
  });
  expect(await answer.json(), fn.output).toMatchObject({ status: "done" });
  const { stdout } = await run("npx", ["baton", "batches", "--json"], {
    cwd: app,
    env: { ...environment, ...cloud.environment },
  });
  expect(JSON.parse(stdout)).toMatchObject([{ workflowId: "best-sellers", startedBy: "key k" }]);
  expect(await fn.stop()).toBe(0);
});

test("without DuckDB, a task that needs it says what to install", async () => {
  const away = join(place, "duckdb");
  cpSync(join(app, "node_modules/@duckdb"), away, { recursive: true });
  rmSync(join(app, "node_modules/@duckdb"), { recursive: true });
  const failing = run("npx", ["baton", "run", "best-sellers", "--json"], { cwd: app, env: environment });
  const { stdout } = await failing.catch((error: { readonly stdout: string }) => error);
  cpSync(away, join(app, "node_modules/@duckdb"), { recursive: true });
  const TaskSchema = z.object({ error: z.object({ code: z.string() }).nullish() });
  const { tasks } = z.object({ tasks: z.array(TaskSchema) }).parse(JSON.parse(stdout));
  expect(tasks[0]?.error?.code).toBe("DUCKDB_MISSING");
});

test.each([
  ["a type error", "workflows/wrong.ts", "const a: number = 'a';\nexport { a };\n", "types"],
  ["a template that names nothing", "workflows/wrong.yaml", template(), "workflows"],
  ["a schedule without a day", "workflows/wrong.ts", never(), "workflows"],
])("the check fails for %s", async (_, path, text, id) => {
  writeFileSync(join(app, path), text);
  const failing = run("npx", ["baton", "check", "--json"], { cwd: app, env: environment });
  const { stdout } = await failing.catch((error: { readonly stdout: string }) => error);
  rmSync(join(app, path));
  const { ok, checks } = JSON.parse(stdout);
  expect(ok).toBe(false);
  const failed = checks.filter(({ status }: { readonly status: string }) => status === "failed");
  expect(failed.map((check: { readonly id: string }) => check.id)).toContain(id);
});

function template(): string {
  return 'workflow: wrong\ntasks:\n  - { id: a, type: http, with: { url: "{{ parents.nope.x }}" } }\n';
}

function never(): string {
  return (
    'import { schedule, workflow } from "baton-dag";\n' +
    'export default workflow("wrong", { on: [schedule("0 6 30 2 *", { timeZone: "UTC" })] }).task("a", () => 1);\n'
  );
}
