import { expect, test } from "vitest";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { dispatchesPerSecond, formatRate, QueuesSchema } from "../../src/core/queues.ts";
import { functionEnvironment } from "../../src/deployment/function.ts";
import { listResources, planDeployment } from "../../src/deployment/plan.ts";
import { readTarget } from "../../src/deployment/target.ts";

const queues = "websites=4@30/m,documents=2";
const place = { BATON_PROJECT: "my-project", BATON_LOCATION: "europe-west1" };

function plan(environment: Readonly<Record<string, string>> = {}) {
  const target = readTarget({ ...place, ...environment }, {});
  return { target, deployment: planDeployment(target, []) };
}

test("a deployment makes a Cloud Tasks queue for each queue with limits, whether a task names it or not", () => {
  const { deployment } = plan({ BATON_QUEUES: queues });
  const tasks = listResources(deployment, ["infrastructure"]).filter(
    ({ kind }) => kind === "Cloud Tasks queue",
  );
  expect(tasks.map(({ name, purpose }) => [name, purpose])).toEqual([
    ["baton-timers", "delayed messages: retries, sleeps, polls"],
    ["baton-queue-documents", "tasks of the queue documents: 2 at once, without a limit on the rate"],
    ["baton-queue-websites", "tasks of the queue websites: 4 at once, 30/m"],
  ]);
  const topics = listResources(deployment, ["infrastructure"]).filter(({ kind }) => kind === "Pub/Sub topic");
  expect(topics.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["baton-queue-default", "baton-queue-documents", "baton-queue-websites"]),
  );
});

test("the function gets the limits, and the permissions to apply them", () => {
  const { target, deployment } = plan({ BATON_QUEUES: queues });
  const built = { projectNumber: "123" };
  const environment = functionEnvironment(deployment, target, built);
  expect(environment.BATON_QUEUES).toBe(queues);
  const configuration = readConfiguration(environment);
  expect([...configuration.queues.keys()].sort()).toEqual(["documents", "websites"]);
  expect(configuration.google?.callers?.audience).toBe("https://baton-123.europe-west1.run.app");
});

test("a deployment without limits has no queues", () => {
  const { deployment } = plan();
  expect(deployment.queueLimits).toEqual([]);
  expect(
    listResources(deployment, ["infrastructure"]).filter(({ kind }) => kind === "Cloud Tasks queue"),
  ).toHaveLength(1);
});

test.each([
  ["a=1@2/s", "2/s", 2],
  ["a=1@30/m", "30/m", 0.5],
  ["a=1@36/h", "36/h", 0.01],
])("%s begins %s, which is %d a second", (text, written, perSecond) => {
  const settings = QueuesSchema.parse(text).get("a");
  expect(settings?.rate && formatRate(settings.rate)).toBe(written);
  expect(settings && dispatchesPerSecond(settings)).toBe(perSecond);
});

test("without a rate a queue dispatches as fast as Cloud Tasks can", () => {
  expect(dispatchesPerSecond({ concurrency: 2 })).toBe(500);
});
