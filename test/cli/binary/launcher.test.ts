import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { until, Workplace } from "../../support/command.ts";
import { gated, helloFiles } from "../../support/command-workflows.ts";

const baton = fileURLToPath(new URL("../../../bin/baton.js", import.meta.url));
const node = "/usr/bin/node";
const [, major, minor] =
  /^v(\d+)\.(\d+)/.exec(spawnSync(node, ["--version"], { encoding: "utf8" }).stdout ?? "") ?? [];
const isOld = Number(major) < 22 || (Number(major) === 22 && Number(minor) < 18);

describe.runIf(isOld)("on a Node that is too old", () => {
  test("the package's own Node takes over: same output, same exit codes", async () => {
    const place = new Workplace(helloFiles);
    const good = await place.process(["run", "hello", "--input", '{"n":1}', "--json"], { node });
    expect(good).toMatchObject({ code: 0, stderr: "", json: { status: "SUCCESS" } });
    expect((await place.process(["run", "hello", "--input", '{"n":100}'], { node })).code).toBe(1);
    expect((await place.process(["frobnicate"], { node })).code).toBe(2);
  });

  test("signals are forwarded, and the exit code is returned", async () => {
    const place = new Workplace({ "gated.ts": gated });
    const server = place.spawn(["start", "--port", "0"], { node });
    await server.saysOut("gated\n");
    server.signal("SIGTERM");
    expect(await server.ended).toMatchObject({ code: 0, stderr: expect.stringContaining("Stopping") });
  });

  test("killing the launcher kills the command", async () => {
    const place = new Workplace({ "pid.ts": pidFile });
    const server = place.spawn(["start", "--port", "0"], { node });
    await server.saysOut("workflows");
    const pid = Number(readFileSync(place.path("pid"), "utf8"));
    expect(pid).not.toBe(server.child.pid);
    server.signal("SIGKILL");
    await until(() => !existsSync(`/proc/${pid}`));
  });

  test("without its own Node it names the required version, and ends with 2", () => {
    const place = new Workplace({});
    mkdirSync(place.path("bin"));
    place.write("package.json", '{"type":"module"}');
    cpSync(baton, place.path("bin/baton.js"));
    const { status, stderr } = spawnSync(node, [place.path("bin/baton.js"), "batches"], {
      cwd: place.folder,
      encoding: "utf8",
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error NODE_TOO_OLD: Baton needs Node .*; this is Node \d+/);
    expect(stderr).toMatch(/^what to do: /m);
  });

  test.each([
    ["beside the package, as npm installs both", "project/node_modules/baton-dag", "elsewhere"],
    ["above the current folder", "somewhere/baton-dag", "project/deep/er"],
  ])("it uses the Node of a project: %s", (_, home, current) => {
    const place = new Workplace({});
    place.write(`${home}/package.json`, '{"type":"module"}');
    mkdirSync(place.path(`${home}/bin`));
    cpSync(baton, place.path(`${home}/bin/baton.js`));
    mkdirSync(place.path(current), { recursive: true });
    mkdirSync(place.path("project/node_modules/node/bin"), { recursive: true });
    symlinkSync(process.execPath, place.path("project/node_modules/node/bin/node"));
    const { status, stderr } = spawnSync(node, [place.path(`${home}/bin/baton.js`), "batches"], {
      cwd: place.path(current),
      encoding: "utf8",
    });
    // The newer Node has run it.
    expect(stderr).toMatch(/^error NOT_BUILT/);
    expect(status).toBe(2);
  });
});

test.each([["--help"], ["-h"], ["--version"], ["-V"]])("%s prints what the command prints", async (word) => {
  const place = new Workplace({});
  const { stdout } = await place.baton([word]);
  expect(stdout.length).toBeGreaterThan(5);
  expect(await place.process([word])).toMatchObject({ code: 0, stdout, stderr: "" });
});

test("the help and the version need a build, of which they load nothing", () => {
  const place = new Workplace({});
  mkdirSync(place.path("bin"));
  mkdirSync(place.path("dist"));
  cpSync(baton, place.path("bin/baton.js"));
  place.write("package.json", '{"type":"module","version":"7.8.9"}');
  const run = (word: string) =>
    spawnSync(process.execPath, [place.path("bin/baton.js"), word], { encoding: "utf8" });
  for (const word of ["--help", "--version"])
    expect(run(word)).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("NOT_BUILT") });
  place.write("dist/help.txt", "the help\n");
  expect(run("--help")).toMatchObject({ status: 0, stdout: "the help\n", stderr: "" });
  expect(run("--version")).toMatchObject({ status: 0, stdout: "7.8.9\n", stderr: "" });
});

/** Writes the id of the process that loads it. */
const pidFile = `import { writeFileSync } from "node:fs";\nwriteFileSync("pid", String(process.pid));\n`;

test.each(["SIGTERM", "SIGKILL"] as const)(
  "a server ends with the npx that started it: %s",
  async (signal) => {
    const place = new Workplace({ "pid.ts": pidFile });
    mkdirSync(place.path("node_modules/.bin"), { recursive: true });
    symlinkSync(baton, place.path("node_modules/.bin/baton"));
    const server = place.spawn(["baton", "start", "--port", "0"], { program: "npx" });
    await server.saysOut("workflows");
    const pid = Number(readFileSync(place.path("pid"), "utf8"));
    expect(pid).not.toBe(server.child.pid);
    server.signal(signal);
    await until(() => !existsSync(`/proc/${pid}`));
    expect((await server.ended).stderr).toContain("Stopping");
  },
);

test("a server outlives the shell that started it in the background", async () => {
  const place = new Workplace({ "pid.ts": pidFile });
  const background = `"$0" "$1" start --port 0 > said 2>&1 & while ! grep -q workflows said; do sleep 0.1; done`;
  const shell = place.spawn(["-c", background, process.execPath, baton], {
    program: "sh",
    environment: { npm_command: "exec" },
  });
  expect((await shell.ended).code).toBe(0);
  const pid = Number(readFileSync(place.path("pid"), "utf8"));
  onTestFinished(() => void process.kill(pid, "SIGKILL"));
  expect((await place.baton(["batches"])).code).toBe(0);
  expect(existsSync(`/proc/${pid}`)).toBe(true);
});

test("without a launcher there is one process, which gets signals itself", async () => {
  const place = new Workplace({ "pid.ts": pidFile });
  const server = place.spawn(["start", "--port", "0"]);
  await server.saysOut("workflows");
  expect(readFileSync(place.path("pid"), "utf8")).toBe(String(server.child.pid));
});

test("a package that has not been built says so, and ends with 2", () => {
  const place = new Workplace({});
  mkdirSync(place.path("bin"));
  place.write("package.json", '{"type":"module"}');
  cpSync(baton, place.path("bin/baton.js"));
  const { status, stderr } = spawnSync(process.execPath, [place.path("bin/baton.js"), "batches"], {
    encoding: "utf8",
  });
  expect(status).toBe(2);
  expect(stderr).toContain("error NOT_BUILT: ");
  expect(stderr).toContain("npm run build");
});

const zodFile = `import { workflow } from "baton-dag";
import * as z from "zod";
export default workflow("zod", { input: z.object({}) }).task("where", () => import.meta.resolve("zod"));
`;

test("a workflow file shares the command's zod unless it has one of its own", async () => {
  const bundled = new URL("../../../dist/src/zod.js", import.meta.url).href;
  const place = new Workplace({ "zod.ts": zodFile });
  const zodOf = async () => {
    const { stdout } = await place.process(["run", "zod", "--input", "{}", "--json"]);
    return JSON.parse(stdout).tasks[0].result;
  };
  expect(await zodOf()).toBe(bundled);
  const packages = fileURLToPath(new URL("../../../node_modules", import.meta.url));
  symlinkSync(packages, place.path("node_modules"));
  expect(await zodOf()).toBe(bundled);
  rmSync(place.path("node_modules"));
  cpSync(`${packages}/zod`, place.path("node_modules/zod"), { recursive: true });
  expect(await zodOf()).toBe(pathToFileURL(place.path("node_modules/zod/index.js")).href);
});
