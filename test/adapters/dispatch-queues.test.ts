import { status } from "@grpc/grpc-js";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { describe, expect, onTestFinished, test } from "vitest";
import { DispatchQueues } from "../../src/adapters/cloud-tasks/dispatch-queues.ts";
import { taskQueueLimits } from "../../src/adapters/cloud-tasks/task-queue.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import { type Fault, noFaults } from "../servers/kit/faults.ts";
import { GrpcError, serveGrpc } from "../servers/kit/grpc-server.ts";
import { packagedProtos } from "../servers/kit/packaged-protos.ts";
import {
  bodyOf,
  caller,
  missed,
  openDispatch as open,
  parent,
  place,
  queuePath,
  run,
  runs,
} from "./dispatch-place.ts";

test("a task calls the function as a push does: with the message, its seal, and a token of the caller", async () => {
  const { queues, server, endpoint, issuer, deliveries } = await open();
  const before = Date.now();
  await queues.publish([run("t")]);
  await expect.poll(() => deliveries.length).toBe(1);
  // What the engine alone may say is believed.
  expect(deliveries[0]?.message).toEqual(run("t").message);
  expect(deliveries[0]?.deliveryAttempt).toBe(1);
  expect(deliveries[0]?.queue).toBe("documents");
  expect(deliveries[0]?.publishedAt).toBeGreaterThanOrEqual(before);
  const token = String(endpoint.calls[0]?.headers.authorization).replace("Bearer ", "");
  const keys = createRemoteJWKSet(new URL(issuer.jwksUrl));
  const { payload } = await jwtVerify(token, keys, { audience: endpoint.url });
  expect(payload.email).toBe(caller);
  await server.idle();
});

test("its deadline is that of a push: longer than a function may run, shorter than a lease", async () => {
  const { queues, server } = await open();
  await queues.schedule(run("t"), 60_000);
  expect(server.tasks(queuePath).map(({ deadlineMs }) => deadlineMs)).toEqual([600_000]);
});

test("a message that the function refuses is redelivered with its attempt number", async () => {
  let refusals = 2;
  const { queues, deliveries } = await open({ answer: () => (refusals-- > 0 ? 503 : 200) });
  await queues.publish([run("t")]);
  await expect.poll(() => deliveries.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([1, 2, 3]);
});

test("what waits in the queue is not put there again, however often it is published", async () => {
  const gate = Promise.withResolvers<number>();
  const { queues, server, taskIds } = await open({ concurrency: 1, answer: () => gate.promise });
  await queues.publish([run("first")]);
  await expect.poll(taskIds).toEqual(["first"]);
  for (let look = 0; look < 3; look += 1) await queues.publish([run("second"), run("third")]);
  expect(server.meter.of("tasks_created")).toBe(3);
  gate.resolve(200);
  await server.idle();
  expect(taskIds().sort()).toEqual(["first", "second", "third"]);
});

test.each([
  ["to an address that the function has no more", { functionUrl: "https://moved.example" }],
  ["in the name of an account that may not call it any more", { caller: "other@p.iam.gserviceaccount.com" }],
])("a call that waits %s does not replace one that can be delivered", async (_, before) => {
  const { queues, server, endpoint } = await open();
  const now = { ...place, emulatorHost: server.host, functionUrl: endpoint.url, caller };
  const earlier = new DispatchQueues({ ...now, ...before }, systemClock, bodyOf);
  onTestFinished(() => earlier.close());
  for (const broker of [earlier, queues]) await broker.schedule(run("t"), 30_000);
  expect(server.meter.of("tasks_created")).toBe(2);
  // Neither does it for the sweep.
  await earlier.schedule(run("u"), 30_000);
  await queues.publish([missed("u")]);
  expect(server.meter.of("tasks_created")).toBe(4);
});

test("a message that is being handled may be published again, and is delivered once more", async () => {
  const gate = Promise.withResolvers<number>();
  const { queues, server, taskIds } = await open({ answer: () => gate.promise });
  await queues.publish([run("t")]);
  await expect.poll(taskIds).toEqual(["t"]);
  await queues.publish([run("t")]);
  gate.resolve(200);
  await server.idle();
  expect(taskIds()).toEqual(["t", "t"]);
});

test("a delivered message can be published again more often than it has names", async () => {
  const { queues, server, taskIds } = await open();
  const times = taskQueueLimits.numberedTaskNames + 3;
  for (let time = 0; time < times; time += 1) {
    await queues.publish([run("t")]);
    await server.idle();
  }
  expect(taskIds()).toHaveLength(times);
});

test("a delayed message waits in the same queue, once, however often it is scheduled for that moment", async () => {
  const now = Date.now();
  const { queues, server, deliveries } = await open({ clock: { ...systemClock, now: () => now } });
  await Promise.all(Array.from({ length: 5 }, () => queues.schedule(run("held"), 60_000)));
  expect(server.tasks(queuePath)).toHaveLength(1);
  expect(server.tasks(queuePath)[0]?.scheduledAt).toBeGreaterThanOrEqual(now + 60_000);
  server.runDueNow();
  await server.idle();
  expect(deliveries).toHaveLength(1);
  // It counts as published when it was due.
  expect(deliveries[0]?.publishedAt).toBe(Math.ceil((now + 60_000) / 1_000) * 1_000);
  await queues.schedule(run("held"), 60_000);
  expect(server.tasks(queuePath)).toHaveLength(1);
});

test("all of a thousand messages are delivered, with a limited number of requests at the same time", async () => {
  const { queues, server, taskIds } = await open();
  const delayMs = 400;
  const arrivals: number[] = [];
  server.setFaults(({ method }) => {
    if (method !== "CreateTask") return undefined;
    arrivals.push(performance.now());
    return arrivals.length <= 2 * taskQueueLimits.parallelTaskCreations
      ? { kind: "slow", delayMs }
      : undefined;
  });
  await queues.publish(runs(1_000));
  // None has its answer before the first one can have it.
  const [first = 0] = arrivals;
  const together = arrivals.filter((at) => at < first + delayMs - 20);
  expect(together.length).toBeLessThanOrEqual(taskQueueLimits.parallelTaskCreations);
  expect(together.length).toBeGreaterThan(1);
  await server.idle();
  expect(new Set(taskIds()).size).toBe(1_000);
});

const faults: readonly Fault[] = [
  { kind: "not_sent" },
  { kind: "reply_lost" },
  { kind: "error_after" },
  { kind: "duplicated" },
  { kind: "slow", delayMs: 50 },
];

describe.each(faults)("under the fault $kind", (fault) => {
  test("every message is delivered", async () => {
    const { queues, server, taskIds } = await open();
    server.setFaults(({ index }) => (index % 5 === 0 ? fault : undefined));
    await queues.publish(runs(60));
    await queues.schedule(run("later"), 100);
    await server.idle();
    expect(new Set(taskIds()).size).toBe(61);
  });
});

describe("a queue that can't be used is named, with what to do", () => {
  test("one that is missing", async () => {
    const { queues, server } = await open();
    let calls = 0;
    server.setFaults(({ method }) => {
      if (method === "CreateTask") calls += 1;
      return undefined;
    });
    const many = Array.from({ length: 500 }, (_, index) => run(`t${index}`, "unknown"));
    await expect(queues.publish(many)).rejects.toMatchObject({
      code: "QUEUE_MISSING",
      where: `${parent}/queues/baton-queue-unknown`,
      remedy: expect.stringContaining("baton deploy"),
    });
    // The others are not tried.
    expect(calls).toBeLessThanOrEqual(taskQueueLimits.parallelTaskCreations);
  });

  test.each([
    ["QUEUE_DENIED", status.PERMISSION_DENIED],
    ["QUEUE_FAILED", status.INVALID_ARGUMENT],
  ])("%s", async (code, answer) => {
    const refuse = () => {
      throw new GrpcError(answer, "not like this");
    };
    const protos = packagedProtos("@google-cloud/tasks", "build/protos/protos.json");
    const service = "google.cloud.tasks.v2.CloudTasks";
    const server = await serveGrpc([{ service, protos, handlers: { CreateTask: refuse } }], noFaults);
    const queues = new DispatchQueues(
      { ...place, emulatorHost: server.host, functionUrl: "https://function.example", caller },
      systemClock,
      () => Buffer.from("{}"),
    );
    onTestFinished(async () => {
      await queues.close();
      await server.close();
    });
    await expect(queues.publish([run("t")])).rejects.toMatchObject({ code, where: queuePath });
    await expect(queues.schedule(run("t"), 1_000)).rejects.toMatchObject({ code });
  });
});
