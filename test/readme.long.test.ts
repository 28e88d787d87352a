import { cpSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { freePort } from "./cloud/function-process.ts";
import { blocks } from "./readme-blocks.ts";
import { temporaryFolder } from "./support/app.ts";
import { runShell, shellEndedWithTest } from "./support/child-process.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
/** What `npm run packages` and `npx baton` need of the clone: npm links it, and prepares it for that. */
const tracked = [
  "ARCHITECTURE.md",
  "bin",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "create-baton-dag",
  "docs",
  "functions",
  "infra",
  "LICENSE",
  "README.md",
  "scripts",
  "src",
  "template",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
];
/** What `npm install` gives a project beside Baton. */
const installed = ["@duckdb", "@types", "node", "typescript", "undici-types", "zod"];

test("every command works, in the order of the README", async () => {
  const clone = copyOfClone();
  // In place of 8080, which another program may be using here.
  const port = await freePort();
  let folder = clone;
  for (const block of blocks.filter(({ language, file }) => language === "sh" || file !== undefined)) {
    if (block.project) {
      folder = join(clone, "../my-sales");
      await firstDay(clone, folder, block.text);
    } else if (block.file) writeFileSync(join(folder, block.file), block.text);
    else if (block.server) await startServer(folder, `${block.text.trim()} --port ${port}`);
    else
      for (const line of block.text.trim().split("\n"))
        await runLine(folder, line.replace(":8080", `:${port}`));
  }
  expect(folder).not.toBe(clone);
});

/** The clone as it is after `npm ci`. */
function copyOfClone(): string {
  const folder = join(temporaryFolder(), "baton");
  mkdirSync(folder);
  // The build is copied last: it is newer than its sources.
  for (const name of [...tracked, ".tsc", "dist"])
    cpSync(`${root}${name}`, join(folder, name), { recursive: true });
  symlinkSync(`${root}node_modules`, join(folder, "node_modules"));
  return folder;
}

/** The commands in a new project. In place of npm, which would ask its registry, this installs what it would. */
async function firstDay(clone: string, folder: string, commands: string): Promise<void> {
  const [enter, install, ...others] = commands.trim().split("\n");
  expect([enter, install, others.pop()]).toEqual(["cd ../my-sales", "npm install", "npx baton dev"]);
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  for (const name of installed)
    symlinkSync(`${root}node_modules/${name}`, join(folder, "node_modules", name));
  const [archive = ""] = globSync("packages/baton-dag-*.tgz", { cwd: clone });
  const package_ = join(folder, "node_modules/baton-dag");
  mkdirSync(package_);
  await runShell(`tar -xzf ${join(clone, archive)} --strip-components=1 -C ${package_}`, folder);
  symlinkSync("../baton-dag/bin/baton.js", join(folder, "node_modules/.bin/baton"));
  const { lockfileVersion, packages } = readJson(`${root}package-lock.json`);
  const own = { "node_modules/baton-dag": readJson(join(package_, "package.json")) };
  const lock = { lockfileVersion, packages: { ...packages, ...own } };
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify(lock));
  for (const line of others) await runLine(folder, line);
}

function readJson(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}

async function startServer(folder: string, command: string): Promise<void> {
  const server = shellEndedWithTest(`exec ${command}`, folder);
  await new Promise<void>((resolve, reject) => {
    server.stdout.on("data", (chunk) => String(chunk).includes("http://127.0.0.1:") && resolve());
    server.on("close", (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

async function runLine(folder: string, line: string): Promise<void> {
  // The first is this test run; the tests of the samples run the demonstration.
  if (["npm ci && npm test", "npm ci && npm run demo"].includes(line)) return;
  const stdout = await runShell(await fillIn(folder, line), folder);
  if (line.startsWith("npx baton run greet")) expect(stdout).toContain("SUCCESS");
  if (line.startsWith("curl")) expect(stdout).toContain('"status":"done"');
  if (line.startsWith("mkdir")) await expect.poll(() => batches(folder, "SUCCESS")).not.toEqual([]);
}

/** Puts real ids in the place of `<batchId>` and `<failedBatchId>`. */
async function fillIn(folder: string, line: string): Promise<string> {
  if (line.includes("<failedBatchId>")) {
    const failing = runShell(`npx baton run greet --input '{"name":""}'`, folder);
    await expect(failing).rejects.toThrow("ended with 1");
    const [failed] = await batches(folder, "ERROR");
    // The cause is fixed: the greeting accepts an empty name.
    const path = join(folder, "workflows/greet.ts");
    writeFileSync(path, readFileSync(path, "utf8").replace('input.name === ""', "false"));
    return line.replace("<failedBatchId>", failed ?? "");
  }
  if (!line.includes("<batchId>")) return line;
  const [newest] = await batches(folder, "SUCCESS");
  return line.replace("<batchId>", newest ?? "");
}

async function batches(folder: string, status: string): Promise<string[]> {
  const batches = await runShell(`npx baton batches --status ${status} --json`, folder);
  return JSON.parse(batches).map(({ batchId }: { batchId: string }) => batchId);
}
