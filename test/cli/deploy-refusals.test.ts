import { rmSync, utimesSync } from "node:fs";
import { expect, test } from "vitest";
import { DeployPlace } from "./deploy-place.ts";

type Wrong = readonly [string, readonly string[], Readonly<Record<string, string>>, string];

const wrong: readonly Wrong[] = [
  ["project", ["--project", "My_Project"], {}, "BATON_PROJECT"],
  ["no project", [], { BATON_PROJECT: "" }, "BATON_PROJECT"],
  ["region", ["--region", "europe-west99"], {}, "europe-west1, europe-west2"],
  ["a zone", ["--region", "europe-west1-b"], {}, "is no region of Cloud Run"],
  ["no region", [], { BATON_LOCATION: "" }, "or --region"],
  ["prefix", ["--prefix", "Baton_1"], {}, "BATON_PREFIX"],
  ["a prefix of Google's", ["--prefix", "google"], {}, "BATON_PREFIX"],
  ["a long prefix", ["--prefix", "a-prefix-of-21-letters"], {}, "BATON_PREFIX"],
  ["function", [], { BATON_DEPLOY_FUNCTION: "Baton" }, "BATON_DEPLOY_FUNCTION"],
  ["memory", [], { BATON_DEPLOY_MEMORY: "100Mi" }, "BATON_DEPLOY_MEMORY"],
  ["CPU", [], { BATON_DEPLOY_CPU: "3" }, "BATON_DEPLOY_CPU"],
  ["instances", [], { BATON_DEPLOY_MAX_INSTANCES: "0" }, "BATON_DEPLOY_MAX_INSTANCES"],
  ["addresses", [], { BATON_DEPLOY_ALERT_EMAILS: "me" }, "BATON_DEPLOY_ALERT_EMAILS"],
  ["a timeout as long as a push", [], { BATON_FUNCTION_TIMEOUT: "600s" }, "BATON_FUNCTION_TIMEOUT"],
  ["a lease as short as a push", [], { BATON_LEASE: "600s" }, "BATON_LEASE"],
  ["half of Power BI", [], { BATON_POWERBI_TENANT_ID: "t" }, "BATON_POWERBI_CLIENT_ID"],
  ["workflows that are not built", [], { BATON_WORKFLOWS: "workflows" }, "BATON_WORKFLOWS=workflows"],
];

test.each(wrong)("wrong: %s", async (_, parameters, environment, named) => {
  const place = new DeployPlace();
  const { code, stdout, stderr } = await place.deploy(["--dry-run", ...parameters], { environment });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error CONFIGURATION_INVALID: /);
  expect(stderr).toContain(named);
  expect(stderr).toMatch(/^what to do: /m);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stdout).toBe("");
  expect(place.calls).toEqual([]);
});

test("all that is wrong is told at once", async () => {
  const environment = { BATON_DEPLOY_CPU: "3", BATON_RETENTION: "1d" };
  const { stderr } = await new DeployPlace().deploy(["--region", "nowhere", "--prefix", "A"], {
    environment,
  });
  for (const name of ["BATON_DEPLOY_CPU", "BATON_RETENTION", "BATON_LOCATION", "BATON_PREFIX"])
    expect(stderr).toContain(name);
});

const usage: readonly (readonly string[])[] = [
  ["--frobnicate"],
  ["--skip-infra", "--skip-function"],
  ["--variables"],
  ["extra"],
];

test.each(usage)("wrong usage: %s %s", async (...parameters) => {
  const place = new DeployPlace();
  const given = parameters.filter((word) => word !== undefined);
  const { code, stderr } = await place.deploy(["--yes", ...given]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error USAGE: /);
  expect(place.calls).toEqual([]);
});

test("a missing or old tool is told before anything is changed", async () => {
  const missing = new DeployPlace({ programs: ["gcloud", "node"] });
  const told = await missing.deploy(["--yes"]);
  expect(told.code).toBe(1);
  expect(told.stderr).toMatch(
    /^error DEPLOY_TOOL_MISSING: terraform or tofu is not on the PATH: install it from /,
  );
  expect(missing.calls).toEqual([]);
  const old = new DeployPlace({
    gcloud: { "--version": "echo 'Google Cloud SDK 400.0.0'" },
    terraform: { "--version": "exit 1" },
  });
  const { code, stderr } = await old.deploy(["--yes"]);
  expect(code).toBe(1);
  expect(stderr).toContain("gcloud is 400.0.0, and 528.0 or newer is needed");
  expect(stderr).toContain("terraform does not tell its version");
  expect(old.calls).toEqual([]);
});

test("every problem of the workflows is told, and nothing is deployed", async () => {
  const place = new DeployPlace({
    files: {
      "functions/workflows/broken.ts": "throw new Error('no luck');\n",
      "functions/workflows/round.yaml": "workflow: round\ntasks: [{ id: a, type: nonsense, after: [b] }]\n",
    },
  });
  const { code, stderr } = await place.deploy(["--yes"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error WORKFLOW_INVALID: /);
  for (const text of ["no luck", "TASK_TYPE_UNKNOWN", "PARENT_UNKNOWN"]) expect(stderr).toContain(text);
  expect(place.calls).toEqual([]);
});

test("where there is no workflow, there is nothing to deploy", async () => {
  const place = new DeployPlace();
  rmSync(place.path("functions/workflows/reports.ts"));
  const { code, stderr } = await place.deploy(["--dry-run"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error DEPLOY_NOTHING: There is no workflow /);
});

test("only what is built is deployed", async () => {
  const refused = async (spoil: (place: DeployPlace) => void) => {
    const place = new DeployPlace();
    spoil(place);
    const { code, stderr } = await place.deploy(["--yes"]);
    expect(code).toBe(1);
    expect(place.calls).toEqual([]);
    expect(stderr).toMatch(/^error DEPLOY_BUILD_STALE: /);
    return stderr;
  };
  const later = new Date(Date.now() + 60_000);
  expect(await refused((place) => rmSync(place.path("dist"), { recursive: true }))).toContain(
    "dist/functions/index.js is missing: run `npm run build`",
  );
  expect(await refused((place) => rmSync(place.path("dist/functions/workflows/reports.js")))).toContain(
    "dist/functions/workflows/reports.js is missing in the build",
  );
  expect(
    await refused((place) => utimesSync(place.path("functions/workflows/reports.ts"), later, later)),
  ).toContain("functions/workflows/reports.ts changed after the build: run `npm run build`");
  expect(await refused((place) => rmSync(place.path("infra"), { recursive: true }))).toContain(
    "infra/variables.tf is missing: run it in the folder into which Baton was cloned",
  );
});
