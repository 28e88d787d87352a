import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { deploymentFiles } from "../../src/deployment/plan.ts";
import { type Behaviour, BuildPlace } from "./build-place.ts";
import {
  type BuildStep,
  builtInSubstitutions,
  CloudBuildSchema,
  substitutionsIn,
} from "./cloud-build-schema.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const text = readFileSync(`${root}template/cloudbuild.yaml`, "utf8");
const build = CloudBuildSchema.parse(parse(text));
const substitutions = {
  ...build.substitutions,
  _SMOKE_WORKFLOW: "greet",
  _SMOKE_INPUT: '{"name":"smoke"}',
  PROJECT_ID: "some-project",
  BUILD_ID: "b-1",
};

function step(id: string): BuildStep {
  const found = build.steps.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`There is no step ${id}`);
  return found;
}

test("every field is one that Cloud Build knows", () => {
  // That the check refuses what is wrong:
  expect(CloudBuildSchema.safeParse({ ...build, step: [] }).success).toBe(false);
  const wrong = { ...build, steps: [{ ...step("check"), args: ["test"] }] };
  expect(CloudBuildSchema.safeParse(wrong).success).toBe(false);
});

test("this repository is built as a project is, and deploys as one does", () => {
  const own = CloudBuildSchema.parse(parse(readFileSync(`${root}cloudbuild.yaml`, "utf8")));
  const scripts = new Map(own.steps.map(({ id, script }) => [id, script]));
  expect([...scripts.keys()]).toEqual(build.steps.map(({ id }) => id));
  expect([scripts.get("install"), scripts.get("check")].join("").match(/^np[mx] .*$/gm)).toEqual([
    "npm ci",
    "npm test",
  ]);
  for (const id of ["deploy", "smoke-test"]) {
    const script = step(id).script?.replaceAll("node_modules/baton-dag/bin/", "bin/");
    expect(own.steps.find((candidate) => candidate.id === id)).toEqual({ ...step(id), script });
  }
  expect(own.substitutions).toEqual({
    ...build.substitutions,
    _SMOKE_WORKFLOW: "greet",
    _SMOKE_INPUT: '{"name":"smoke"}',
  });
});

test("the nightly build runs the test command and the long tests, and deploys nothing", () => {
  const nightly = CloudBuildSchema.parse(parse(readFileSync(`${root}cloudbuild.nightly.yaml`, "utf8")));
  const commands = nightly.steps.flatMap(({ script }) => script?.match(/^npm .*$/gm) ?? []);
  expect(commands).toEqual(["npm ci", "npm test", "npm run test:long"]);
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  expect(scripts["test:long"]).toContain("vitest.long.config.ts");
  expect(nightly.steps.map(({ script }) => script).join()).not.toMatch(/deploy|gcloud/);
});

test("tested code is deployed, then smoke-tested: each step waits for the one before", () => {
  expect(build.steps.map(({ id, waitFor }) => [id, ...waitFor])).toEqual([
    ["install"],
    ["check", "install"],
    ["deploy", "check"],
    ["smoke-test", "deploy"],
  ]);
  // Cloud Build starts a step that waits for nothing when all before it have ended; only the first may.
  const commands = `${step("install").script}\n${step("check").script}`.match(/^np[mx] .*$/gm);
  expect(commands).toEqual(["npm ci", "npm test", "npx baton check"]);
  for (const id of ["deploy", "smoke-test"]) expect(step(id).script).not.toMatch(/npm|tsc|run build/);
  expect(build.steps.filter(({ allowFailure, allowExitCodes }) => allowFailure || allowExitCodes)).toEqual(
    [],
  );
});

test("every substitution is declared, and every declared one is used", () => {
  const used = [...build.steps.flatMap(({ env }) => env), build.serviceAccount].flatMap(substitutionsIn);
  const declared = Object.keys(build.substitutions);
  expect(used.filter((name) => !declared.includes(name) && !isBuiltIn(name))).toEqual([]);
  expect(declared.filter((name) => !used.includes(name))).toEqual([]);
});

test("variables of a script come from its step: substitutions are not made there", () => {
  for (const { id, script = "", env } of build.steps) {
    const known = [...env.map((entry) => entry.split("=")[0]), ...assignedIn(script), "PATH", "PWD"];
    const used = [...script.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name]) => name);
    expect(
      used.filter((name) => !known.includes(name)),
      id,
    ).toEqual([]);
  }
});

test("shells stop at the first error", () => {
  for (const { script } of build.steps)
    expect(script).toMatch(/^#!\/usr\/bin\/env bash\nset -euo pipefail\n/);
});

test("no secret and no key is in it", () => {
  expect(text).not.toMatch(/whsec_|BEGIN [A-Z ]*PRIVATE KEY|AIza|ya29\.|client_secret/i);
  const names = build.steps.flatMap(({ env }) => env.map((entry) => entry.split("=")[0]));
  expect(names.filter((name) => /SECRET|PASSWORD|TOKEN/.test(name ?? ""))).toEqual([]);
});

const deployCommand =
  "node node_modules/baton-dag/bin/baton.js deploy --skip-infra " +
  "--project=some-project --region=europe-west1 --prefix=baton";

describe("deploy and smoke test", () => {
  const serving = ["baton-00007=90", "baton-00006=10", "baton-00005="];

  test("without a workflow to try, a deployed revision is kept", () => {
    const { outcome, calls } = runBuild({ serving }, { _SMOKE_WORKFLOW: "" });
    expect(outcome).toBe("SUCCESS");
    expect(calls.at(-1)).toBe(`${deployCommand} --yes`);
    expect(runBuild({ serving, deploy: "fails" }, { _SMOKE_WORKFLOW: "" }).outcome).not.toBe("SUCCESS");
  });

  test("a revision that works gets all messages and keeps them", () => {
    const { outcome, calls } = runBuild({ serving });
    expect(outcome).toBe("SUCCESS");
    expect(calls).toEqual([
      expect.stringMatching(/^gcloud run services list --project=some-project --region=europe-west1/),
      `${deployCommand} --yes`,
      "node --env-file=infra/baton.some-project_baton.env node_modules/baton-dag/bin/baton.js " +
        'run greet --input {"name":"smoke"} --key smoke-b-1',
    ]);
  });

  const goesBack =
    "gcloud run services update-traffic baton --to-revisions=baton-00007=90,baton-00006=10 " +
    "--project=some-project --region=europe-west1 --quiet";

  test.each<[string, Behaviour]>([
    ["whose batch fails", { serving, smoke: "fails" }],
    ["whose batch does not end in time", { serving, smoke: "hangs" }],
    ["that was not deployed to its end", { serving, deploy: "fails" }],
  ])("a revision %s is taken back, and the build fails", (_, behaviour) => {
    const { outcome, calls } = runBuild(behaviour);
    expect(outcome).toBe("FAILURE");
    expect(calls.at(-1)).toBe(goesBack);
    expect(calls.some((call) => call.includes("baton.js run"))).toBe(behaviour.deploy === undefined);
  });

  test("a failed rollback fails the build", () => {
    const { outcome, calls } = runBuild({ serving, smoke: "fails", rollback: "fails" });
    expect(outcome).toBe("FAILURE");
    expect(calls.at(-1)).toBe(goesBack);
  });

  test("a first revision that fails stays, for there is no other", () => {
    const { outcome, calls } = runBuild({ serving: [], smoke: "fails" });
    expect(outcome).toBe("FAILURE");
    expect(calls.filter((call) => call.includes("update-traffic"))).toEqual([]);
  });

  test("nothing is deployed if the serving revisions can't be read", () => {
    const { outcome, calls } = runBuild({ serving: "can't be looked at" });
    expect(outcome).toBe("FAILURE");
    expect(calls).toHaveLength(1);
  });

  test("a file of variables is given to the deployment", () => {
    const { outcome, calls } = runBuild({ serving }, { _ENV_FILE: "environments/production.env" });
    expect(outcome).toBe("SUCCESS");
    expect(calls[1]).toBe(`${deployCommand} --variables=environments/production.env --yes`);
  });

  test("the smoke test has the variables that the deployment leaves", () => {
    const { calls } = runBuild({ serving }, { _PREFIX: "staging" });
    const { commandVariables: left } = deploymentFiles({ projectId: "some-project", prefix: "staging" });
    expect(calls[2]).toContain(`node --env-file=${left} node_modules/baton-dag/bin/baton.js run `);
  });

  test.each(["BATON_PROJECT=other-project", "export BATON_LOCATION='us-east1'", " BATON_PREFIX = staging"])(
    "a variables file of another deployment is refused: %s",
    (line) => {
      const given = { _ENV_FILE: "environments/production.env" };
      const { outcome, calls } = runBuild({ serving, variables: `${line}\n` }, given);
      expect({ outcome, calls }).toEqual({ outcome: "FAILURE", calls: [] });
    },
  );

  test("a file of another prefix is deployed where the build says that prefix too", () => {
    const given = { _ENV_FILE: "environments/production.env", _PREFIX: "staging" };
    const { outcome, calls } = runBuild({ serving, variables: "BATON_PREFIX=staging\n" }, given);
    expect(outcome).toBe("SUCCESS");
    expect(calls[1]).toContain("--prefix=staging --variables=environments/production.env");
    expect(calls[2]).toContain("--env-file=infra/baton.some-project_staging.env");
  });

  test.each(["BATON_DEPLOY_FUNCTION=tasks", "export BATON_DEPLOY_FUNCTION = 'tasks' # ours"])(
    "the function that is looked at and taken back is the one that is deployed: %s",
    (line) => {
      const given = { _ENV_FILE: "environments/production.env" };
      const behaviour: Behaviour = { serving, variables: `${line}\n`, smoke: "fails" };
      const { calls } = runBuild(behaviour, given);
      expect(calls[0]).toContain("--filter=metadata.name~^tasks$");
      expect(calls[1]).not.toContain("--function");
      expect(calls.at(-1)).toContain("update-traffic tasks ");
      const named = runBuild(behaviour, { ...given, _FUNCTION: "workers" }).calls;
      expect(named[0]).toContain("--filter=metadata.name~^workers$");
      expect(named[1]).toContain("--function=workers");
      expect(named.at(-1)).toContain("update-traffic workers ");
    },
  );

  test("an invalid variables file deploys nothing", () => {
    const given = { _ENV_FILE: "environments/production.env" };
    const { outcome, calls } = runBuild({ serving, variables: "BATON_BUKCET=b-of-mine\n" }, given);
    expect({ outcome, calls }).toEqual({ outcome: "FAILURE", calls: [] });
  });

  test("without a name of its own, the function that is deployed and taken back has the prefix's", () => {
    const { calls } = runBuild({ serving, smoke: "fails" }, { _PREFIX: "staging" });
    expect(calls.at(-1)).toContain("update-traffic staging ");
  });
});

/** As Cloud Build goes through steps: one that fails ends the build. */
function runBuild(behaviour: Behaviour, others: Readonly<Record<string, string>> = {}) {
  const place = new BuildPlace(behaviour);
  const patience = { _SMOKE_TIMEOUT: behaviour.smoke === "hangs" ? "1s" : "300s" };
  const values = { ...substitutions, ...patience, ...others };
  const failed = ["deploy", "smoke-test"].map(step).find((candidate) => place.run(candidate, values) !== 0);
  return { outcome: failed ? "FAILURE" : "SUCCESS", calls: place.calls };
}

function isBuiltIn(name: string): boolean {
  return builtInSubstitutions.some((known) => known === name);
}

function assignedIn(script: string): string[] {
  return [...script.matchAll(/^\s*(?:export )?(?:(\w+)=|for (\w+) in )/gm)].map(
    ([, name, each]) => name ?? each ?? "",
  );
}
