import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "./support/app.ts";
import { triesAllCases } from "./support/cases-of-today.ts";
import { runShell, shellEndedWithTest } from "./support/child-process.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
/** What `npx baton` needs of the project: npm links the project itself, and prepares it for that. */
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
  "samples",
  "scripts",
  "src",
  "template",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
];
const readme = readFileSync(`${root}README.md`, "utf8");

interface Block {
  readonly language: string;
  readonly file: string | undefined;
  readonly server: boolean;
  /** Commands in a new project, which test/package runs. */
  readonly project: boolean;
  readonly text: string;
}

/** Every fenced block of the README, in order. */
const blocks: Block[] = [...readme.matchAll(/^```(\w+)([^\n]*)\n(.*?)^```$/gms)].map(
  ([, language = "", info = "", text = ""]) => ({
    language,
    file: /file=(\S+)/.exec(info)?.[1],
    server: info.includes("server"),
    project: info.includes("project"),
    text,
  }),
);

test("every TypeScript block is a workflow of this repository, to the letter", () => {
  const shown = blocks.filter((block) => block.language === "ts").map((block) => block.text);
  const files = ["functions/workflows", "template/workflows"].flatMap((folder) =>
    readdirSync(`${root}${folder}`).map((name) => readFileSync(join(root, folder, name), "utf8")),
  );
  expect(shown.length).toBeGreaterThan(1);
  for (const text of shown) expect(files).toContain(text);
});

test("the test command is what CI runs", () => {
  expect(readFileSync(`${root}.ci/run`, "utf8").trim().split("\n").at(-1)).toBe("npm ci && npm test");
  expect(blocks.map((block) => block.text.trim())).toContain("npm ci && npm test");
});

test("every command works, in the order of the README, in a copy of the project", async () => {
  const folder = copyOfProject();
  const port = await freePort();
  const commands = blocks.filter(({ language, project }) => ["sh", "yaml"].includes(language) && !project);
  for (const block of commands) {
    if (block.file) writeFileSync(join(folder, block.file), block.text);
    else if (block.server) await startServer(folder, `${block.text.trim()} --port ${port}`);
    else
      for (const line of block.text.trim().split("\n"))
        await runLine(folder, line.replace(":8080", `:${port}`));
  }
});

/** In place of 8080, which another program may be using here. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address ? address.port : 0;
}

/** The project as a clone has it after `npm ci`. */
function copyOfProject(): string {
  const folder = join(temporaryFolder(), "baton");
  mkdirSync(folder);
  for (const name of [...tracked, "dist", ".tsc"])
    cpSync(`${root}${name}`, join(folder, name), { recursive: true });
  symlinkSync(`${root}node_modules`, join(folder, "node_modules"));
  return folder;
}

async function startServer(folder: string, command: string): Promise<void> {
  const server = shellEndedWithTest(`exec ${command}`, folder);
  await new Promise<void>((resolve, reject) => {
    server.stdout.on("data", (chunk) => String(chunk).includes("http://127.0.0.1:") && resolve());
    server.on("close", (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

async function runLine(folder: string, line: string): Promise<void> {
  if (line === "npm ci && npm test") return;
  // These take long, and are examples.
  if (line.startsWith("npm run sample ") && !triesAllCases) return;
  const command = await fillIn(folder, line.replace("npm ci && ", ""));
  const stdout = await runShell(command, folder);
  if (line.includes("npm run demo")) expect(stdout).toMatch(/SUCCESS[\s\S]*report: .*sales\.html/);
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
    const path = join(folder, "functions/workflows/greet.ts");
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

test("the folders that the README and the guides link to exist", () => {
  for (const file of ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
    for (const [, link = ""] of readFileSync(`${root}${file}`, "utf8").matchAll(/\]\(((?!http)[^)#]+)\)/g))
      expect(() => readLinked(join(root, link)), `${file} links to ${link}`).not.toThrow();
});

function readLinked(path: string): void {
  if (path.endsWith("/")) readdirSync(path);
  else readFileSync(path);
}
