import { expect, test } from "vitest";
import { jsonText } from "../../src/engine/records/results.ts";
import { StoredSteps } from "../../src/engine/steps.ts";
import { TaskError } from "../../src/index.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";
import { runToEnd, testApp } from "../support/app.ts";
import { withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";
import { flowOf, seen } from "./step-flow.ts";

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test.each([
  [
    "a poll",
    (step: TaskContext["step"]) => step.poll("wait", { every: "20ms", timeout: "1h" }, () => "seen"),
    "POLL_TIMEOUT",
  ],
  [
    "a wait for an event",
    (step: TaskContext["step"]) => step.waitForEvent("wait", { timeout: "1h" }),
    "EVENT_TIMEOUT",
  ],
])("%s that another worker has given up is given up here too", async (_name, wait, code) => {
  const flow = flowOf(async ({ step, batchId }) => {
    const memory = new StoredSteps(await dependencies, `${batchId}.work`, batchId);
    await app.engine.receiveEvent({ kind: "event", batchId, event: "wait", payload: "seen" });
    staged = () => memory.store("wait", "timeout", jsonText(null));
    return wait(step);
  });
  let staged: (() => Promise<unknown>) | undefined;
  const { dependencies, around } = seen();
  const app = testApp({
    workflows: [flow],
    around: (plain) =>
      withStore(around(plain), (store) => ({
        // The other worker comes between this one's look at the step and its storing it.
        commit: async (writes) => {
          const stage = writes[0]?.key.id.endsWith("/wait#done") ? staged : undefined;
          staged = stage ? undefined : staged;
          await stage?.();
          return store.commit(writes);
        },
      })),
  });
  const view = await runToEnd(app, "flow");
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", error: { code } });
});

test("steps beside a wait run until they wait too; their results are stored before the task parks", async () => {
  const calls: string[] = [];
  const flow = flowOf(async ({ step }) => {
    const side = async () => {
      await step("slow", async () => {
        await pause(80);
        calls.push("slow");
      });
      await step("next", () => void calls.push("next"));
      await pause(100);
      await step("after it left", () => void calls.push("after it left"));
    };
    await Promise.all([step.sleep("rest", "10m").then(() => calls.push("rested")), side()]);
  });
  const { app, start, ended } = timedApp({ workflows: [flow] });
  const batchId = await start("flow");
  app.work.start();
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[0]?.status).toBe("WAITING");
  await pause(150);
  expect(calls).toEqual(["slow", "next"]);
  expect((await ended(batchId, 900)).status).toBe("SUCCESS");
  expect(calls).toEqual(["slow", "next", "rested", "after it left"]);
});

test("a step that looks up slowly what it has stored does not begin after the task has left", async () => {
  const calls: string[] = [];
  const statuses: (string | undefined)[] = [];
  const flow = flowOf(async ({ step, batchId }) => {
    const work = async () => {
      calls.push("slow");
      await pause(50);
      statuses.push((await app.engine.admin.show(batchId)).tasks[0]?.status);
    };
    await Promise.all([step.sleep("rest", "250ms"), step("slow", work)]);
  });
  const app = testApp({
    workflows: [flow],
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        get: async (key) => {
          if (key.id.includes("slow#")) await pause(100);
          return store.get(key);
        },
      })),
  });
  const view = await runToEnd(app, "flow");
  expect(view.status).toBe("SUCCESS");
  expect(calls).toEqual(["slow"]);
  expect(statuses).toEqual(["PROCESSING"]);
});

test("the first of several parallel waits to end continues at once, and the others wait on", async () => {
  const order: string[] = [];
  const flow = flowOf(async ({ step }) => {
    const branch = async (name: string, wait: Promise<unknown>) => {
      await wait;
      await step(`after ${name}`, () => void order.push(name));
    };
    await Promise.all([
      branch("an hour", step.sleep("hour", "1h")),
      branch("the event", step.waitForEvent("event", { timeout: "30d" })),
      branch("minutes", step.sleep("minutes", "10m")),
      branch("another event", step.waitForEvent("another", { timeout: "30d" })),
    ]);
  });
  const { app, start, until, ended } = timedApp({ workflows: [flow], environment: { BATON_SWEEP: "1d" } });
  const batchId = await start("flow");
  app.work.start();
  const event = (name: string) => app.engine.receiveEvent({ kind: "event", batchId, event: name });
  await until(async () => (await app.engine.admin.show(batchId)).tasks[0]?.status === "WAITING");
  await event("another");
  await until(() => order.length === 1, 5);
  await until(() => order.length === 2, 610);
  await event("event");
  await until(() => order.length === 3, 5);
  expect((await ended(batchId, 3_700)).status).toBe("SUCCESS");
  expect(order).toEqual(["another event", "minutes", "the event", "an hour"]);
});

test("a step that fails beside a wait fails the attempt", async () => {
  const flow = flowOf(({ step }) =>
    Promise.all([
      step.waitForEvent("approved", { timeout: "30d" }),
      step("charge", async () => {
        await pause(50);
        throw new TaskError("card refused", { retryable: false });
      }),
    ]),
  );
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", attempts: 1, error: { message: "card refused" } });
});
