import type { CloudTasksClient } from "@google-cloud/tasks";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterEach, expect, test } from "vitest";
import { cloudTasksClient } from "./cloud-tasks/client.ts";
import {
  type CloudTasksServer,
  type CloudTasksServerOptions,
  startCloudTasksServer,
} from "./cloud-tasks/server.ts";
import { backoffMs } from "./cloud-tasks/settings.ts";
import { startEndpoint } from "./kit/endpoint.ts";
import { Timeline } from "./kit/timeline.ts";
import { startTokenIssuer } from "./oidc/issuer.ts";
import { startPubSubServer } from "./pubsub/server.ts";

const location = "projects/p/locations/l";
const parent = `${location}/queues/later`;
const serviceAccountEmail = "tasks@p.iam.gserviceaccount.com";

type QueueSettings = NonNullable<Parameters<CloudTasksClient["createQueue"]>[0]>["queue"];

let closing: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const open of closing.reverse()) await open.close();
  closing = [];
});

function closed<Open extends { close(): Promise<void> }>(open: Open): Open {
  closing.push(open);
  return open;
}

async function start(
  options: CloudTasksServerOptions = {},
  queue: QueueSettings = {},
): Promise<{ server: CloudTasksServer; client: CloudTasksClient }> {
  const server = closed(await startCloudTasksServer(options));
  const client = closed(cloudTasksClient(server));
  await client.createQueue({ parent: location, queue: { name: parent, ...queue } });
  return { server, client };
}

const inSeconds = (count: number) => {
  const milliseconds = Date.now() + count * 1_000;
  return { seconds: Math.floor(milliseconds / 1_000), nanos: (milliseconds % 1_000) * 1e6 };
};

test("A task is dispatched with its method, body and headers, and those of Cloud Tasks", async () => {
  const oidc = closed(await startTokenIssuer());
  const endpoint = closed(await startEndpoint());
  const { server, client } = await start({ oidc });
  const name = `${parent}/tasks/a-1`;
  await client.createTask({
    parent,
    task: {
      name,
      httpRequest: {
        url: `${endpoint.url}/run?x=1`,
        httpMethod: "PUT",
        headers: { "Content-Type": "application/json", "X-Mine": "yes", "Content-Length": "1" },
        body: Buffer.from('{"a":1}'),
        oidcToken: { serviceAccountEmail, audience: "baton" },
      },
    },
  });
  await server.idle();
  const [call] = endpoint.calls;
  expect(call).toMatchObject({
    method: "PUT",
    path: "/run",
    headers: {
      "content-type": "application/json",
      "x-mine": "yes",
      "x-cloudtasks-queuename": "later",
      "x-cloudtasks-taskname": "a-1",
      "x-cloudtasks-taskretrycount": "0",
    },
  });
  expect(call?.query.get("x")).toBe("1");
  expect(String(call?.body)).toBe('{"a":1}');
  const token = call?.headers.authorization?.replace(/^Bearer /, "") ?? "";
  const keys = createRemoteJWKSet(new URL(oidc.jwksUrl));
  const { payload } = await jwtVerify(token, keys, { issuer: oidc.issuer, audience: "baton" });
  expect(payload.email).toBe(serviceAccountEmail);
  expect(server.meter.all()).toEqual({ task_dispatches: 1, tasks_created: 1 });
});

test("A task publishes to Pub/Sub with the OAuth token that it was given", async () => {
  const pubsub = closed(await startPubSubServer());
  const { server, client } = await start();
  const url = `${pubsub.restUrl}/v1/projects/p/topics/work:publish`;
  const body = Buffer.from(JSON.stringify({ messages: [{ data: btoa("later") }] }));
  await client.createTask({
    parent,
    task: {
      httpRequest: {
        url,
        body,
        headers: { "Content-Type": "application/json" },
        oauthToken: { serviceAccountEmail },
      },
    },
  });
  // The topic is missing: Pub/Sub refuses, and the task stays.
  await expect.poll(() => server.tasks(parent)[0]?.previousResponse).toBe(404);
  process.env.PUBSUB_EMULATOR_HOST = pubsub.host;
  const { PubSub } = await import("@google-cloud/pubsub");
  const publisher = closed(new PubSub({ projectId: "p" }));
  await publisher.createTopic("work");
  await server.idle();
  expect(pubsub.published().map(({ data }) => String(data))).toEqual(["later"]);
});

test("A task is dispatched at its time, never earlier", async () => {
  const endpoint = closed(await startEndpoint());
  const { server, client } = await start({ clockScale: 50 });
  const createdAt = performance.now();
  await client.createTask({
    parent,
    task: { httpRequest: { url: endpoint.url }, scheduleTime: inSeconds(20) },
  });
  await server.idle();
  expect(performance.now() - createdAt).toBeGreaterThanOrEqual(20_000 / 50 - 20);
  expect(endpoint.calls.length).toBe(1);
});

test("Only the tasks that are due within the time that is asked for are run at once", async () => {
  const endpoint = closed(await startEndpoint());
  const { server, client } = await start();
  for (const seconds of [60, 600, 6_000]) {
    const scheduleTime = inSeconds(seconds);
    await client.createTask({ parent, task: { httpRequest: { url: endpoint.url }, scheduleTime } });
  }
  expect(server.runDueNow(1_000_000)).toBe(2);
  await expect.poll(() => server.tasks(parent).length).toBe(1);
  expect(endpoint.calls.length).toBe(2);
});

test("Anything but 2xx is retried, with the count of retries, until the attempts are used up", async () => {
  const endpoint = closed(await startEndpoint((_, index) => [500, 302, 404, 429][index] ?? 500));
  const retryConfig = { maxAttempts: 4, minBackoff: { seconds: 1 }, maxBackoff: { seconds: 2 } };
  const { server, client } = await start({ clockScale: 20 }, { retryConfig });
  const createdAt = performance.now();
  await client.createTask({
    parent,
    task: { name: `${parent}/tasks/t`, httpRequest: { url: endpoint.url } },
  });
  await server.idle();
  expect(endpoint.calls.map(({ headers }) => headers["x-cloudtasks-taskretrycount"])).toEqual([
    "0",
    "1",
    "2",
    "3",
  ]);
  expect(endpoint.calls.map(({ headers }) => headers["x-cloudtasks-taskpreviousresponse"])).toEqual([
    undefined,
    "500",
    "302",
    "404",
  ]);
  expect(performance.now() - createdAt).toBeGreaterThanOrEqual((1_000 + 2_000 + 2_000) / 20 - 5);
  expect(server.meter.of("task_dispatches")).toBe(4);
});

test("An endpoint that is down, or answers after the deadline, gets the task again", async () => {
  const first = await startEndpoint();
  await first.close();
  const { server, client } = await start({ clockScale: 10 });
  const dispatchDeadline = { seconds: 15 };
  await client.createTask({ parent, task: { httpRequest: { url: first.url }, dispatchDeadline } });
  await expect.poll(() => server.tasks(parent)[0]?.failures).toBeGreaterThan(1);
  const never = new Promise<number>(() => {});
  const second = closed(await startEndpoint((_, index) => (index === 0 ? never : 200), first.port));
  await server.idle();
  expect(second.calls.length).toBe(2);
});

test("A task that is deleted while it waits for its retry is not dispatched again", async () => {
  const endpoint = closed(await startEndpoint(() => 500));
  const { server, client } = await start({}, { retryConfig: { minBackoff: { seconds: 60 } } });
  const name = `${parent}/tasks/t`;
  await client.createTask({ parent, task: { name, httpRequest: { url: endpoint.url } } });
  await expect.poll(() => server.tasks(parent)[0]?.failures).toBe(1);
  await client.deleteTask({ name });
  expect(server.runDueNow()).toBe(0);
  await server.idle();
  expect(endpoint.calls.length).toBe(1);
});

test("Pauses double, then grow by steps, up to the most", () => {
  const config = {
    maxAttempts: -1,
    maxRetryDurationMs: 0,
    minBackoffMs: 10,
    maxBackoffMs: 300,
    maxDoublings: 3,
  };
  const pauses = [1, 2, 3, 4, 5, 6, 7, 8].map((failures) => backoffMs(config, failures));
  expect(pauses).toEqual([10, 20, 40, 80, 160, 240, 300, 300]);
});

test("A queue keeps to its concurrency", async () => {
  let running = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  const endpoint = closed(
    await startEndpoint(async () => {
      most = Math.max(most, ++running);
      if (running === 3) gate.resolve();
      await gate.promise;
      running--;
      return 200;
    }),
  );
  const { server, client } = await start({}, { rateLimits: { maxConcurrentDispatches: 3 } });
  const task = { httpRequest: { url: endpoint.url } };
  await Promise.all(Array.from({ length: 20 }, () => client.createTask({ parent, task })));
  await server.idle();
  expect(endpoint.calls.length).toBe(20);
  expect(most).toBe(3);
});

test("A queue keeps to its rate after the first burst", async () => {
  const endpoint = closed(await startEndpoint());
  const { server, client } = await start({}, { rateLimits: { maxDispatchesPerSecond: 20 } });
  const createdAt = performance.now();
  const task = { httpRequest: { url: endpoint.url } };
  await Promise.all(Array.from({ length: 20 }, () => client.createTask({ parent, task })));
  await server.idle();
  // A burst of 10, then one each 50 ms.
  expect(performance.now() - createdAt).toBeGreaterThanOrEqual(10 * 50 - 10);
});

test("Tens of thousands of times are kept in order with one timer", async () => {
  const timeline = new Timeline(1_000);
  const fired: number[] = [];
  const done = Promise.withResolvers<void>();
  const stops: (() => void)[] = [];
  const startMs = timeline.elapsedMs();
  for (let index = 0; index < 30_000; index++) {
    const delayMs = (index * 7_919) % 30_000;
    stops[delayMs] = timeline.at(startMs + 50_000 + delayMs, () => {
      expect(timeline.elapsedMs()).toBeGreaterThanOrEqual(startMs + 50_000 + delayMs);
      fired.push(delayMs);
      if (delayMs === 29_999) done.resolve();
    });
  }
  for (let delayMs = 0; delayMs < 30_000; delayMs += 3) stops[delayMs]?.();
  await done.promise;
  timeline.close();
  const kept = Array.from({ length: 30_000 }, (_, delayMs) => delayMs).filter((delayMs) => delayMs % 3 !== 0);
  expect(fired).toEqual(kept);
});
