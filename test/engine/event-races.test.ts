import { expect, test } from "vitest";
import { workflow } from "../../src/index.ts";
import type { OutgoingMessage } from "../../src/ports/broker.ts";
import { testApp, untilEnded } from "../support/app.ts";
import { chaosApp } from "../support/chaos.ts";
import { firstTime, statusOf, undoTurn, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";
import { started, waits } from "./event-flow.ts";

test("an event received just before the timeout counts, although it woke no task", async () => {
  const { app, start, ended } = timedApp({
    workflows: [waits("10m")],
    environment: { BATON_SWEEP: "1h" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        // The receiver of the event dies before it wakes the task.
        query: async (collection, conditions, options) => {
          if (isDying && collection === "taskLogs") throw new Error("died");
          return store.query(collection, conditions, options);
        },
      })),
  });
  let isDying = false;
  app.work.start();
  const batchId = await start("flow");
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[0]?.reason).toBe("event");
  isDying = true;
  const event = app.engine.receiveEvent({ kind: "event", batchId, event: "approved", payload: "in time" });
  await expect(event).rejects.toThrow("died");
  isDying = false;
  expect((await ended(batchId, 700)).tasks[0]).toMatchObject({ status: "SUCCESS", result: "in time" });
});

test("an event received between the check and the parking wakes the task", async () => {
  const isFirst = firstTime();
  const app = testApp({
    workflows: [waits("1d")],
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          if (statusOf(writes[0]) === "WAITING" && isFirst()) await run.send("approved", "staged");
          return store.commit(writes);
        },
      })),
  });
  const run = await started(app);
  expect((await untilEnded(app, run.batchId)).tasks[0]).toMatchObject({
    status: "SUCCESS",
    result: "staged",
  });
  expect(isFirst()).toBe(false);
});

test("of two events side by side, the second too is noticed between the look and the parking", async () => {
  const isFirst = firstTime();
  const order: string[] = [];
  const flow = workflow("flow").task("work", async ({ step }) => {
    const branch = async (name: string) => {
      await step.waitForEvent(name, { timeout: "1d" });
      await step(`after ${name}`, () => void order.push(name));
    };
    await Promise.all([branch("one"), branch("two")]);
  });
  const app = testApp({
    workflows: [flow],
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          if (statusOf(writes[0]) === "WAITING" && isFirst()) await run.send("two");
          return store.commit(writes);
        },
      })),
  });
  const run = await started(app);
  await expect.poll(() => order).toEqual(["two"]);
  await run.send("one");
  expect((await untilEnded(app, run.batchId)).status).toBe("SUCCESS");
  expect(order).toEqual(["two", "one"]);
});

test("an event whose storing is undone is delivered again, and not lost", async () => {
  const isFirst = firstTime();
  const app = testApp({
    workflows: [waits()],
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const committed = await store.commit(writes);
          if (writes[0]?.key.collection === "events" && isFirst()) undoTurn(app);
          return committed;
        },
      })),
  });
  const { batchId, waiting } = await started(app);
  await waiting().toEqual(["event"]);
  const message = { kind: "event", batchId, event: "approved", payload: "kept" } as const;
  // On disk before it is handed out: undone with what its handler writes, it would never have been published.
  await app.engine.durably(() => app.broker.schedule({ queue: "$control", message }, 50));
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({ status: "SUCCESS", result: "kept" });
  expect(isFirst()).toBe(false);
});

test.each([1, 2, 3])(
  "a hundred waits and their events, every message twice and in random order: each continues once (seed %i)",
  async (seed) => {
    const calls: string[] = [];
    const flow = workflow("flow").task("work", async ({ step, batchId }) => {
      const got = await step.waitForEvent("approved", { timeout: "1h" });
      await step("after", () => void calls.push(batchId));
      return got;
    });
    const app = chaosApp(flow, { seed, copies: 2, concurrency: 40 });
    const batches = await Promise.all(
      Array.from({ length: 100 }, () => app.engine.start({ kind: "start", workflowId: "flow" })),
    );
    const send = (batchId: string, payload: number) =>
      app.deliveries.deliver({
        message: { kind: "event", batchId, event: "approved", payload },
        deliveryAttempt: 1,
      });
    // Some before the wait, some after, some at once with it.
    await Promise.all(batches.slice(0, 50).map(({ batchId }) => send(batchId, 1)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await Promise.all(
      batches.flatMap(({ batchId }, index) => [send(batchId, index < 50 ? 2 : 1), send(batchId, 3)]),
    );
    for (const { batchId } of batches) {
      const view = await untilEnded(app, batchId);
      expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1, result: 1 });
    }
    expect(calls.toSorted()).toEqual(batches.map(({ batchId }) => batchId).toSorted());
  },
);

test("a worker that dies between parking and its second look leaves the event to the sweep", async () => {
  let looks = 0;
  const app = testApp({
    workflows: [waits()],
    environment: { BATON_SWEEP: "100ms" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        get: async (key) => {
          const found = await store.get(key);
          // The task reads before and after it parks: the event is not stored yet, or the worker has died.
          if (key.collection === "events" && ++looks <= 2) return { ...found, document: undefined };
          return found;
        },
      })),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  await app.engine.receiveEvent({ kind: "event", batchId, event: "approved", payload: "late" });
  app.work.start();
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({ status: "SUCCESS", result: "late" });
  expect(looks).toBeGreaterThan(2);
});

test("the sweep finds an event that was received while the task parked, if the check for it failed", async () => {
  const [isFirst, fails] = [firstTime(), firstTime()];
  let isParked = false;
  const app = testApp({
    workflows: [waits("1d")],
    environment: { BATON_SWEEP: "100ms" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        get: async (key) => {
          if (key.collection === "events" && isParked && fails()) throw new Error("UNAVAILABLE");
          return store.get(key);
        },
        commit: async (writes) => {
          if (statusOf(writes[0]) === "WAITING" && isFirst()) {
            await run.send("approved", "staged");
            isParked = true;
          }
          return store.commit(writes);
        },
      })),
  });
  const run = await started(app);
  expect((await untilEnded(app, run.batchId)).tasks[0]).toMatchObject({
    status: "SUCCESS",
    result: "staged",
  });
  expect(fails()).toBe(false);
});

test("the sweep finds an event that was received while the task parked, if the wake-up was rolled back", async () => {
  const [isFirst, isWaking] = [firstTime(), firstTime()];
  const app = testApp({
    workflows: [waits("1d")],
    environment: { BATON_SWEEP: "100ms" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const isParking = statusOf(writes[0]) === "WAITING" && isFirst();
          if (isParking) await run.send("approved", "staged");
          const mark = store.mark();
          const committed = await store.commit(writes);
          if (isParking) await store.sync(mark);
          return committed;
        },
        commitEach: async (writes) => {
          const committed = await store.commitEach(writes);
          if (statusOf(writes[0]) === "WAITING" && isWaking()) undoTurn(app);
          return committed;
        },
      })),
  });
  const run = await started(app);
  expect((await untilEnded(app, run.batchId)).tasks[0]).toMatchObject({
    status: "SUCCESS",
    result: "staged",
  });
  expect(isWaking()).toBe(false);
});

test("the sweep leaves a task alone that has been woken, but for one flagged message a look", async () => {
  const published: OutgoingMessage[] = [];
  let isInLine = false;
  const app = testApp({
    workflows: [waits()],
    environment: { BATON_SWEEP: "1h" },
    around: (dependencies) => ({
      ...dependencies,
      broker: {
        publish: async (messages) => {
          if (isInLine) published.push(...messages);
          else await dependencies.broker.publish(messages);
        },
      },
    }),
  });
  const { batchId, waiting } = await started(app);
  await waiting().toEqual(["event"]);
  isInLine = true;
  const event = { kind: "event", batchId, event: "approved", payload: 1 } as const;
  expect((await app.engine.receiveEvent(event)).woken).toEqual(["work"]);
  const flags = () =>
    published.splice(0).flatMap(({ message }) => (message.kind === "task" ? [message.redrive] : []));
  expect(flags()).toEqual([undefined]);
  for (let look = 1; look <= 3; look++) await app.engine.redrive(batchId);
  expect(flags()).toEqual([true, true, true]);
  // The receiver may have died before it could publish: sent again, the event wakes the task again.
  expect((await app.engine.receiveEvent(event)).woken).toEqual(["work"]);
  expect(flags()).toEqual([undefined]);
});

test("a task that parked before its log named its events is found by the sweep", async () => {
  const app = testApp({
    workflows: [waits()],
    environment: { BATON_SWEEP: "100ms" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: (writes) =>
          store.commit(
            writes.map((write) =>
              write.kind !== "delete" && statusOf(write) === "WAITING"
                ? { ...write, data: { ...write.data, arrivals: [] } }
                : write,
            ),
          ),
      })),
  });
  const { batchId, waiting } = await started(app);
  await waiting().toEqual(["event"]);
  const { woken } = await app.engine.receiveEvent({ kind: "event", batchId, event: "approved", payload: 1 });
  expect(woken).toEqual([]);
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({ status: "SUCCESS", result: 1 });
});
