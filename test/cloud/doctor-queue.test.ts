import { expect, onTestFinished, test } from "vitest";
import { noFaults } from "../servers/kit/faults.ts";
import { failure, serveTestHttp } from "../servers/kit/http-server.ts";
import { deployment } from "./doctor-place.ts";

type QueueOf = (name: string) => object | undefined;

/** A Cloud Tasks that answers for its queues, and for the permissions of its caller. */
async function cloudTasks(queue: object | QueueOf, granted: readonly string[]) {
  const find: QueueOf = typeof queue === "function" ? (queue as QueueOf) : () => queue;
  const server = await serveTestHttp({
    service: "cloud-tasks",
    faults: noFaults,
    handle({ path, body }) {
      const [, name = "", asks] = /^\/v2\/.*\/([^/:]+)(:testIamPermissions)?$/.exec(path) ?? [];
      const found = find(name);
      if (!found) return failure(404, `Queue does not exist: ${name}`);
      if (!asks) return { status: 200, body: { name, ...found } };
      const { permissions } = JSON.parse(body.toString()) as { permissions: readonly string[] };
      return { status: 200, body: { permissions: permissions.filter((one) => granted.includes(one)) } };
    },
  });
  onTestFinished(() => server.close());
  return { CLOUD_TASKS_EMULATOR_HOST: new URL(server.url).host };
}

test("a queue that is paused, gives up soon, and can't be looked into", async () => {
  const { diagnose } = await deployment();
  const retryConfig = { maxAttempts: 3, maxRetryDuration: "60s" };
  const host = await cloudTasks({ state: "PAUSED", retryConfig }, ["cloudtasks.tasks.create"]);
  const findings = await diagnose(host);
  expect(findings.wrong).toEqual([
    "failed tasks.state baton-timers",
    "warning tasks.retry baton-timers",
    "failed tasks.permissions baton-timers",
  ]);
  const place = "--location=europe-west1 --project=test-project";
  expect(findings.of("tasks.state", "baton-timers").commands).toEqual([
    `gcloud tasks queues resume baton-timers ${place}`,
  ]);
  expect(findings.of("tasks.retry", "baton-timers").found).toBe("3 attempts, for 60 s");
  const member = "--member=serviceAccount:baton@test-project.iam.gserviceaccount.com";
  expect(findings.of("tasks.permissions", "baton-timers")).toMatchObject({
    found: expect.stringContaining("lacks cloudtasks.tasks.get"),
    commands: [
      `gcloud tasks queues add-iam-policy-binding baton-timers ${member} --role=roles/cloudtasks.enqueuer ${place}`,
      `gcloud tasks queues add-iam-policy-binding baton-timers ${member} --role=roles/cloudtasks.viewer ${place}`,
    ],
  });
});

test("a queue that runs and tries without end is sound", async () => {
  const { diagnose } = await deployment();
  const granted = ["cloudtasks.tasks.create", "cloudtasks.tasks.get"];
  const host = await cloudTasks({ state: "RUNNING", retryConfig: { maxAttempts: -1 } }, granted);
  const findings = await diagnose(host);
  expect(findings.wrong).toEqual([]);
  expect(findings.unknown).toEqual(["google.credentials application default credentials"]);
});

const granted = ["cloudtasks.tasks.create", "cloudtasks.tasks.get", "cloudtasks.tasks.list"];
const push = "push@test-project.iam.gserviceaccount.com";
const place = "--location=europe-west1 --project=test-project";
const deploy = "npx baton deploy --skip-function --project=test-project --region=europe-west1 --prefix=baton";
const sound = { state: "RUNNING", retryConfig: { maxAttempts: -1 } };
const limited = {
  BATON_AUDIENCE: "https://function.example",
  BATON_QUEUES: "documents=2,imports=4@30/m,websites=3",
};

test("queues with limits exist, run, and have the limits of BATON_QUEUES", async () => {
  const { diagnose } = await deployment();
  const queues: Readonly<Record<string, object>> = {
    "baton-timers": sound,
    "baton-queue-documents": { ...sound, rateLimits: { maxConcurrentDispatches: 2 } },
    "baton-queue-imports": {
      ...sound,
      rateLimits: { maxConcurrentDispatches: 4, maxDispatchesPerSecond: 0.4999 },
    },
    "baton-queue-websites": { ...sound, rateLimits: { maxConcurrentDispatches: 3 } },
  };
  const host = await cloudTasks((name: string) => queues[name], granted);
  const { wrong, unknown, results } = await diagnose({ ...host, ...limited });
  expect(wrong.filter((finding) => / (queues|tasks|configuration)\./.test(finding))).toEqual([]);
  expect(unknown.filter((finding) => /^queues\./.test(finding))).toEqual([]);
  const subjects = results.filter(({ id }) => id === "queues.limits").map(({ subject }) => subject);
  expect(subjects.sort()).toEqual(["baton-queue-documents", "baton-queue-imports", "baton-queue-websites"]);
});

test("a limited queue that is missing, paused, gives up soon, or has other limits, has a remedy", async () => {
  const { diagnose } = await deployment();
  const queues: Readonly<Record<string, object>> = {
    "baton-timers": sound,
    "baton-queue-documents": { ...sound, state: "PAUSED", rateLimits: { maxConcurrentDispatches: 2 } },
    "baton-queue-imports": {
      ...sound,
      retryConfig: { maxAttempts: 3 },
      rateLimits: { maxConcurrentDispatches: 8, maxDispatchesPerSecond: 0.5 },
    },
  };
  const host = await cloudTasks(
    (name: string) => queues[name],
    ["cloudtasks.tasks.create", "cloudtasks.tasks.get"],
  );
  const findings = await diagnose({ ...host, ...limited });
  expect(findings.wrong.filter((finding) => / queues\./.test(finding)).sort()).toEqual([
    "failed queues.permissions baton-queue-documents",
    "failed queues.permissions baton-queue-imports",
    "failed queues.queue baton-queue-websites",
    "failed queues.state baton-queue-documents",
    "warning queues.limits baton-queue-imports",
    "warning queues.retry baton-queue-imports",
  ]);
  expect(findings.of("queues.permissions", "baton-queue-imports").found).toContain(
    "lacks cloudtasks.tasks.list",
  );
  expect(findings.of("queues.retry", "baton-queue-imports")).toMatchObject({
    found: "3 attempts, for any time",
    deployCommand: deploy,
  });
  expect(findings.of("queues.queue", "baton-queue-websites").deployCommand).toBe(deploy);
  expect(findings.of("queues.state", "baton-queue-documents").commands).toEqual([
    `gcloud tasks queues resume baton-queue-documents ${place}`,
  ]);
  expect(findings.of("queues.limits", "baton-queue-imports")).toMatchObject({
    found: "8 at once, 0.5 a second",
    expected: "4 at once, 0.5 a second, as BATON_QUEUES says",
    deployCommand: deploy,
  });
});

test("the caller that creates tasks may let Cloud Tasks act as the account that calls the function", async () => {
  const { diagnose, apis } = await deployment();
  const host = await cloudTasks(sound, granted);
  expect((await diagnose({ ...host, ...limited })).of("queues.account", push).status).toBe("ok");
  apis.denied = ["iam.serviceAccounts.actAs"];
  expect((await diagnose({ ...host, ...limited })).of("queues.account", push)).toMatchObject({
    status: "failed",
    commands: [expect.stringContaining(`add-iam-policy-binding ${push} `)],
  });
});

test("a wrong BATON_QUEUES is reported, and everything else is checked", async () => {
  const { diagnose } = await deployment();
  const host = await cloudTasks(sound, granted);
  const findings = await diagnose({ ...host, BATON_QUEUES: "my_documents=2" });
  expect(findings.wrong).toEqual(["failed configuration.variables BATON_QUEUES"]);
  expect(findings.of("configuration.variables", "BATON_QUEUES")).toMatchObject({
    found: "it is wrong",
    expected: expect.stringContaining("no _"),
  });
  expect(findings.of("tasks.queue", "baton-timers").status).toBe("ok");
});
