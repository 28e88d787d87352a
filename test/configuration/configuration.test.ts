import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { EnvironmentSchema } from "../../src/configuration/environment.ts";
import { taskSecrets } from "../../src/configuration/secrets.ts";
import { startSecretManagerServer } from "../servers/secret-manager/server.ts";

const secret = `whsec_${Buffer.alloc(32).toString("base64")}`;
const cloud = {
  BATON_ENGINE: "gcp",
  BATON_PROJECT: "p",
  BATON_LOCATION: "europe-west1",
  BATON_BUCKET: "bucket",
  BATON_SERVICE_ACCOUNT: "baton@p.iam.gserviceaccount.com",
  BATON_CALLBACK_SECRET: secret,
};

/** The variables that an error names, in its order. */
function named(read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    return [...String(error).matchAll(/→ at (\w+)/g)].map(([, name]) => name ?? "");
  }
}

describe("all missing and invalid variables are named at once", () => {
  test("for the function, on Google Cloud", () => {
    const read = () => readConfiguration({ BATON_ENGINE: "gcp", BATON_RETENTION: "10d" }, { serves: true });
    expect(named(read)).toEqual([
      "BATON_RETENTION",
      "BATON_PROJECT",
      "BATON_BUCKET",
      "BATON_LOCATION",
      "BATON_CALLBACK_SECRET",
      "BATON_SERVICE_ACCOUNT",
    ]);
  });

  test.each(Object.keys(cloud).filter((name) => name !== "BATON_ENGINE"))("%s", (name) => {
    const { [name as keyof typeof cloud]: _without, ...rest } = cloud;
    expect(named(() => readConfiguration(rest, { serves: true }))).toEqual([name]);
  });

  test("each with its problem and its variable", () => {
    const read = () =>
      readConfiguration({ BATON_CONCURRENCY: "0", BATON_QUEUES: "a,b", BATON_OBJECTS: "storage" });
    const entry = "expected name=concurrency or name=concurrency@rate/unit, such as websites=4@2/s";
    expect(read).toThrow(
      expect.objectContaining({
        code: "CONFIGURATION_INVALID",
        message: [
          "✖ at least 1\n  → at BATON_CONCURRENCY",
          `✖ "a": ${entry}\n  → at BATON_QUEUES`,
          `✖ "b": ${entry}\n  → at BATON_QUEUES`,
          "✖ Missing: the project of all resources (or set GOOGLE_CLOUD_PROJECT)\n  → at BATON_PROJECT",
          "✖ Missing: the bucket of results, reports and dead letters\n  → at BATON_BUCKET",
        ].join("\n"),
      }),
    );
  });

  test("a malformed secret, half of the settings for callers, a part of Power BI", () => {
    const some = { BATON_AUDIENCE: "https://x", BATON_POWERBI_CLIENT_ID: "c", BATON_CALLBACK_SECRET: "hush" };
    const read = () => readConfiguration({ ...cloud, ...some }, { serves: true });
    expect(named(read).sort()).toEqual([
      "BATON_CALLBACK_SECRET",
      "BATON_CALLERS",
      "BATON_POWERBI_CLIENT_SECRET",
      "BATON_POWERBI_TENANT_ID",
    ]);
    expect(read).not.toThrow(/hush/);
  });

  test("the command needs none of the function's secrets", () => {
    const {
      BATON_CALLBACK_SECRET: _secret,
      BATON_SERVICE_ACCOUNT: _account,
      BATON_LOCATION: _,
      ...rest
    } = cloud;
    expect(readConfiguration(rest).google).toMatchObject({ projectId: "p", bucket: "bucket" });
  });

  test("a service of Google under the embedded engine has its own requirements", () => {
    expect(named(() => readConfiguration({ BATON_WAREHOUSE: "bigquery" }))).toEqual(["BATON_PROJECT"]);
    expect(named(() => readConfiguration({ BATON_OBJECTS: "storage", BATON_PROJECT: "p" }))).toEqual([
      "BATON_BUCKET",
    ]);
    expect(readConfiguration({}).google).toBeUndefined();
  });
});

describe("queues with limits, on Google Cloud", () => {
  const { BATON_LOCATION: _, ...elsewhere } = cloud;
  const called = { BATON_AUDIENCE: "https://f.run.app", BATON_CALLERS: "push@p.iam.gserviceaccount.com" };
  const limited = { ...cloud, ...called, BATON_QUEUES: "documents=2,websites=4@30/m" };

  test.each([true, false])(
    "need the function's address, its caller and the region (serves: %s)",
    (serves) => {
      const { BATON_AUDIENCE: _audience, BATON_CALLERS: _callers, ...unknown } = limited;
      expect(named(() => readConfiguration(unknown, { serves }))).toEqual([
        "BATON_AUDIENCE",
        "BATON_CALLERS",
      ]);
      const nowhere = { ...elsewhere, ...called, BATON_QUEUES: "documents=2" };
      expect(named(() => readConfiguration(nowhere, { serves }))).toContain("BATON_LOCATION");
      expect(readConfiguration(limited, { serves }).queues.size).toBe(2);
    },
  );

  test("an audience that is not a URL is refused", () => {
    expect(named(() => readConfiguration({ ...limited, BATON_AUDIENCE: "baton" }))).toEqual([
      "BATON_AUDIENCE",
    ]);
  });

  test.each([
    ["documents=5001", "5000 tasks of a queue at once"],
    ["documents=2@501/s", "500 tasks of a queue in a second"],
    ["documents=2@30001/m", "500 tasks of a queue in a second"],
    ["my_documents=2", "no _"],
  ])("what Cloud Tasks refuses is reported before it is asked: %s", (queues, problem) => {
    const read = () => readConfiguration({ ...limited, BATON_QUEUES: queues });
    expect(read).toThrow(problem);
    expect(named(read)).toEqual(["BATON_QUEUES"]);
  });

  test("the highest limits of Cloud Tasks, and those of the embedded engine, are valid", () => {
    expect(readConfiguration({ ...limited, BATON_QUEUES: "documents=5000@500/s" }).queues.size).toBe(1);
    expect(readConfiguration({ BATON_QUEUES: "my_documents=9000@1000/s" }).queues.size).toBe(1);
  });
});

test("function timeout < ack deadline of 600 s < lease", () => {
  const { leaseSeconds, google } = readConfiguration(cloud, { serves: true });
  expect(google?.functionTimeoutSeconds).toBeLessThan(600);
  expect(leaseSeconds).toBeGreaterThan(600);
});

test("every variable is documented", () => {
  const text = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
  const names = Object.keys(EnvironmentSchema.shape);
  expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

describe("the secrets of tasks", () => {
  test("are the variables of their prefix, and no others", () => {
    const { taskSecrets } = readConfiguration({
      BATON_TASK_SECRET_A: "one\n",
      BATON_TASK_SECRET_B: "secret:api-token",
      BATON_TASK_SECRET_C: "projects/p/secrets/c/versions/3",
      BATON_TASK_SECRET_EMPTY: "",
      BATON_PROJECT: "mine",
      OTHER: "no",
    });
    expect(Object.fromEntries(taskSecrets.configured)).toEqual({
      A: "one",
      B: "projects/mine/secrets/api-token/versions/latest",
      C: "projects/p/secrets/c/versions/3",
    });
  });

  test.each([
    ["BATON_TASK_SECRET_", "x"],
    ["BATON_TASK_SECRET_A", "projects/p/secrets/c"],
    ["BATON_TASK_SECRET_A", "secret:"],
    ["BATON_TASK_SECRET_A", "secret:token"],
  ])("%s=%s is wrong", (name, value) => {
    expect(named(() => readConfiguration({ [name]: value }))).toEqual([name]);
  });

  test("a secret in Secret Manager is read once, at its first use; a failed read is repeated", async () => {
    const server = await startSecretManagerServer();
    onTestFinished(() => server.close());
    const secrets = taskSecrets({
      configured: new Map([["A", "projects/p/secrets/a/versions/latest"]]),
      endpoint: server.url,
    });
    await expect(secrets.read("A")).rejects.toMatchObject({ code: "SECRET_UNAVAILABLE" });
    server.add("projects/p/secrets/a", "hush\n");
    expect(await Promise.all([secrets.read("A"), secrets.read("A")])).toEqual(["hush", "hush"]);
    server.add("projects/p/secrets/a", "newer");
    expect(await secrets.read("A")).toBe("hush");
    await expect(secrets.read("B")).rejects.toMatchObject({ code: "SECRET_NOT_CONFIGURED" });
  });
});
