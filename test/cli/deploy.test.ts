import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { expect, test } from "vitest";
import * as z from "zod";
import { parseSecrets } from "../../src/adapters/webhook/sender.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { withoutReferences } from "../../src/configuration/secrets.ts";
import { DeployPlace, granted, servingFunction } from "./deploy-place.ts";

const functionVariables = "infra/baton.my-project_baton.function.yaml";
const of = ["--region=europe-west1", "--project=my-project", "--quiet"];
const account = (role: string) => `baton-${role}@my-project.iam.gserviceaccount.com`;
const serving = servingFunction();
const hasSecret = { "secrets versions list *": "echo 1" };

const planFile = "baton.my-project_baton.tfplan";
const variablesFile = "-var-file=baton.my-project_baton.tfvars.json";
const infrastructure = [
  ["terraform", "-chdir=infra", "init", "-input=false", "-no-color"],
  ["terraform", "-chdir=infra", "workspace", "select", "-or-create=true", "-no-color", "my-project_baton"],
  ["terraform", "-chdir=infra", "plan", "-input=false", variablesFile, `-out=${planFile}`, "-no-color"],
  ["terraform", "-chdir=infra", "show", "-json", planFile],
  ["terraform", "-chdir=infra", "apply", "-input=false", "-no-color", planFile],
];
const number = ["gcloud", "projects", "describe", "my-project", "--format=value(projectNumber)", "--quiet"];
const enabled = [
  ...["gcloud", "services", "list", "--enabled", "--filter=config.name=run.googleapis.com"],
  ...["--format=value(config.name)", "--project=my-project", "--quiet"],
];
const asked = [
  "gcloud",
  "run",
  "services",
  "list",
  "--filter=metadata.name~^baton$",
  "--format=json(spec.template.spec.containers,status.traffic)",
  ...of,
];
const packing = [
  ...["node", expect.stringMatching(/bin\/baton\.js$/), "pack", "dist-package.my-project_baton"],
  ...["--workflows", "workflows"],
];
const deploying = [
  "gcloud",
  "run",
  "deploy",
  "baton",
  "--source=dist-package.my-project_baton",
  "--function=baton",
  "--base-image=nodejs24",
  "--automatic-updates",
  "--image=europe-west1-docker.pkg.dev/my-project/baton/baton",
  `--service-account=${account("function")}`,
  `--build-service-account=projects/my-project/serviceAccounts/${account("build")}`,
  "--no-allow-unauthenticated",
  "--ingress=internal",
  "--execution-environment=gen2",
  "--concurrency=20",
  "--cpu=1",
  "--memory=1Gi",
  "--timeout=540s",
  "--min-instances=0",
  "--max-instances=20",
  "--cpu-throttling",
  "--cpu-boost",
  "--env-vars-file=infra/baton.my-project_baton.function.yaml",
  "--set-secrets=BATON_CALLBACK_SECRET=baton-callback-secret:latest",
  ...of,
];
const traffic = ["gcloud", "run", "services", "update-traffic", "baton", "--to-latest", ...of];
const policy = ["gcloud", "run", "services", "get-iam-policy", "baton", "--format=json", ...of];
const invoker = [
  "gcloud",
  "run",
  "services",
  "add-iam-policy-binding",
  "baton",
  `--member=serviceAccount:${account("push")}`,
  "--role=roles/run.invoker",
  ...of,
];

test("it deploys the infrastructure, the secret and the function by these commands, in this order", async () => {
  const place = new DeployPlace({ packs: true });
  const { code, stdout, stderr } = await place.deploy(["--yes"]);
  expect(stderr).toContain("It could not be checked");
  expect(code).toBe(0);
  const secret = ["--project=my-project", "--quiet"];
  const versions = ["gcloud", "secrets", "versions"];
  expect(place.calls).toEqual([
    number,
    enabled,
    asked,
    ...infrastructure,
    ["terraform", "-chdir=infra", "output", "-json", "function_environment"],
    [
      ...versions,
      "list",
      "baton-callback-secret",
      "--filter=state=ENABLED",
      "--limit=1",
      "--format=value(name)",
      ...secret,
    ],
    [...versions, "add", "baton-callback-secret", "--data-file=-", ...secret],
    packing,
    deploying,
    policy,
    invoker,
    traffic,
  ]);
  const made = place.read("secret-baton-callback-secret");
  expect(parseSecrets(made)).toEqual([made]);
  expect(`${stdout}${stderr}${place.read("calls")}${place.read(functionVariables)}`).not.toContain(made);
  expect(existsSync(place.path("dist-package.my-project_baton/baton-dag/dist/functions/index.js"))).toBe(
    true,
  );
  expect(stdout).toContain("Deployed: https://baton-123456789012.europe-west1.run.app");
});

test("the infrastructure's values of the function's variables win, except for secrets", async () => {
  const place = new DeployPlace();
  await place.deploy(["--yes"]);
  const variables = place.read(functionVariables);
  expect(variables).toContain('BATON_LEASE: "700s"\n');
  expect(variables).toContain('BATON_AUDIENCE: "https://baton-123456789012.europe-west1.run.app"\n');
  expect(variables).not.toContain("BATON_CALLBACK_SECRET");
});

test("a second time the secret stays, and the rollback is printed", async () => {
  const place = new DeployPlace({ gcloud: { ...serving, ...hasSecret } });
  const { code, stdout } = await place.deploy(["--yes"]);
  expect(code).toBe(0);
  expect(place.callNames).not.toContain("gcloud secrets versions add");
  expect(stdout).toContain(
    "gcloud run services update-traffic baton --to-revisions=baton-00007-abc=100 " +
      "--region=europe-west1 --project=my-project",
  );
});

test("--skip-infra deploys a new version and asks for no more permissions than that needs", async () => {
  const place = new DeployPlace({ gcloud: { ...serving, ...granted }, programs: ["gcloud", "node"] });
  expect((await place.deploy(["--skip-infra", "--yes"])).code).toBe(0);
  // It does not set again who may call it: an account that deploys only new versions has no such right.
  const redeploying = deploying.filter((word) => word !== "--no-allow-unauthenticated");
  expect(place.calls).toEqual([number, asked, packing, redeploying, policy, traffic]);
});

test("--skip-infra deploys a function that is new with all it needs", async () => {
  const place = new DeployPlace({ programs: ["gcloud", "node"] });
  expect((await place.deploy(["--skip-infra", "--yes"])).code).toBe(0);
  expect(place.callNames).toContain("gcloud secrets versions add");
  expect(place.calls).toContainEqual(deploying);
  expect(place.calls).toContainEqual(invoker);
});

test("--skip-function makes the infrastructure alone, also with OpenTofu", async () => {
  const place = new DeployPlace({ programs: ["tofu", "node"] });
  const { code, stdout } = await place.deploy(["--skip-function", "--yes"]);
  expect(code).toBe(0);
  expect(place.calls).toEqual(infrastructure.map(([, ...rest]) => ["tofu", ...rest]));
  expect(stdout).toContain("baton deploy --skip-infra");
});

test("--skip-function looks at the project before it makes anything, where there is gcloud", async () => {
  const place = new DeployPlace();
  expect((await place.deploy(["--skip-function", "--yes"])).code).toBe(0);
  expect(place.calls).toEqual([number, enabled, asked, ...infrastructure]);
});

test("a missing login or a wrong project is reported before anything is changed", async () => {
  const denied = { "projects describe *": "echo 'You do not currently have an active account' >&2; exit 1" };
  for (const parameters of [[], ["--skip-infra"], ["--skip-function"], ["--destroy"]]) {
    const place = new DeployPlace({ gcloud: denied });
    const { code, stderr } = await place.deploy(["--yes", ...parameters]);
    expect(code).toBe(1);
    expect(stderr).toContain("You do not currently have an active account");
    expect(stderr).toContain("error DEPLOY_FAILED: Looking whether the project can be reached failed");
    expect(stderr).toContain("what to do: Log in with `gcloud auth login`, and look whether");
    expect(place.calls).toEqual([number]);
    expect(existsSync(place.path("infra/baton.my-project_baton.tfvars.json"))).toBe(false);
  }
});

const steps: readonly (readonly [string, "gcloud" | "terraform", string, string])[] = [
  ["init", "terraform", "*init*", "terraform -chdir=infra init"],
  ["the workspace", "terraform", "*workspace*", "terraform -chdir=infra workspace select"],
  ["the plan", "terraform", "*plan -input*", "terraform -chdir=infra plan"],
  ["apply", "terraform", "*apply*", "terraform -chdir=infra apply"],
  ["the project", "gcloud", "projects describe *", "gcloud projects describe"],
  ["the output", "terraform", "*output*", "terraform -chdir=infra output"],
  ["the look at Cloud Run", "gcloud", "services list --enabled *", "gcloud services list"],
  ["the function before", "gcloud", "run services list *", "gcloud run services list"],
  ["the secret's versions", "gcloud", "secrets versions list *", "gcloud secrets versions list"],
  ["the secret", "gcloud", "secrets versions add *", "gcloud secrets versions add"],
  ["the deployment", "gcloud", "run deploy *", "gcloud run deploy baton"],
  ["the invoker", "gcloud", "run services add-iam*", "gcloud run services add-iam-policy-binding"],
  ["the traffic", "gcloud", "run services update*", "gcloud run services update-traffic"],
];

test.each(steps)("when %s fails, nothing runs after it", async (_, tool, pattern, command) => {
  const place = new DeployPlace({ [tool]: { [pattern]: "echo 'the reason' >&2; exit 3" } });
  const { code, stdout, stderr } = await place.deploy(["--yes"]);
  expect(code).toBe(1);
  expect(place.calls.at(-1)?.join(" ").startsWith(command)).toBe(true);
  expect(stderr).toContain("the reason\n");
  expect(stderr).toMatch(/^error DEPLOY_FAILED: .+ failed: it ended with 3\. .*\n?what to do: /m);
  expect(stderr).toContain(command);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stdout).not.toContain("Deployed:");
});

test("a tool's output that can't be parsed fails its command", async () => {
  const noNumber = new DeployPlace({ gcloud: { "projects describe *": "echo none" } });
  expect((await noNumber.deploy(["--yes"])).stderr).toContain(
    'DEPLOY_FAILED: Looking whether the project can be reached failed: the answer "none" is not a project number',
  );
  const noMap = new DeployPlace({ terraform: { "*output*": "echo '[1]'" } });
  expect((await noMap.deploy(["--yes"])).stderr).toContain("function_environment is no map");
});

test("Power BI's secret is taken from the environment to Secret Manager, and shown nowhere", async () => {
  const powerBi = { BATON_POWERBI_TENANT_ID: "tenant", BATON_POWERBI_CLIENT_ID: "client" };
  const secret = "very-secret-indeed";
  const place = new DeployPlace();
  const environment = { ...powerBi, BATON_POWERBI_CLIENT_SECRET: secret };
  const { code, stdout, stderr } = await place.deploy(["--yes"], { environment });
  expect(code).toBe(0);
  expect(place.read("secret-baton-powerbi-client-secret")).toBe(secret);
  const written = ["calls", functionVariables, "infra/baton.my-project_baton.tfvars.json"].map((name) =>
    place.read(name),
  );
  expect(`${stdout}${stderr}${written.join("")}`).not.toContain(secret);
  expect(written[0]).toContain("BATON_POWERBI_CLIENT_SECRET=baton-powerbi-client-secret:latest");

  const without = new DeployPlace();
  const refused = await without.deploy(["--yes"], { environment: powerBi });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("error DEPLOY_SECRET_MISSING: baton-powerbi-client-secret has no version");
  expect(without.callNames).not.toContain("gcloud run deploy baton");
});

test("it writes a file of variables for commands, which a shell and Node read in the same way", async () => {
  const file = "infra/baton.my-project_baton.env";
  const place = new DeployPlace();
  writeFileSync(
    place.path("own.env"),
    `SALES_QUOTED="it's"\nSALES_SPACES=' $HOME # '\nSALES_BOTH=\`it's ` +
      `"$HOME"\`\nAPI_TOKEN=hush\nNODE_OPTIONS=--no-warnings\n`,
  );
  const { stdout } = await place.deploy(["--yes", "--variables", "own.env"]);
  expect(stdout).toContain(`  set -a; . ${file}; set +a\n  npx baton batches\n`);
  const left = place.read(file);
  const ofNode = parseEnv(left);
  expect(ofNode).toMatchObject({
    BATON_ENGINE: "gcp",
    BATON_PROJECT: "my-project",
    BATON_BUCKET: "my-project-baton",
    BATON_AUDIENCE: "https://baton-123456789012.europe-west1.run.app",
    BATON_CALLBACK_SECRET: "projects/my-project/secrets/baton-callback-secret/versions/latest",
    SALES_QUOTED: "it's",
    SALES_SPACES: " $HOME # ",
  });
  const shell = spawnSync("sh", ["-c", `set -a; . ./${file}; env -0`], {
    cwd: place.path("."),
    env: { PATH: process.env.PATH },
    encoding: "utf8",
  });
  const ofShell = shell.stdout.split("\0").map((line) => line.split(/=(.*)/s));
  expect(Object.fromEntries(ofShell)).toMatchObject(ofNode);
  expect(left).toContain("# SALES_BOTH is left out");
  expect(left).not.toContain("hush");
  // It is for the function's process, and not for a shell.
  expect(left).not.toContain("NODE_OPTIONS");
  const configuration = readConfiguration(withoutReferences(ofNode));
  expect(configuration.google).toMatchObject({ projectId: "my-project", prefix: "baton" });
});

test("--json prints one value, and the output of tools goes to standard error", async () => {
  const place = new DeployPlace({ terraform: { "*init*": "echo Initializing" }, gcloud: serving });
  const { code, stdout, stderr } = await place.deploy(["--yes", "--json"]);
  expect(code).toBe(0);
  const shown = z
    .object({
      dryRun: z.boolean(),
      previousRevision: z.string(),
      commandFile: z.string(),
      checked: z.boolean(),
    })
    .parse(JSON.parse(stdout));
  expect(shown).toEqual({
    dryRun: false,
    previousRevision: "baton-00007-abc",
    commandFile: "infra/baton.my-project_baton.env",
    checked: false,
  });
  expect(stderr).toContain("Initializing");
});
