import { rmSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { DeployPlace } from "./deploy-place.ts";

type Wrong = readonly [string, readonly string[], Readonly<Record<string, string>>, string];

const wrong: readonly Wrong[] = [
  ["project", ["--project", "My_Project"], {}, "BATON_PROJECT"],
  ["no project", [], { BATON_PROJECT: "" }, "Missing: the id of the project (or --project)"],
  ["region", ["--region", "Europe"], {}, "write one region of Cloud Run"],
  ["a region by option", ["--region", "nowhere"], {}, "→ at --region (BATON_LOCATION)"],
  ["a project by option", ["--project", "x"], {}, "→ at --project (BATON_PROJECT)"],
  ["a prefix by option", ["--prefix", "A"], {}, "→ at --prefix (BATON_PREFIX)"],
  ["a region by variable", [], { BATON_LOCATION: "nowhere" }, "→ at BATON_LOCATION"],
  ["a zone", ["--region", "europe-west1-b"], {}, "gcloud run regions list"],
  ["no region", [], { BATON_LOCATION: "" }, "or --region"],
  ["prefix", ["--prefix", "Baton_1"], {}, "BATON_PREFIX"],
  ["a prefix of Google's", ["--prefix", "google"], {}, 'a prefix can\'t begin with "goog"'],
  ["a long prefix", ["--prefix", "a-prefix-of-21-letters"], {}, "BATON_PREFIX"],
  ["a prefix with Google in it", ["--prefix", "my-google"], {}, 'a prefix can\'t have "google" in it'],
  ["a function by option", ["--function", "A"], {}, "→ at --function (BATON_DEPLOY_FUNCTION)"],
  ["function", [], { BATON_DEPLOY_FUNCTION: "Baton" }, "BATON_DEPLOY_FUNCTION"],
  ["memory", [], { BATON_DEPLOY_MEMORY: "100M" }, "BATON_DEPLOY_MEMORY"],
  ["CPU", [], { BATON_DEPLOY_CPU: "3" }, "write 1, 2, 4 or 8"],
  ["instances", [], { BATON_DEPLOY_MAX_INSTANCES: "0" }, "at least 1\n"],
  ["many instances", [], { BATON_DEPLOY_MIN_INSTANCES: "1001" }, "at most 1000\n"],
  ["half an instance", [], { BATON_DEPLOY_MIN_INSTANCES: "0.5" }, "write a whole number"],
  ["instances in words", [], { BATON_DEPLOY_MAX_INSTANCES: "many" }, "write a number"],
  ["more kept than there may be", [], { BATON_DEPLOY_MIN_INSTANCES: "21" }, "21 instances can't be kept"],
  ["a flag", [], { BATON_DEPLOY_DELETE_PROTECTION: "yes" }, "write 0, 1, true or false"],
  ["a short bucket", [], { BATON_BUCKET: "b" }, "at least 3 characters"],
  ["a lease", [], { BATON_LEASE: "soon" }, '"soon" is not a duration'],
  ["a level that hides what alerts count", [], { BATON_LOG_LEVEL: "error" }, "Alerts count lines"],
  ["no log", [], { BATON_LOG_LEVEL: "silent" }, "Alerts count lines"],
  ["a level that there is not", [], { BATON_LOG_LEVEL: "loud" }, "write debug, info, warn, error or silent"],
  [
    "a reference that is none",
    [],
    { BATON_CALLBACK_SECRET: "projects/p/secrets" },
    "Write projects/<project>/secrets",
  ],
  ["addresses", [], { BATON_DEPLOY_ALERT_EMAILS: "me" }, "BATON_DEPLOY_ALERT_EMAILS"],
  ["a timeout as long as a push", [], { BATON_FUNCTION_TIMEOUT: "600s" }, "BATON_FUNCTION_TIMEOUT"],
  ["a lease of more than an hour", [], { BATON_LEASE: "61m" }, "At most 60m"],
  ["a database", [], { BATON_DATABASE: "Mine" }, "a database is (default), or has 4–63"],
  ["a bucket", [], { BATON_BUCKET: "My.Bucket" }, "a bucket that Baton creates"],
  ["an inbox", [], { BATON_INBOX_BUCKET: "Mine" }, "→ at BATON_INBOX_BUCKET"],
  ["an inbox in Baton's own bucket", [], { BATON_INBOX_BUCKET: "my-project-baton" }, "can't be Baton's own"],
  ["a dataset", [], { BATON_DATASET: "my-data" }, "a dataset has letters, digits and `_`"],
  ["a place of the dataset", [], { BATON_BIGQUERY_LOCATION: "Europe" }, "or EU or US"],
  ["a place of the database", [], { BATON_DEPLOY_FIRESTORE_LOCATION: "Paris" }, "such as eur3 or nam5"],
  [
    "variables of another deployment",
    ["--prefix", "staging"],
    { BATON_SERVICE_ACCOUNT: "baton-function@my-project.iam.gserviceaccount.com" },
    "This shell has the variables of the deployment baton of the project my-project",
  ],
  [
    "a caller of another project",
    [],
    { BATON_CALLERS: "baton-push@other-project.iam.gserviceaccount.com" },
    "Deploy from another shell",
  ],
  [
    "an audience of another deployment",
    ["--project", "other-project"],
    { BATON_AUDIENCE: "https://baton-1.europe-west1.run.app" },
    "the variables of the deployment baton of the project my-project",
  ],
  ["a lease as short as a push", [], { BATON_LEASE: "600s" }, "BATON_LEASE"],
  ["half of Power BI", [], { BATON_POWERBI_TENANT_ID: "t" }, "BATON_POWERBI_CLIENT_ID"],
];

const elsewhere: readonly (readonly [string, string, string])[] = [
  ["--prefix", "baton", "BATON_PREFIX=staging"],
  ["--region", "europe-west1", "BATON_LOCATION=us-east1"],
  ["--project", "my-project", "BATON_PROJECT=my-staging"],
  ["--project", "my-project", "GOOGLE_CLOUD_PROJECT=my-staging"],
];

test.each(elsewhere)("%s may not say %s where the file says %s", async (option, shown, line) => {
  const place = new DeployPlace({ files: { "one.env": `${line}\nBATON_DATABASE=staging\n` } });
  for (const parameters of [
    ["--skip-infra", "--yes"],
    ["--destroy", "--yes"],
  ]) {
    const { code, stderr } = await place.deploy([...parameters, option, shown, "--variables", "one.env"]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      `It is ${shown}, and the file of --variables is for ${line.split("=")[1]}: leave the option out, or`,
    );
    expect(stderr).toContain(`→ at ${option} (`);
  }
  expect(place.calls).toEqual([]);
});

test("an option may say what the file says too, or leaves open", async () => {
  const files = { "one.env": "BATON_PREFIX=staging\nBATON_LOCATION=\n" };
  const parameters = ["--dry-run", "--prefix", "staging", "--region", "us-east1", "--variables", "one.env"];
  expect((await new DeployPlace({ files }).deploy(parameters)).code).toBe(0);
});

test.each(wrong)("wrong: %s", async (_, parameters, environment, named) => {
  const place = new DeployPlace();
  const { code, stdout, stderr } = await place.deploy(["--dry-run", ...parameters], { environment });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error CONFIGURATION_INVALID: /);
  expect(stderr).toContain(named);
  expect(stderr).toMatch(/^what to do: /m);
  expect(stderr).not.toMatch(/^ +at /m);
  // What zod says of itself is for programmers.
  expect(stderr).not.toMatch(/Invalid (?:input|option)|Too (?:small|big)|expected (?:one of|string|number)/);
  expect(stdout).toBe("");
  expect(place.calls).toEqual([]);
});

const right: readonly Readonly<Record<string, string>>[] = [
  { BATON_DEPLOY_CPU: "8", BATON_DEPLOY_MEMORY: "32Gi" },
  { BATON_DEPLOY_CPU: "4", BATON_DEPLOY_MEMORY: "2048Mi" },
  { BATON_DEPLOY_CPU: "1", BATON_DEPLOY_MEMORY: "512Mi" },
  { BATON_DEPLOY_MIN_INSTANCES: "1000", BATON_DEPLOY_MAX_INSTANCES: "1000" },
];

test.each(right)("right: %j", async (environment) => {
  expect((await new DeployPlace().deploy(["--dry-run"], { environment })).stderr).toBe("");
});

test("a shell with the variables of the same deployment may deploy it", async () => {
  const environment = {
    BATON_SERVICE_ACCOUNT: "baton-function@my-project.iam.gserviceaccount.com",
    BATON_CALLERS: "baton-push@my-project.iam.gserviceaccount.com",
    BATON_AUDIENCE: "https://baton-1.europe-west1.run.app",
  };
  expect((await new DeployPlace().deploy(["--dry-run"], { environment })).stderr).toBe("");
});

test("a problem of a variable is reported once", async () => {
  const { stderr } = await new DeployPlace().deploy(["--dry-run", "--prefix", "a.b"]);
  expect(stderr.match(/BATON_PREFIX/g)).toHaveLength(1);
});

test("a removal does not mind how the function would log", async () => {
  const environment = { BATON_LOG_LEVEL: "silent" };
  const { code } = await new DeployPlace().deploy(["--dry-run", "--destroy"], { environment });
  expect(code).toBe(0);
});

test("all problems are reported at once", async () => {
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

test("a missing or old tool is reported before anything is changed", async () => {
  const missing = new DeployPlace({ programs: ["gcloud", "node"] });
  const shown = await missing.deploy(["--yes"]);
  expect(shown.code).toBe(1);
  expect(shown.stderr).toMatch(
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
  expect(stderr).toContain("terraform does not print its version");
  expect(old.calls).toEqual([]);
});

test("OpenTofu that is new enough is taken where Terraform is too old", async () => {
  const place = new DeployPlace({ programs: ["gcloud", "terraform", "tofu", "node"] });
  writeFileSync(place.path("bin/terraform"), "#!/bin/sh\necho 'Terraform v1.5.7'\n");
  expect((await place.deploy(["--yes"])).code).toBe(0);
  expect(place.callNames).toContain("tofu plan");
  rmSync(place.path("bin/tofu"));
  const { stderr } = await place.deploy(["--yes"]);
  expect(stderr).toContain("terraform is 1.5.7, and 1.7 or newer is needed");
});

test("every problem of the workflows is reported, and nothing is deployed", async () => {
  const place = new DeployPlace({
    files: {
      "workflows/broken.ts": "throw new Error('no luck');\n",
      "workflows/round.yaml": "workflow: round\ntasks: [{ id: a, type: nonsense, after: [b] }]\n",
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
  rmSync(place.path("workflows/reports.ts"));
  const { code, stderr } = await place.deploy(["--dry-run"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error DEPLOY_NOTHING: There is no workflow /);
});

test("a project that Google could not build is not deployed", async () => {
  const refused = async (spoil: (place: DeployPlace) => void) => {
    const place = new DeployPlace();
    spoil(place);
    const { code, stderr } = await place.deploy(["--yes"]);
    expect(code).toBe(1);
    expect(place.calls).toEqual([]);
    expect(stderr).toMatch(/^error DEPLOY_PACKAGE_INVALID: /);
    return stderr;
  };
  expect(await refused((place) => rmSync(place.path("package-lock.json")))).toContain(
    "There is no package-lock.json: run npm install",
  );
  const manifest = { dependencies: { "baton-dag": "0.2.0", "left-pad": "1.3.0" } };
  const addPackage = (place: DeployPlace) =>
    writeFileSync(place.path("package.json"), JSON.stringify({ type: "module", ...manifest }));
  expect(await refused(addPackage)).toContain("package-lock.json lacks left-pad, which package.json needs");
});

test("without a project there is nothing to deploy", async () => {
  const place = new DeployPlace();
  rmSync(place.path("package.json"));
  const { code, stderr } = await place.deploy(["--dry-run"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error PROJECT_MISSING: /);
});

test("Terraform files that were changed by hand are kept, and nothing is deployed", async () => {
  const place = new DeployPlace();
  expect((await place.deploy(["--yes"])).code).toBe(0);
  const calls = place.calls.length;
  const [path, text] = [place.path("infra/storage.tf"), place.read("infra/storage.tf")];
  writeFileSync(path, `${text}\n# ours\n`);
  const { code, stderr } = await place.deploy(["--yes"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error DEPLOY_INFRA_CHANGED: Changed by hand: storage\.tf/);
  expect(place.calls.length).toBe(calls);
  writeFileSync(path, text);
  writeFileSync(place.path("infra/ours.tf"), "# ours\n");
  expect((await place.deploy(["--yes"])).code).toBe(0);
  expect(place.read("infra/ours.tf")).toBe("# ours\n");
});
