import { status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { DispatchQueues } from "../../src/adapters/cloud-tasks/dispatch-queues.ts";
import { taskQueueLimits } from "../../src/adapters/cloud-tasks/task-queue.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import { noFaults } from "../servers/kit/faults.ts";
import { GrpcError, serveGrpc } from "../servers/kit/grpc-server.ts";
import { packagedProtos } from "../servers/kit/packaged-protos.ts";
import { bodyOf, caller, missed, openDispatch, parent, place, queuePath, run } from "./dispatch-place.ts";

/** A queue of one place, which something takes until it is let go. */
async function openTaken() {
  const gate = Promise.withResolvers<number>();
  const place = await openDispatch({
    concurrency: 1,
    answer: ({ message }) => (message.kind === "task" && message.taskId === "first" ? gate.promise : 200),
  });
  const take = async () => {
    await place.queues.publish([run("first")]);
    await expect.poll(place.taskIds).toContain("first");
  };
  const waiting = () => place.server.tasks(queuePath).length - 1;
  return { ...place, take, waiting, letGo: () => gate.resolve(200) };
}

/** Calls by their method, from now on. */
function countCalls({ server }: Pick<Awaited<ReturnType<typeof openDispatch>>, "server">) {
  const calls: Record<string, number> = {};
  server.setFaults(({ method }) => {
    calls[method] = (calls[method] ?? 0) + 1;
    return undefined;
  });
  return calls;
}

test("a task that was dispatched more often than it has names waits once, after any number of sweeps", async () => {
  const place = await openTaken();
  const { queues, server, waiting, take, letGo, taskIds } = place;
  for (let begin = 0; begin < taskQueueLimits.numberedTaskNames; begin += 1) {
    await queues.publish([run("t")]);
    await server.idle();
  }
  await take();
  for (let look = 0; look < 4; look += 1) await queues.publish([missed("t")]);
  expect(waiting()).toBe(1);
  letGo();
  await server.idle();
  expect(taskIds().filter((taskId) => taskId === "t")).toHaveLength(taskQueueLimits.numberedTaskNames + 1);
});

test("a delayed task that is due and waits in the queue is not added again", async () => {
  const { queues, server, waiting, take, letGo } = await openTaken();
  await take();
  await queues.schedule(run("t"), 1);
  server.runDueNow();
  for (let look = 0; look < 3; look += 1) await queues.publish([missed("t")]);
  expect(waiting()).toBe(1);
  letGo();
  await server.idle();
});

test("a failed message that waits for its retry is not queued again, however long its pause", async () => {
  const place = await openDispatch({
    answer: ({ deliveryAttempt }) => (deliveryAttempt === 1 ? 503 : 200),
    backoffSeconds: 10 * taskQueueLimits.dueSoonSeconds,
  });
  const { queues, server, deliveries } = place;
  await queues.publish([run("t")]);
  await expect.poll(() => server.tasks(queuePath).map(({ failures }) => failures)).toEqual([1]);
  for (let look = 0; look < 3; look += 1) await queues.publish([missed("t")]);
  expect(server.meter.of("tasks_created")).toBe(1);
  server.runDueNow();
  await server.idle();
  expect(deliveries.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([1, 2]);
});

test("a task that is due later does not replace one that should run: its wait may have ended", async () => {
  const { queues, server, taskIds } = await openDispatch();
  await queues.schedule(run("t"), 3_600_000);
  await queues.publish([missed("t")]);
  await expect.poll(taskIds).toEqual(["t"]);
  expect(server.tasks(queuePath)).toHaveLength(1);
});

test("a message that is no longer in the queue is queued again", async () => {
  const { queues, server, taskIds } = await openDispatch();
  await queues.publish([run("t")]);
  await server.idle();
  await queues.publish([missed("t"), missed("u")]);
  await server.idle();
  expect(taskIds().sort()).toEqual(["t", "t", "u"]);
});

test("a look at a line costs a list for each thousand that wait, and creates nothing", async () => {
  const place = await openTaken();
  const { queues, take, waiting, letGo, server } = place;
  await take();
  const ids = Array.from({ length: taskQueueLimits.queuedTasksPage + 1 }, (_, index) => `t${index}`);
  await queues.publish(ids.map((taskId) => run(taskId)));
  expect(waiting()).toBe(ids.length);
  const calls = countCalls(place);
  await queues.publish(ids.map((taskId) => missed(taskId)));
  expect(calls).toEqual({ ListTasks: Math.ceil((ids.length + 1) / taskQueueLimits.queuedTasksPage) });
  letGo();
  await server.idle();
});

test("a first publish does not list the queue", async () => {
  const place = await openDispatch();
  const calls = countCalls(place);
  await place.queues.publish([run("t"), run("u")]);
  expect(calls).toEqual({ CreateTask: 2 });
});

test("a missing queue does not delay the others, however often its messages are published again", async () => {
  const { queues, server, taskIds } = await openDispatch();
  const bad = Array.from({ length: 2 * taskQueueLimits.parallelTaskCreations }, (_, index) =>
    run(`b${index}`, "gone"),
  );
  await expect(queues.publish([...bad, run("t"), run("u")])).rejects.toMatchObject({
    code: "QUEUE_MISSING",
    where: `${parent}/queues/baton-queue-gone`,
  });
  await expect(queues.publish([missed("b", "gone"), missed("v")])).rejects.toMatchObject({
    code: "QUEUE_MISSING",
  });
  await server.idle();
  expect(taskIds().sort()).toEqual(["t", "u", "v"]);
});

test("a queue that may not be looked through is named", async () => {
  const refuse = () => {
    throw new GrpcError(status.PERMISSION_DENIED, "not like this");
  };
  const protos = packagedProtos("@google-cloud/tasks", "build/protos/protos.json");
  const service = "google.cloud.tasks.v2.CloudTasks";
  const denying = await serveGrpc([{ service, protos, handlers: { ListTasks: refuse } }], noFaults);
  const queues = new DispatchQueues(
    { ...place, emulatorHost: denying.host, functionUrl: "https://function.example", caller },
    systemClock,
    bodyOf,
  );
  onTestFinished(async () => {
    await queues.close();
    await denying.close();
  });
  await expect(queues.publish([missed("t")])).rejects.toMatchObject({
    code: "QUEUE_DENIED",
    where: queuePath,
  });
});
