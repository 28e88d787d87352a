import { expect, test } from "vitest";
import * as z from "zod";
import { BatonError } from "../../src/core/errors/errors.ts";
import { isRedrivable } from "../../src/core/messages.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { type Duration, TaskError, workflow } from "../../src/index.ts";
import type { OutgoingMessage } from "../../src/ports/broker.ts";
import type { ObjectStore } from "../../src/ports/objects.ts";
import type { Write } from "../../src/ports/store.ts";
import { testApp, untilEnded } from "../support/app.ts";
import { firstTime, statusOf, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";

const flow = workflow("flow")
  .task("before", () => 1)
  .task("ask", (task) => task.waitForCompletion("1h"), { after: ["before"] });

const environment = { BATON_SWEEP: "1h" };

/** Notes what is scheduled. */
function watched(scheduled: OutgoingMessage[]) {
  return (dependencies: Dependencies): Dependencies => ({
    ...dependencies,
    timer: {
      schedule: (message, delayMs) => {
        scheduled.push(message);
        return dependencies.timer.schedule(message, delayMs);
      },
    },
  });
}

function completionOf(batchId: string, completion: { result: string } | { error: string }) {
  const message = { kind: "task", batchId, taskId: "ask", previousTaskId: "ask", completion } as const;
  return { message, deliveryAttempt: 1 };
}

/** The first read misses the stored completion: as if the worker that parked the task had died before it. */
function unseenAtFirst(isFirst: () => boolean) {
  return (dependencies: Dependencies): Dependencies =>
    withStore(dependencies, (store) => ({
      get: async (key) => {
        const snapshot = await store.get(key);
        const isHidden = key.collection === "events" && isFirst();
        return isHidden ? { ...snapshot, document: undefined } : snapshot;
      },
    }));
}

test("an early completion is kept and not posted again, however large it is", async () => {
  const scheduled: OutgoingMessage[] = [];
  const reading = flow.task("read", async (task) => String(await task.parent("ask")).length, {
    after: ["ask"],
  });
  const app = testApp({ workflows: [reading], environment, around: watched(scheduled) });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  const large = "x".repeat(3_000_000);
  expect(await app.deliveries.deliver(completionOf(batchId, { result: large }))).toMatchObject({
    outcome: "done",
  });
  expect(scheduled).toEqual([]);
  app.work.start();
  expect((await untilEnded(app, batchId)).tasks[2]).toMatchObject({ status: "SUCCESS", result: 3_000_000 });
  expect(scheduled.filter(({ message }) => !isRedrivable(message))).toEqual([]);
});

test("a large completion that is sent again and again is one object", async () => {
  let objects: ObjectStore | undefined;
  const app = testApp({
    workflows: [flow],
    environment,
    around: (dependencies) => {
      objects = dependencies.objects;
      return dependencies;
    },
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  const stored = () => objects?.list({ bucket: "results", prefix: batchId }, { limit: 10 });
  const complete = (result: string) => app.deliveries.deliver(completionOf(batchId, { result }));
  for (const text of ["x", "x"]) await complete(text.repeat(100_000));
  expect((await stored())?.objects).toHaveLength(1);
  await complete("y".repeat(100_000));
  expect((await stored())?.objects).toHaveLength(2);
});

test("of several early completions the first stands", async () => {
  const app = testApp({ workflows: [flow], environment });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  for (const completion of [{ error: "refused" }, { result: "yes" }, { error: "refused" }])
    await app.deliveries.deliver(completionOf(batchId, completion));
  app.work.start();
  expect((await untilEnded(app, batchId)).tasks[1]).toMatchObject({
    status: "ERROR",
    error: { code: "TASK_FAILED", message: "refused", retryable: false },
  });
});

test("an early completion is ignored if the task ends without waiting", async () => {
  const failing = workflow("flow").task("ask", () => {
    throw new TaskError("no", { retryable: false });
  });
  const app = testApp({ workflows: [failing], environment });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  await app.deliveries.deliver(completionOf(batchId, { result: "yes" }));
  app.work.start();
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({
    status: "ERROR",
    error: { message: "no" },
  });
});

test("a retry does not take the completion that was kept for the run before it", async () => {
  const app = testApp({ workflows: [flow], environment });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  await app.deliveries.deliver(completionOf(batchId, { error: "refused" }));
  app.work.start();
  await untilEnded(app, batchId);
  const again = await app.engine.retry(batchId);
  await expect
    .poll(async () => (await app.engine.admin.show(again.batchId)).tasks[1])
    .toMatchObject({ status: "WAITING", reason: "completion" });
  await app.deliveries.deliver(completionOf(again.batchId, { result: "now" }));
  expect((await untilEnded(app, again.batchId)).tasks[1]).toMatchObject({ result: "now" });
});

test("a completion received while its task parks ends it at once", async () => {
  const isFirst = firstTime();
  const app = testApp({
    workflows: [flow],
    environment,
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          if (statusOf(writes[0]) === "WAITING" && isFirst())
            await app.deliveries.deliver(completionOf(String(batchId), { result: "meanwhile" }));
          return store.commit(writes);
        },
      })),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  expect((await untilEnded(app, batchId)).tasks[1]).toMatchObject({ result: "meanwhile" });
  expect(isFirst()).toBe(false);
});

test("a completion that is stored while its task parks ends it", async () => {
  const isFirst = firstTime();
  let looks = 0;
  const app = testApp({
    workflows: [flow],
    environment,
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        get: async (key) => {
          const snapshot = await store.get(key);
          if (key.collection === "events") looks += 1;
          return snapshot;
        },
        commit: async (writes) => {
          if (writes[0]?.key.collection === "events" && isFirst()) {
            app.work.start();
            // The worker that parks it looks for a stored completion, and finds none.
            await expect.poll(() => looks).toBe(1);
          }
          return store.commit(writes);
        },
      })),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  await app.deliveries.deliver(completionOf(batchId, { result: "early" }));
  expect((await untilEnded(app, batchId)).tasks[1]).toMatchObject({ result: "early" });
  expect(isFirst()).toBe(false);
});

test("a completion that is kept when the wait is over still counts", async () => {
  const brief = workflow("flow").task("ask", (task) => task.waitForCompletion("10s"), {
    idempotency: { key: { fields: ["id"] } },
  });
  const { app, until, ended } = timedApp({
    workflows: [brief],
    environment,
    around: (dependencies) => ({
      ...dependencies,
      // All looks before the end of the wait are lost.
      timer: {
        schedule: async (message, delayMs) => {
          if (delayMs >= 5_000) await dependencies.timer.schedule(message, delayMs);
        },
      },
    }),
  });
  const start = async () => {
    const started = await app.engine.start({ kind: "start", workflowId: "flow", input: { id: 1 } });
    await until(async () => (await app.engine.admin.show(started.batchId)).tasks[0]?.reason === "completion");
    return started.batchId;
  };
  app.work.start();
  const first = await start();
  await app.engine.admin.executions.unlock("flow/ask?id=1");
  const second = await start();
  await app.deliveries.deliver(completionOf(first, { result: "of the first" }));
  // It is kept while the second holds the lock.
  await app.deliveries.deliver(completionOf(second, { result: "of the second" }));
  expect((await ended(first)).tasks[0]).toMatchObject({
    status: "SUCCESS",
    reason: "already_completed",
    result: "of the second",
  });
});

test("a completion in time counts, also when another call holds the lock for longer than the wait", async () => {
  const brief = workflow("flow", { input: z.object({ id: z.number(), wait: z.custom<Duration>() }) }).task(
    "ask",
    (task) => task.waitForCompletion(task.input.wait),
    { idempotency: { key: { fields: ["id"] } } },
  );
  const { app, clock, until, ended } = timedApp({ workflows: [brief], environment });
  const start = async (wait: string) => {
    const { batchId } = await app.engine.start({
      kind: "start",
      workflowId: "flow",
      input: { id: 1, wait },
      key: wait,
    });
    await until(async () => (await app.engine.admin.show(batchId)).tasks[0]?.reason === "completion");
    return batchId;
  };
  app.work.start();
  const first = await start("10s");
  await app.engine.admin.executions.unlock("flow/ask?id=1");
  const second = await start("1h");
  await app.deliveries.deliver(completionOf(first, { result: "of the first" }));
  await app.deliveries.deliver(completionOf(first, { result: "too late" }));
  const toldAt = clock.now();
  await until(() => clock.now() - toldAt > 30_000);
  await app.deliveries.deliver(completionOf(second, { error: "of the second" }));
  expect((await ended(first)).tasks[0]).toMatchObject({ status: "SUCCESS", result: "of the first" });
});

test("of an early completion and one that finds its task waiting, the first stands", async () => {
  let looks = 0;
  const app = testApp({
    workflows: [flow],
    environment,
    around: unseenAtFirst(() => looks++ === 0),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  await app.deliveries.deliver(completionOf(batchId, { result: "first" }));
  app.work.start();
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[1]?.reason).toBe("completion");
  await expect.poll(() => looks).toBe(1);
  await app.deliveries.deliver(completionOf(batchId, { result: "second" }));
  expect((await untilEnded(app, batchId)).tasks[1]).toMatchObject({ result: "first" });
});

test("the sweep ends a task whose completion is kept and whose messages are lost", async () => {
  const app = testApp({
    workflows: [flow],
    environment,
    around: unseenAtFirst(() => looks++ === 0),
  });
  let looks = 0;
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  await app.deliveries.deliver(completionOf(batchId, { result: "early" }));
  app.work.start();
  await expect.poll(() => looks).toBe(1);
  expect((await app.engine.admin.show(batchId)).tasks[1]).toMatchObject({ status: "WAITING" });
  await app.engine.redrive(batchId);
  expect((await untilEnded(app, batchId)).tasks[1]).toMatchObject({ result: "early" });
});

test("an ending whose first write is applied late is passed on", async () => {
  const isFirst = firstTime();
  let late: readonly Write[] | undefined;
  const reading = flow.task("read", (task) => task.parent("ask"), { after: ["ask"] });
  const app = testApp({
    workflows: [reading],
    environment,
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const [write] = writes;
          if (!write?.key.id.endsWith("/ask") || statusOf(write) !== "SUCCESS") return store.commit(writes);
          if (isFirst()) {
            late = writes;
            throw new BatonError("STORE_FAILED", "no answer");
          }
          if (late) await store.commit(late);
          late = undefined;
          return store.commit(writes);
        },
      })),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[1]?.reason).toBe("completion");
  await app.deliveries.deliver(completionOf(batchId, { result: "yes" }));
  expect((await untilEnded(app, batchId)).tasks[2]).toMatchObject({ status: "SUCCESS", result: "yes" });
});
