import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";
import { helloFiles } from "../support/command-workflows.ts";
import { runInProcess } from "../support/in-process.ts";
import { DeployPlace } from "./deploy-place.ts";

interface Found {
  readonly code: number;
  readonly ok: boolean;
  readonly checks: Readonly<
    Record<string, { readonly status: string; readonly problems: readonly string[] }>
  >;
}

/** Runs the check in a project; each check by its id. */
async function check(folder: string, ...words: string[]): Promise<Found> {
  const environment = { PATH: process.env.PATH ?? "" };
  const { code, stdout } = await runInProcess({
    words: ["check", "--json", ...words],
    folder,
    environment,
    input: "",
  });
  const { ok, checks } = JSON.parse(stdout);
  return {
    code,
    ok,
    checks: Object.fromEntries(checks.map((each: { readonly id: string }) => [each.id, each])),
  };
}

test("a project without problems: a missing tsconfig.json is skipped", async () => {
  const place = new DeployPlace();
  const { code, ok, checks } = await check(place.path("workflows"));
  expect([code, ok]).toEqual([0, true]);
  expect(checks.types).toMatchObject({ status: "skipped", problems: ["there is no tsconfig.json"] });
  expect(checks.workflows?.status).toBe("ok");
  expect(checks.deployment?.status).toBe("ok");
});

test("every check reports its own problems, and the others are still run", async () => {
  const place = new DeployPlace({
    files: {
      "tsconfig.json": "{}",
      "workflows/wrong.yaml": "workflow: wrong\ntasks: [{ id: a, type: nonsense }]\n",
    },
  });
  rmSync(place.path("package-lock.json"));
  const { code, ok, checks } = await check(place.path("."));
  expect([code, ok]).toEqual([1, false]);
  expect(checks.types?.problems).toEqual([expect.stringContaining("npm install --save-dev typescript")]);
  expect(checks.workflows?.problems).toEqual([expect.stringContaining("TASK_TYPE_UNKNOWN")]);
  expect(checks.deployment?.problems.join()).toContain("TASK_TYPE_UNKNOWN");
});

test("a package that Google could not install fails the deployment", async () => {
  const place = new DeployPlace();
  rmSync(place.path("package-lock.json"));
  const { code, checks } = await check(place.path("."));
  expect(code).toBe(1);
  expect(checks.deployment?.problems).toEqual(["There is no package-lock.json: run npm install"]);
});

test("the file of variables is that of the current folder, and its problems are reported", async () => {
  const place = new DeployPlace({ files: { "environments/wrong.env": "BATON_PREFIX=Not A Prefix\n" } });
  const { code, checks } = await check(place.path("environments"), "--variables", "wrong.env");
  expect(code).toBe(1);
  expect(checks.deployment?.problems.join()).toContain("CONFIGURATION_INVALID");
});

test("without a project there is nothing to check", async () => {
  const place = new Workplace(helloFiles);
  const { code, stderr } = await place.baton(["check"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error PROJECT_MISSING: /);
});
