import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { EnvironmentSchema } from "../../src/configuration/environment.ts";
import type { RawEnvironment } from "../../src/configuration/variables.ts";
import { fileDrop, schedule } from "../../src/core/workflow/trigger.ts";
import { infrastructureCommands } from "../../src/deployment/commands.ts";
import {
  commandEnvironment,
  environmentText,
  functionEnvironment,
  passedVariables,
} from "../../src/deployment/function.ts";
import { planDeployment, terraformVariables } from "../../src/deployment/plan.ts";
import { readTarget } from "../../src/deployment/target.ts";
import { commandLine } from "../../src/deployment/tools.ts";
import { schedule as cron, workflow } from "../../src/index.ts";

const infra = fileURLToPath(new URL("../../infra/", import.meta.url));
const place = { BATON_PROJECT: "my-project", BATON_LOCATION: "europe-west1" };
const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const built = { projectNumber: "123" };

const nightly = workflow("nightly", { on: [cron("0 3 * * *")] })
  .task("a", () => 1)
  .task("b", () => 2, { queue: "slow" });

function plan(environment: RawEnvironment = {}) {
  const target = readTarget({ ...place, ...environment }, {});
  return { target, deployment: planDeployment(target, [nightly]) };
}

function functionOf(environment: RawEnvironment = {}) {
  const { target, deployment } = plan(environment);
  return functionEnvironment(deployment, target, built);
}

test("the function can start with its variables, which give the planned configuration", () => {
  const environment = functionOf();
  const configuration = readConfiguration(
    { ...environment, BATON_CALLBACK_SECRET: secret },
    { serves: true },
  );
  expect(configuration).toMatchObject({
    engine: "gcp",
    warehouse: "bigquery",
    objects: "storage",
    leaseSeconds: 660,
    google: {
      projectId: "my-project",
      location: "europe-west1",
      prefix: "baton",
      bucket: "my-project-baton",
      inboxBucket: "my-project-baton-inbox",
      functionTimeoutSeconds: 540,
      retentionSeconds: 400 * 86_400,
      serviceAccount: "baton-function@my-project.iam.gserviceaccount.com",
      callers: {
        audience: "https://baton-123.europe-west1.run.app",
        callers: ["baton-push@my-project.iam.gserviceaccount.com"],
      },
    },
  });
});

test("every variable is set, passed on, a secret, or irrelevant for a function", () => {
  const ofNoFunction = [
    ...[
      "BATON_WAREHOUSE",
      "BATON_OBJECTS",
      "BATON_DATA",
      "BATON_INBOX",
      "BATON_INBOX_QUIET",
      "BATON_DURABILITY",
    ],
    ...["BATON_CONCURRENCY", "GOOGLE_CLOUD_PROJECT", "K_SERVICE", "K_REVISION"],
    ...[
      "FIRESTORE_EMULATOR_HOST",
      "PUBSUB_EMULATOR_HOST",
      "BATON_PUBSUB_ENDPOINT",
      "CLOUD_TASKS_EMULATOR_HOST",
    ],
    ...["STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST", "BATON_SECRET_MANAGER_ENDPOINT", "BATON_DEBUG"],
    // Of the console, which is a service of its own.
    ...["BATON_CONSOLE_AUDIENCE", "BATON_CONSOLE_OPERATORS"],
    ...["BATON_CONSOLE_ISSUER", "BATON_CONSOLE_KEYS_URL"],
  ];
  const secrets = ["BATON_CALLBACK_SECRET", "BATON_POWERBI_CLIENT_SECRET"];
  const set = Object.keys(functionOf());
  const known = new Set([...set, "BATON_WORKFLOWS", ...passedVariables, ...secrets, ...ofNoFunction]);
  expect(Object.keys(EnvironmentSchema.shape).filter((name) => !known.has(name))).toEqual([]);
});

test("a missing file of variables is wrong usage", () => {
  expect(() => readTarget(place, { variables: "/nowhere/one.env" })).toThrow(
    expect.objectContaining({
      code: "USAGE",
      message: expect.stringContaining("Can't read /nowhere/one.env"),
    }),
  );
});

test("the project of the file overrides that of the shell, under either name", () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-"));
  const file = join(folder, "one.env");
  const production = { ...place, BATON_PROJECT: "production-1" };
  for (const name of ["GOOGLE_CLOUD_PROJECT", "BATON_PROJECT"]) {
    writeFileSync(file, `${name}=staging-1\n`);
    const { configuration } = readTarget(production, { variables: file });
    expect(configuration.google.projectId).toBe("staging-1");
  }
  rmSync(folder, { recursive: true });
});

test("problems of a deployment have one form: what they are, and where they are written", () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-"));
  const file = join(folder, "one.env");
  writeFileSync(file, "BATON_LOCATION=nowhere\nHOME=/here\nOWN=secret:\n");
  const environment = {
    BATON_PROJECT: "my-project",
    BATON_CALLBACK_SECRET: "projects/p/secrets",
    BATON_DEPLOY_ALERT_EMAILS: "me@example.com, me",
    BATON_LEASE: "10m",
    BATON_LOG_LEVEL: "silent",
  };
  expect(() => readTarget(environment, { variables: file, prefix: "A" })).toThrow(
    expect.objectContaining({
      code: "CONFIGURATION_INVALID",
      message: [
        `✖ The instance sets HOME itself: remove it from the file\n  → at line 2 of ${file}`,
        "✖ write one region of Cloud Run, such as europe-west1; `gcloud run regions list` has " +
          "them all\n  → at BATON_LOCATION",
        "✖ to deploy, a prefix has 1–20 small letters, digits or `-`, begins with a letter and does not end with " +
          "`-`\n  → at --prefix (BATON_PREFIX)",
        "✖ write an e-mail address\n  → at BATON_DEPLOY_ALERT_EMAILS[1]",
        "✖ Write projects/<project>/secrets/<secret>/versions/<version or latest>\n  → at BATON_CALLBACK_SECRET",
        "✖ More than the 600 s that a push waits, such as 11m\n  → at BATON_LEASE",
        "✖ a secret is named by secret:<name>, secret:<name>:<version> or " +
          "projects/<project>/secrets/<name>/versions/<version>\n  → at OWN",
        "✖ Alerts count lines of the levels warn and error: with silent, no alert would fire. Write " +
          "info or warn\n  → at BATON_LOG_LEVEL",
      ].join("\n"),
    }),
  );
  rmSync(folder, { recursive: true });
});

test("variables of the function are passed on, and those of this machine are not", () => {
  const environment = functionOf({
    BATON_LOG_LEVEL: "debug",
    BATON_TRACES: "otlp",
    BATON_LEASE: "11m",
    BATON_BUCKET: "mine",
    FIRESTORE_EMULATOR_HOST: "localhost:1",
    BATON_WAREHOUSE: "duckdb",
    BATON_DATA: "/here",
    BATON_CALLBACK_SECRET: secret,
    SOMETHING_ELSE: "of this shell",
  });
  expect(environment).toMatchObject({ BATON_LOG_LEVEL: "debug", BATON_TRACES: "otlp", BATON_BUCKET: "mine" });
  const names = Object.keys(environment);
  for (const name of ["FIRESTORE_EMULATOR_HOST", "BATON_WAREHOUSE", "BATON_DATA", "SOMETHING_ELSE"])
    expect(names).not.toContain(name);
  expect(names).not.toContain("BATON_CALLBACK_SECRET");
});

test("commands send no traces: only the account of the function may", () => {
  const { target, deployment } = plan({ BATON_TRACES: "otlp", BATON_LOG_LEVEL: "debug" });
  const ofFunction = functionEnvironment(deployment, target, built);
  expect(ofFunction).toHaveProperty("BATON_TRACES");
  const ofCommands = commandEnvironment(deployment, target, ofFunction);
  expect(ofCommands).not.toHaveProperty("BATON_TRACES");
  expect(ofCommands).toMatchObject({ BATON_LOG_LEVEL: "debug", BATON_ENGINE: "gcp" });
});

test("the infrastructure gets the same", () => {
  expect(terraformVariables(plan().deployment)).toMatchObject({
    project: "my-project",
    region: "europe-west1",
    prefix: "baton",
    queues: ["default", "slow"],
    bucket: "",
    inbox_bucket: "",
    ack_deadline_seconds: 600,
    has_schedules: true,
    file_triggers: false,
    tracing: false,
  });
  const named = plan({ BATON_BUCKET: "mine", BATON_TRACES: "otlp", BATON_RETENTION: "100d" }).deployment;
  expect(terraformVariables(named)).toMatchObject({ bucket: "mine", tracing: true, retention_days: 100 });
});

test("Terraform prints colours only on a terminal", () => {
  const linesOf = (isPlain: boolean) =>
    Object.values(infrastructureCommands(plan().deployment, "tofu", isPlain))
      .filter((command) => typeof command === "object")
      .map(commandLine);
  expect(linesOf(false).join("\n")).not.toContain("-no-color");
  const plain = linesOf(true).filter((line) => !line.includes(" -json"));
  expect(plain.filter((line) => !line.includes(" -no-color"))).toEqual([]);
});

test("every variable that is passed exists in the infrastructure", () => {
  const text = readdirSync(infra)
    .filter((name) => name.endsWith(".tf"))
    .map((name) => readFileSync(infra + name, "utf8"))
    .join("\n");
  const declared = [...text.matchAll(/^variable "(\w+)"/gm)].map(([, name]) => name);
  const written = Object.keys(terraformVariables(plan().deployment));
  expect(written.filter((name) => !declared.includes(name))).toEqual([]);
});

test("schedules and file triggers are those of the workflows", () => {
  const target = readTarget(place, {});
  const { definition } = nightly;
  const files = {
    definition,
    triggers: [fileDrop("in/*.csv", { bucket: "b" }), schedule("@daily")],
    parseInput: nightly.parseInput,
  };
  expect(planDeployment(target, [files])).toMatchObject({
    schedules: [{ workflowId: "nightly", cron: "@daily", timeZone: "UTC" }],
    fileTriggers: [{ workflowId: "nightly", pattern: "in/*.csv", bucket: "b" }],
  });
});

test("variables are written so that YAML reads texts, whatever is in them", () => {
  expect(environmentText({ B: 'a "b"\n#c: d', A: "true" })).toBe('A: "true"\nB: "a \\"b\\"\\n#c: d"\n');
});
