import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { until, Workplace } from "../support/command.ts";
import { gated, helloFiles } from "../support/command-workflows.ts";

const node = "/usr/bin/node";
const [, major, minor] =
  /^v(\d+)\.(\d+)/.exec(spawnSync(node, ["--version"], { encoding: "utf8" }).stdout ?? "") ?? [];
const isOld = Number(major) < 22 || (Number(major) === 22 && Number(minor) < 18);

describe.runIf(isOld)("on a Node that is too old", () => {
  test("the package's own Node takes over: same output, same exit codes", async () => {
    const place = new Workplace(helloFiles);
    const good = await place.baton(["run", "hello", "--input", '{"n":1}', "--json"], { node });
    expect(good).toMatchObject({ code: 0, stderr: "", json: { status: "SUCCESS" } });
    expect((await place.baton(["run", "hello", "--input", '{"n":100}'], { node })).code).toBe(1);
    expect((await place.baton(["frobnicate"], { node })).code).toBe(2);
  });

  test("signals are passed on, and the exit code back", async () => {
    const place = new Workplace({ "gated.ts": gated });
    const server = place.spawn(["start", "--port", "0"], { node });
    await server.saysOut("gated\n");
    server.signal("SIGTERM");
    expect(await server.ended).toMatchObject({ code: 0, stderr: expect.stringContaining("Stopping") });
  });

  test("killing the launcher kills the command", async () => {
    const place = new Workplace({
      "pid.ts": `import { writeFileSync } from "node:fs";\nwriteFileSync("pid", String(process.pid));\n`,
    });
    const server = place.spawn(["start", "--port", "0"], { node });
    await server.saysOut("workflows");
    const pid = Number(readFileSync(place.path("pid"), "utf8"));
    expect(pid).not.toBe(server.child.pid);
    server.signal("SIGKILL");
    await until(() => !existsSync(`/proc/${pid}`));
  });

  test("without a Node of its own it says which is needed, and ends with 2", () => {
    const place = new Workplace({});
    mkdirSync(place.path("bin"));
    place.write("package.json", '{"type":"module"}');
    cpSync(fileURLToPath(new URL("../../bin/baton.js", import.meta.url)), place.path("bin/baton.js"));
    const { status, stderr } = spawnSync(node, [place.path("bin/baton.js"), "batches"], { encoding: "utf8" });
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error NODE_TOO_OLD: Baton needs Node .*; this is Node \d+/);
    expect(stderr).toMatch(/^what to do: /m);
  });
});

test("a package that has not been built says so, and ends with 2", () => {
  const place = new Workplace({});
  mkdirSync(place.path("bin"));
  place.write("package.json", '{"type":"module"}');
  cpSync(fileURLToPath(new URL("../../bin/baton.js", import.meta.url)), place.path("bin/baton.js"));
  const { status, stderr } = spawnSync(process.execPath, [place.path("bin/baton.js"), "batches"], {
    encoding: "utf8",
  });
  expect(status).toBe(2);
  expect(stderr).toContain("error NOT_BUILT: ");
  expect(stderr).toContain("npm run build");
});
