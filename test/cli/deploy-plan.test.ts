import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import { DeployPlace, type DeployPlaceOptions, stateOf } from "./deploy-place.ts";

const docs = fileURLToPath(new URL("../../docs/deploy.md", import.meta.url));

const PlanSchema = z.object({
  dryRun: z.literal(true),
  deployment: z.object({ queues: z.array(z.string()), workflowIds: z.array(z.string()) }),
  resources: z.array(z.object({ kind: z.string(), name: z.string(), purpose: z.string() })),
  function: z.object({
    environment: z.record(z.string(), z.string()),
    secrets: z.record(z.string(), z.string()),
  }),
  terraform: z.object({ variables: z.record(z.string(), z.unknown()) }),
  commands: z.array(z.object({ line: z.string(), condition: z.string().optional() })),
  idleCost: z.string(),
  warnings: z.array(z.string()),
  missing: z.array(z.string()),
});

async function plan(
  parameters: readonly string[] = [],
  options: DeployPlaceOptions & { readonly environment?: Readonly<Record<string, string>> } = {},
) {
  const place = new DeployPlace(options);
  const shown = await place.deploy(["--dry-run", "--json", ...parameters], {
    environment: options.environment ?? {},
  });
  expect(shown.stderr).toBe("");
  expect(shown.code).toBe(0);
  expect(place.calls).toEqual([]);
  return { place, ...PlanSchema.parse(JSON.parse(shown.stdout)) };
}

test("a dry run needs no tool, says which are missing, and changes nothing", async () => {
  const place = new DeployPlace({ programs: [] });
  const before = readdirSync(place.path("infra"));
  const { code, stdout, stderr } = await place.deploy(["--dry-run"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain(
    "gcloud is not on the PATH: install it from https://cloud.google.com/sdk/docs/install",
  );
  expect(stdout).toContain("terraform or tofu is not on the PATH");
  expect(stdout).toContain(
    "TF_WORKSPACE=my-project_baton terraform -chdir=infra apply -input=false -no-color baton.my-project_baton.tfplan",
  );
  expect(stdout).toContain("# when it has none; the secret goes to its standard input");
  expect(stdout).toMatch(/concurrency=20 +tasks mostly wait/);
  expect(stdout).toContain("schedule  reports: 0 6 * * * (Europe/Paris)");
  expect(stdout).toContain("files  sales: sales/*.csv in any bucket");
  expect(stdout).toContain("a month while idle");
  expect(readdirSync(place.path("infra"))).toEqual(before);
  expect(existsSync(place.path("dist-package.my-project_baton"))).toBe(false);
});

test.each([[[]], [["--skip-infra"]], [["--skip-function"]]])(
  "a deployment runs the commands that its dry run prints, in their order: %j",
  async (parameters) => {
    const { commands, place } = await plan(parameters);
    const { stdout } = await place.deploy(["--yes", ...parameters]);
    const run = stdout
      .split("\n")
      .filter((line) => /^ {2}(TF_WORKSPACE=\S+ )?(terraform|gcloud|node) /.test(line));
    expect(run.map((line) => line.trim())).toEqual(commands.map(({ line }) => line));
    expect(place.calls.length).toBe(commands.length);
  },
);

test("a removal runs the commands that its dry run prints, in their order", async () => {
  const state = JSON.stringify(stateOf({ delete_protection_state: "DELETE_PROTECTION_ENABLED" }));
  const database = '"address":"google_firestore_database.this"';
  const { commands, place } = await plan(["--destroy"], {
    gcloud: { "run services list *": "echo baton" },
    terraform: { "*show -json": `echo '${state.replace(database, `${database},"tainted":true`)}'` },
  });
  const { stdout } = await place.deploy(["--destroy", "--yes"]);
  const run = stdout.split("\n").filter((line) => /^ {2}(TF_WORKSPACE=\S+ )?(terraform|gcloud) /.test(line));
  const named = commands.map(({ line }) =>
    line.replace(/'(-target=)?<what is protected>'/, "$1google_firestore_database.this"),
  );
  expect(run.map((line) => line.trim())).toEqual(named);
});

test("topics, features and starts are computed from the workflows", async () => {
  const { deployment, resources, terraform } = await plan();
  expect(deployment.workflowIds).toEqual(["model", "reports", "sales"]);
  expect(deployment.queues).toEqual(["default", "models", "slow"]);
  const topics = resources.filter(({ kind }) => kind === "Pub/Sub topic").map(({ name }) => name);
  expect(topics).toEqual([
    "baton-control",
    "baton-callbacks",
    "baton-queue-default",
    "baton-queue-models",
    "baton-queue-slow",
    "baton-dead-letters",
  ]);
  expect(terraform.variables).toMatchObject({
    queues: ["default", "models", "slow"],
    has_schedules: true,
    file_triggers: true,
    dataform: true,
    power_bi: false,
  });
});

test("needs of workflows outside the folder can be declared", async () => {
  const files = { "workflows/reports.ts": plainWorkflow };
  const without = await plan([], { files });
  expect(without.terraform.variables).toMatchObject({
    has_schedules: false,
    file_triggers: false,
    dataform: false,
  });
  const shown = await plan([], {
    files,
    environment: {
      BATON_DEPLOY_SCHEDULES: "true",
      BATON_DEPLOY_FILE_TRIGGERS: "true",
      BATON_DEPLOY_DATAFORM: "1",
      BATON_DEPLOY_QUEUES: "applied",
    },
  });
  expect(shown.terraform.variables).toMatchObject({
    has_schedules: true,
    file_triggers: true,
    dataform: true,
    queues: ["applied", "default"],
  });
  expect(shown.resources).toContainEqual(
    expect.objectContaining({
      name: "my-project-baton-inbox",
      purpose: "files dropped here start workflows",
    }),
  );
});

test("with --skip-infra the dry run says that it closes a function only when it makes it", async () => {
  const deploying = ({ commands }: Awaited<ReturnType<typeof plan>>) =>
    commands.find(({ line }) => line.startsWith("gcloud run deploy "));
  const { line, condition } = deploying(await plan(["--skip-infra"])) ?? {};
  expect(line).toContain(" --no-allow-unauthenticated ");
  expect(condition).toBe("without --no-allow-unauthenticated when there is a function already");
  expect(deploying(await plan())).not.toHaveProperty("condition");
});

test("resources that are not created are not listed", async () => {
  const kindsOf = async (...parameters: string[]) =>
    new Set((await plan(parameters)).resources.map(({ kind }) => kind));
  expect(await kindsOf("--skip-infra")).toEqual(new Set(["Cloud Run function"]));
  const infrastructure = await kindsOf("--skip-function");
  expect(infrastructure).toContain("Firestore database");
  expect(infrastructure).not.toContain("Cloud Run function");
  const { stdout } = await new DeployPlace().deploy(["--dry-run", "--skip-infra"]);
  expect(stdout).not.toContain("Variables of the infrastructure");
});

test("options and the file of variables win over the environment", async () => {
  const file = "BATON_LOCATION=us-east1\nBATON_DEPLOY_MAX_INSTANCES=3\nBATON_DEPLOY_QUEUES=old\n";
  const {
    terraform,
    commands,
    function: fn,
  } = await plan(["--prefix", "option", "--variables", "one.env"], {
    files: {
      "one.env": `${file}REPORT_QUEUE=quick\nAPI_URL=https://example.com/\nFIRESTORE_EMULATOR_HOST=h:1\n`,
    },
    environment: { BATON_PREFIX: "surrounding", BATON_LOCATION: "europe-west3" },
  });
  expect(terraform.variables).toMatchObject({
    prefix: "option",
    region: "us-east1",
    max_instances: 3,
    // Workflows see the file's variables when they are loaded.
    queues: ["default", "models", "old", "quick"],
  });
  expect(fn.environment).toMatchObject({ API_URL: "https://example.com/", REPORT_QUEUE: "quick" });
  expect(fn.environment).not.toHaveProperty("FIRESTORE_EMULATOR_HOST");
  expect(fn.environment).not.toHaveProperty("BATON_DEPLOY_MAX_INSTANCES");
  expect(commands.map(({ line }) => line).join("\n")).toContain(
    "workspace select -or-create=true -no-color my-project_option",
  );
});

test("--destroy shows what it would delete, and by which commands", async () => {
  const { commands } = await plan(["--destroy"]);
  const lines = commands.map(({ line }) => line.replace("TF_WORKSPACE=my-project_baton ", ""));
  expect(lines.map((line) => line.split(" ").slice(0, 4).join(" "))).toEqual([
    "gcloud projects describe my-project",
    "terraform -chdir=infra init -input=false",
    "terraform -chdir=infra workspace select",
    "terraform -chdir=infra show -json",
    "gcloud services list --enabled",
    "gcloud run services list",
    "terraform -chdir=infra untaint '<what",
    "terraform -chdir=infra plan -input=false",
    "terraform -chdir=infra show -json",
    "terraform -chdir=infra apply -input=false",
    "gcloud run services delete",
    "terraform -chdir=infra state rm",
    "terraform -chdir=infra destroy -input=false",
  ]);
});

test("a dry run also reports an unfit folder", async () => {
  const { missing } = await plan([], { files: { "package-lock.json": "{}" } });
  expect(missing).toEqual([expect.stringMatching(/package-lock\.json can't be read/)]);
});

test("the idle cost is the sum of the table in the docs", async () => {
  const { stdout } = await new DeployPlace().deploy(["--dry-run"]);
  const sum = /^\| \*\*sum\*\* \| \| \*\*([\d.]+)\*\*/m.exec(readFileSync(docs, "utf8"))?.[1];
  expect(sum).toMatch(/^\d+\.\d\d$/);
  expect(stdout).toContain(`about ${sum} USD a month while idle`);
});

test("minimum instances are named in the cost", async () => {
  const environment = { BATON_DEPLOY_MIN_INSTANCES: "2" };
  const { idleCost } = await plan([], { environment });
  expect(idleCost).toContain("and the price of 2 idle instances; docs/deploy.md has the arithmetic");
});

const plainWorkflow = `
import { workflow } from "baton-dag";
export default workflow("reports").task("fetch", () => 1);
`;

test("an inbox that was brought along is used, and not deleted", async () => {
  const place = new DeployPlace();
  const options = { environment: { BATON_INBOX_BUCKET: "corporate-files" } };
  const { stdout } = await place.deploy(["--dry-run"], options);
  expect(stdout).toMatch(/existing bucket +corporate-files/);
  expect((await place.deploy(["--dry-run", "--destroy"], options)).stdout).not.toContain("corporate-files");
});

const dataformYaml = (account: string) => `workflow: nightly
tasks:
  - id: summarise
    type: dataform
    with: { repository: projects/p/locations/l/repositories/r, gitCommitish: main${account} }
`;

test("Baton may act as the accounts of Dataform that tasks or a variable name, or warns if there is none", async () => {
  const file = (account: string) => ({
    files: { "workflows/nightly.yaml": dataformYaml(account) },
  });
  // The account of the workflow that every such deployment has.
  const model = "projects/my-project/serviceAccounts/dataform@my-project.iam.gserviceaccount.com";
  const unnamed = await plan([], file(""));
  expect(unnamed.terraform.variables).toMatchObject({ dataform: true, dataform_accounts: [model] });
  expect(unnamed.warnings.join()).toContain("nightly/summarise: no account is named");
  const named = await plan([], file(", serviceAccount: runner@shop.iam.gserviceaccount.com"));
  expect(named.warnings.join()).not.toContain("nightly/summarise");
  const runner = "projects/shop/serviceAccounts/runner@shop.iam.gserviceaccount.com";
  expect(named.terraform.variables).toMatchObject({ dataform_accounts: [model, runner] });
  const environment = { BATON_DATAFORM_ACCOUNTS: "runner@shop.iam.gserviceaccount.com" };
  const shown = await plan([], { ...file(""), environment });
  expect(shown.warnings.join()).not.toContain("no account is named");
  expect(shown.terraform.variables).toMatchObject({ dataform_accounts: [model, runner] });
});
