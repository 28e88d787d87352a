import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { JsonValue } from "../../src/index.ts";
import { workflow } from "../../src/index.ts";
import type { OutgoingMessage } from "../../src/ports/broker.ts";
import { testApp, untilEnded } from "../support/app.ts";
import { chaosApp } from "../support/chaos.ts";
import { firstTime, statusOf, undoTurn, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";

const waits = (timeout = "1h") =>
  workflow("flow").task("work", ({ step }) => step.waitForEvent("approved", { timeout }));

/** An app at work on a batch of the workflow, and events for it, by the way that messages come in. */
async function started(app: ReturnType<typeof testApp>) {
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  return {
    batchId,
    send: (event: string, payload?: JsonValue) =>
      app.deliveries.deliver({
        message: { kind: "event", batchId, event, ...(payload !== undefined && { payload }) },
        deliveryAttempt: 1,
      }),
    waiting: () =>
      expect.poll(async () => (await app.engine.admin.show(batchId)).tasks.map(({ reason }) => reason)),
  };
}

test.each([
  ["an object", { by: "Ada" }, { by: "Ada" }],
  ["nothing", undefined, null],
  ["much", "x".repeat(limits.inlineResultBytes), "x".repeat(limits.inlineResultBytes)],
])("a task that waits for an event gets its payload: %s", async (_name, payload, expected) => {
  const lengths: unknown[] = [];
  const flow = workflow("flow").task("work", async ({ step }) => {
    const got = await step.waitForEvent("approved", { timeout: "1h" });
    lengths.push(got);
  });
  const app = testApp({ workflows: [flow] });
  const { batchId, send, waiting } = await started(app);
  await waiting().toEqual(["event"]);
  await send("approved", payload);
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1 });
  expect(lengths).toEqual([expected]);
});

test("an event that comes before the wait is kept for it: the task does not leave", async () => {
  let runs = 0;
  const flow = workflow("flow")
    .task("before", async ({ step }) => step.waitForEvent("go", { timeout: "1h" }))
    .task(
      "work",
      ({ step }) => {
        runs += 1;
        return step.waitForEvent("approved", { timeout: "1h" });
      },
      { after: ["before"] },
    );
  const app = testApp({ workflows: [flow] });
  const { batchId, send } = await started(app);
  await send("approved", 1);
  await send("go");
  expect((await untilEnded(app, batchId)).tasks[1]).toMatchObject({ status: "SUCCESS", result: 1 });
  expect(runs).toBe(1);
});

test("several tasks that wait for one event all get it, and those that wait for another wait on", async () => {
  const flow = workflow("flow")
    .task("one", ({ step }) => step.waitForEvent("approved", { timeout: "1h" }))
    .task("two", ({ step }) => step.waitForEvent("approved", { timeout: "1h" }))
    .task("three", ({ step }) => step.waitForEvent("paid", { timeout: "1h" }));
  const app = testApp({ workflows: [flow] });
  const { batchId, send, waiting } = await started(app);
  await waiting().toEqual(["event", "event", "event"]);
  await send("approved", "yes");
  await waiting().toEqual([null, null, "event"]);
  await send("paid", 7);
  expect((await untilEnded(app, batchId)).tasks.map(({ result }) => result)).toEqual(["yes", "yes", 7]);
});

test("an event is of one batch only", async () => {
  const app = testApp({ workflows: [waits()] });
  const one = await started(app);
  const two = await started(app);
  await one.waiting().toEqual(["event"]);
  await two.waiting().toEqual(["event"]);
  await one.send("approved", 1);
  await untilEnded(app, one.batchId);
  expect((await app.engine.admin.show(two.batchId)).tasks[0]).toMatchObject({ status: "WAITING" });
});

test("of an event that is sent twice the first stands", async () => {
  const flow = workflow("flow").task("work", async ({ step }) => {
    const first = await step.waitForEvent("first", { timeout: "1h" });
    await step.waitForEvent("go", { timeout: "1h" });
    return [first, await step.waitForEvent("second", { timeout: "1h" })];
  });
  const app = testApp({ workflows: [flow] });
  const { batchId, send, waiting } = await started(app);
  await waiting().toEqual(["event"]);
  for (const payload of ["one", "two", "three"]) {
    await send("first", payload);
    await send("second", payload);
  }
  await send("go");
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({ result: ["one", "one"] });
});

test("a wait that is too long ends the task, and an event that comes then changes nothing", async () => {
  const { app, start, ended } = timedApp({ workflows: [waits("10m")] });
  app.work.start();
  const batchId = await start("flow");
  const view = await ended(batchId, 700);
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", attempts: 1, error: { code: "EVENT_TIMEOUT" } });
  await app.engine.receiveEvent({ kind: "event", batchId, event: "approved", payload: 1 });
  expect((await app.engine.admin.show(batchId)).tasks).toEqual(view.tasks);
});

test("an event that comes just before the wait is over is in time, though no task was woken", async () => {
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

test("an event that comes between the look for it and the parking wakes the task", async () => {
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

test("an event for a batch that is not known becomes a dead letter", async () => {
  const app = testApp({ workflows: [waits()] });
  const message = { kind: "event", batchId: "unknown", event: "approved" } as const;
  expect(await app.deliveries.deliver({ message, deliveryAttempt: 1 })).toMatchObject({
    outcome: "dead-lettered",
    code: "BATCH_UNKNOWN",
  });
  expect((await app.engine.deadLetters.list()).letters).toMatchObject([{ code: "BATCH_UNKNOWN" }]);
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

test("an event wakes only the tasks that wait for it", async () => {
  const flow = workflow("flow")
    .task("one", ({ step }) => step.waitForEvent("approved", { timeout: "1h" }))
    .task("other", ({ step }) => step.waitForEvent("refused", { timeout: "1h" }));
  const app = testApp({ workflows: [flow] });
  const { batchId, waiting } = await started(app);
  await waiting().toEqual(["event", "event"]);
  const received = await app.engine.receiveEvent({ kind: "event", batchId, event: "approved" });
  expect(received.woken).toEqual(["one"]);
});

test("an event that came while the task parked is found by the sweep when the look for it failed", async () => {
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

test("an event that came while the task parked is found by the sweep when the waking was undone", async () => {
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

test("the name of an event is taken as it is, and no part of another", async () => {
  const names = ["a/b", "a", "ended", "100 %", "日"];
  const flow = names.reduce(
    (built, name, index) => built.task(`t${index}`, ({ step }) => step.waitForEvent(name, { timeout: "1h" })),
    workflow("flow").task("all", ({ step }) => step.waitForEvent("go", { timeout: "1h" })),
  );
  const app = testApp({ workflows: [flow] });
  const { batchId, waiting } = await started(app);
  await waiting().toEqual(["all", ...names].map(() => "event"));
  for (const [index, event] of names.entries())
    expect((await app.engine.receiveEvent({ kind: "event", batchId, event })).woken).toEqual([`t${index}`]);
});

test("tasks that wait for one event are woken together: one write and one publish for all", async () => {
  const ids = Array.from({ length: 30 }, (_, index) => `t${index}`);
  const flow = ids.reduce(
    (built, id) => built.task(id, ({ step }) => step.waitForEvent("approved", { timeout: "1h" })),
    workflow("flow").task("other", ({ step }) => step.waitForEvent("refused", { timeout: "1h" })),
  );
  const wakes: number[] = [];
  const publishes: number[] = [];
  const app = testApp({
    workflows: [flow],
    environment: { BATON_SWEEP: "1h" },
    around: (plain) => {
      const dependencies = withStore(plain, (store) => ({
        commitEach: async (writes) => {
          if (statusOf(writes[0]) === "WAITING") wakes.push(writes.length);
          return store.commitEach(writes);
        },
      }));
      const publish = async (messages: readonly OutgoingMessage[]) => {
        const runs = messages.filter(({ message }) => message.kind === "task" && !message.redrive);
        if (wakes.length > publishes.length && runs.length > 0) publishes.push(runs.length);
        await plain.broker.publish(messages);
      };
      return { ...dependencies, broker: { publish } };
    },
  });
  const { batchId, waiting } = await started(app);
  await waiting().toEqual(["other", ...ids].map(() => "event"));
  const { woken } = await app.engine.receiveEvent({ kind: "event", batchId, event: "approved" });
  expect(woken.toSorted()).toEqual(ids.toSorted());
  expect([wakes, publishes]).toEqual([[30], [30]]);
});
