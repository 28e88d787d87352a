import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { workflow } from "../../src/index.ts";
import type { OutgoingMessage } from "../../src/ports/broker.ts";
import { testApp, untilEnded } from "../support/app.ts";
import { statusOf, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";
import { started, waits } from "./event-flow.ts";

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

test("an event received before the wait is kept for it, and the task does not park", async () => {
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

test("several tasks that wait for one event all get it, and those that wait for another keep waiting", async () => {
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

test("an event for a batch that is not known becomes a dead letter", async () => {
  const app = testApp({ workflows: [waits()] });
  const message = { kind: "event", batchId: "unknown", event: "approved" } as const;
  expect(await app.deliveries.deliver({ message, deliveryAttempt: 1 })).toMatchObject({
    outcome: "dead-lettered",
    code: "BATCH_UNKNOWN",
  });
  expect((await app.engine.deadLetters.list()).letters).toMatchObject([{ code: "BATCH_UNKNOWN" }]);
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

test("an event matches only its exact name", async () => {
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
