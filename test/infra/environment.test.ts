import { expect, test } from "vitest";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { EnvironmentSchema } from "../../src/configuration/environment.ts";
import { functionEnvironment } from "../../src/deployment/function.ts";
import { planDeployment, terraformVariables } from "../../src/deployment/plan.ts";
import { readTarget } from "../../src/deployment/target.ts";
import { functionSecrets, secretNames } from "../../src/deployment/variables-file.ts";

import { Evaluation, type Scope } from "./evaluate.ts";
import { expression, readTerraform } from "./terraform-files.ts";

const files = await readTerraform();
const projectNumber = "123456789012";
const usual = { project: "some-project", region: "europe-west1", projectNumber };
const secret = `whsec_${Buffer.alloc(32).toString("base64")}`;

/** What `terraform output` says for these variables. */
function outputOf(name: "function_environment" | "function_secrets", given: Scope): Record<string, string> {
  const evaluation = new Evaluation(files, given);
  const written = Object.entries(Object(files.locals[name]))
    .map(([variable, value]) => [variable, evaluation.value(value)] as const)
    .filter(([, value]) => value !== null);
  return Object.fromEntries(written.map(([variable, value]) => [variable, String(value)]));
}

test("outputs are the locals checked here, without unset ones", () => {
  for (const name of ["function_environment", "function_secrets"])
    expect(files.outputs[name]?.value).toBe(
      expression(`{ for name, value in local.${name} : name => value if value != null }`),
    );
});

test("every variable is one that the function knows", () => {
  const given = { ...usual, tracing: true, power_bi: true };
  const names = Object.keys({
    ...outputOf("function_environment", given),
    ...outputOf("function_secrets", given),
  });
  expect(names.filter((name) => !(name in EnvironmentSchema.shape))).toEqual([]);
});

test("a function that gets them serves: nothing it needs is missing, and all is as it was made", () => {
  const given = { ...usual, prefix: "test-env", database: "test-env", tracing: true };
  const environment = outputOf("function_environment", given);
  const configuration = readConfiguration(
    { ...environment, BATON_CALLBACK_SECRET: secret },
    { serves: true },
  );
  expect(configuration).toMatchObject({ engine: "gcp", leaseSeconds: 660, traces: expect.anything() });
  const accounts = "some-project.iam.gserviceaccount.com";
  expect(configuration.google).toMatchObject({
    projectId: "some-project",
    location: "europe-west1",
    prefix: "test-env",
    databaseId: "test-env",
    bucket: "some-project-test-env",
    inboxBucket: "some-project-test-env-inbox",
    dataset: "baton",
    bigQueryLocation: "europe-west1",
    serviceAccount: `test-env-function@${accounts}`,
    functionTimeoutSeconds: 540,
    retentionSeconds: 400 * 86_400,
    callers: {
      audience: "https://test-env-123456789012.europe-west1.run.app",
      callers: [`test-env-push@${accounts}`],
    },
  });
});

test("secrets come from Secret Manager and are in no output", () => {
  const given = { ...usual, power_bi: true };
  expect(outputOf("function_secrets", given)).toEqual({
    BATON_CALLBACK_SECRET: "baton-callback-secret:latest",
    BATON_POWERBI_CLIENT_SECRET: "baton-powerbi-client-secret:latest",
  });
  expect(Object.keys(outputOf("function_secrets", given)).sort()).toEqual(Object.keys(secretNames).sort());
  expect(Object.keys(outputOf("function_environment", given))).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/SECRET$/)]),
  );
  expect(files.resources.filter(({ type }) => type === "google_secret_manager_secret_version")).toEqual([]);
});

const deployments = {
  "nothing but the project and the region": {},
  "names of one's own": {
    BATON_PREFIX: "test-env",
    BATON_DATABASE: "test-env",
    BATON_BUCKET: "results-of-some-company",
    BATON_INBOX_BUCKET: "drop-here",
    BATON_DATASET: "sales",
    BATON_BIGQUERY_LOCATION: "EU",
    BATON_FUNCTION_TIMEOUT: "300s",
    BATON_LEASE: "20m",
    BATON_RETENTION: "200d",
    BATON_COMPLETIONS: "inline",
    BATON_DEPLOY_FUNCTION: "sales-function",
    BATON_TRACES: "otlp",
    BATON_POWERBI_TENANT_ID: "some-tenant",
    BATON_POWERBI_CLIENT_ID: "some-client",
  },
  "queues with limits": { BATON_QUEUES: "documents=2,websites=4@30/m" },
};

test.each(Object.entries(deployments))(
  "`baton deploy` and Terraform agree on the function's variables: %s",
  (_, more) => {
    const target = readTarget({ BATON_PROJECT: "some-project", BATON_LOCATION: "europe-west1", ...more }, {});
    const deployment = planDeployment(target, []);
    const given = { ...terraformVariables(deployment), projectNumber };
    const place = { projectNumber };
    expect(functionEnvironment(deployment, target, place)).toMatchObject(
      outputOf("function_environment", given),
    );
    const secrets = functionSecrets(deployment).map(([variable, name]) => [variable, `${name}:latest`]);
    expect(Object.fromEntries(secrets)).toEqual(outputOf("function_secrets", given));
  },
);

test("what `baton deploy` writes for Terraform are its variables, each of the type that it takes", () => {
  const target = readTarget({ BATON_PROJECT: "some-project", BATON_LOCATION: "europe-west1" }, {});
  const written = terraformVariables(planDeployment(target, []));
  const types = Object.entries(written)
    .filter(([name]) => name !== "queue_limits")
    .map(([name, value]) => [name, typeOf(value)]);
  expect(types).toEqual(types.map(([name = ""]) => [name, files.variables[name]?.type]));
  const unwritten = Object.keys(files.variables).filter((name) => !(name in written));
  expect(unwritten.filter((name) => files.variables[name]?.default === undefined)).toEqual([]);
});

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return expression("list(string)");
  return expression(typeof value === "boolean" ? "bool" : typeof value);
}

test("the billing account of a budget is handed on, and has to look like one", () => {
  const given = { BATON_PROJECT: "some-project", BATON_LOCATION: "europe-west1" };
  const account = (id: string) =>
    terraformVariables(planDeployment(readTarget({ ...given, BATON_DEPLOY_BILLING_ACCOUNT: id }, {}), []));
  expect(account("0A1B2C-3D4E5F-678901").billing_account).toBe("0A1B2C-3D4E5F-678901");
  expect(() => account("billingAccounts/0A1B2C-3D4E5F-678901")).toThrow("gcloud billing accounts list");
  expect(terraformVariables(planDeployment(readTarget(given, {}), [])).billing_account).toBe("");
});
