import type { CloudTasksClient } from "@google-cloud/tasks";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cloudTasksClient } from "./cloud-tasks/client.ts";
import { type CloudTasksServer, startCloudTasksServer } from "./cloud-tasks/server.ts";
import { type Endpoint, startEndpoint } from "./kit/endpoint.ts";
import type { Fault } from "./kit/faults.ts";

const location = "projects/p/locations/l";
const parent = `${location}/queues/later`;
const name = `${parent}/tasks/the-task`;
let endpoint: Endpoint;
let server: CloudTasksServer;
let client: CloudTasksClient;

beforeEach(async () => {
  endpoint = await startEndpoint();
  server = await startCloudTasksServer();
  client = cloudTasksClient(server);
  await client.createQueue({ parent: location, queue: { name: parent } });
});

afterEach(async () => {
  await client.close();
  await server.close();
  await endpoint.close();
});

const seconds = (fromNow: number) => ({ seconds: Math.floor(Date.now() / 1_000) + fromNow });
const inAnHour = () => ({ name, httpRequest: { url: endpoint.url }, scheduleTime: seconds(3_600) });

test("A queue exists once, with Google's defaults", async () => {
  const [queue] = await client.getQueue({ name: parent });
  expect(queue).toMatchObject({
    rateLimits: { maxDispatchesPerSecond: 500, maxBurstSize: 100, maxConcurrentDispatches: 1_000 },
    retryConfig: {
      maxAttempts: 100,
      minBackoff: { nanos: 1e8 },
      maxBackoff: { seconds: "3600" },
      maxDoublings: 16,
    },
  });
  expect(server.queues()).toEqual([parent]);
  await expect(client.createQueue({ parent: location, queue: { name: parent } })).rejects.toMatchObject({
    code: status.ALREADY_EXISTS,
  });
});

test("A task of a queue that is missing is not found", async () => {
  const missing = `${location}/queues/missing`;
  await expect(
    client.createTask({ parent: missing, task: { httpRequest: { url: endpoint.url } } }),
  ).rejects.toMatchObject({ code: status.NOT_FOUND });
});

test("A pending task can be read, listed and deleted", async () => {
  const [created] = await client.createTask({ parent, task: inAnHour() });
  const [unnamed] = await client.createTask({
    parent,
    task: { httpRequest: { url: endpoint.url, body: Buffer.from("x") }, scheduleTime: seconds(60) },
  });
  expect(created.name).toBe(name);
  expect(unnamed.name).toMatch(new RegExp(`^${parent}/tasks/\\d+$`));
  const [full] = await client.getTask({ name: unnamed.name ?? "", responseView: "FULL" });
  expect(String(full.httpRequest?.body)).toBe("x");
  const [listed] = await client.listTasks({ parent });
  expect(listed.map((task) => task.name).toSorted()).toEqual([name, unnamed.name].toSorted());
  expect(server.tasks(parent).map((task) => task.name)).toEqual([name, unnamed.name]);
  await client.deleteTask({ name });
  await expect(client.getTask({ name })).rejects.toMatchObject({ code: status.NOT_FOUND });
  await expect(client.deleteTask({ name })).rejects.toMatchObject({ code: status.NOT_FOUND });
  expect(server.meter.all()).toEqual({ tasks_created: 2 });
});

test.each(["pending", "done", "deleted"])("The name of a task that is %s is taken", async (state) => {
  await client.createTask({ parent, task: inAnHour() });
  if (state === "done") {
    expect(server.runDueNow()).toBe(1);
    await server.idle();
    expect(endpoint.calls.length).toBe(1);
  }
  if (state === "deleted") await client.deleteTask({ name });
  await expect(client.createTask({ parent, task: inAnHour() })).rejects.toMatchObject({
    code: status.ALREADY_EXISTS,
  });
  expect(server.meter.of("tasks_created")).toBe(1);
});

test("A name is free again when its tombstone is gone, and only then", async () => {
  const own = await startCloudTasksServer({ clockScale: 50, tombstoneSeconds: 10 });
  const ownClient = cloudTasksClient(own);
  await ownClient.createQueue({ parent: location, queue: { name: parent } });
  await ownClient.createTask({ parent, task: inAnHour() });
  const beforeDeletion = performance.now();
  await ownClient.deleteTask({ name });
  const create = () =>
    ownClient.createTask({ parent, task: inAnHour() }).then(
      () => "created",
      (error: { code: number }) => error.code,
    );
  await expect.poll(create).toBe("created");
  expect(performance.now() - beforeDeletion).toBeGreaterThanOrEqual(10_000 / 50);
  await ownClient.close();
  await own.close();
});

test.each([
  ["no request", {}],
  ["a URL that is none", { httpRequest: { url: "here" } }],
  [
    "a time over 30 days ahead",
    { httpRequest: { url: "http://a" }, scheduleTime: seconds(30 * 86_400 + 60) },
  ],
  ["over 100 KB", { httpRequest: { url: "http://a", body: Buffer.alloc(102_401) } }],
  ["a name with other letters", { name: `${parent}/tasks/a.b`, httpRequest: { url: "http://a" } }],
  ["a long name", { name: `${parent}/tasks/${"a".repeat(501)}`, httpRequest: { url: "http://a" } }],
  ["another queue's name", { name: `${location}/queues/other/tasks/a`, httpRequest: { url: "http://a" } }],
  ["a deadline of a second", { httpRequest: { url: "http://a" }, dispatchDeadline: { seconds: 1 } }],
  ["a body on GET", { httpRequest: { url: "http://a", httpMethod: "GET" as const, body: Buffer.from("x") } }],
])("A task with %s is refused", async (_, task) => {
  await expect(client.createTask({ parent, task })).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  expect(server.tasks(parent)).toEqual([]);
});

test("The furthest time and the largest body are accepted", async () => {
  const scheduleTime = seconds(30 * 86_400 - 60);
  const body = Buffer.alloc(102_000);
  await client.createTask({ parent, task: { httpRequest: { url: "http://a", body }, scheduleTime } });
  expect(server.tasks(parent).length).toBe(1);
});

test.each<[Fault, number, number | undefined]>([
  [{ kind: "not_sent" }, 0, status.UNAVAILABLE],
  [{ kind: "reply_lost" }, 1, status.UNAVAILABLE],
  [{ kind: "error_after" }, 1, status.INTERNAL],
  [{ kind: "slow", delayMs: 50 }, 1, undefined],
  [{ kind: "duplicated" }, 1, status.ALREADY_EXISTS],
])(
  "Creating a named task with the fault %o leaves %i tasks; the caller gets %s",
  async (fault, count, code) => {
    server.setFaults(({ method }) => (method === "CreateTask" ? fault : undefined));
    const creating = client.createTask({ parent, task: inAnHour() });
    const answer = await creating.then(
      () => undefined,
      (error: { code: number }) => error.code,
    );
    expect(answer).toBe(code);
    expect(server.tasks(parent).length).toBe(count);
    expect(server.meter.of("tasks_created")).toBe(count);
  },
);
