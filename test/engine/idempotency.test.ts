import { expect, test } from "vitest";
import * as z from "zod";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { TaskError, workflow } from "../../src/index.ts";
import { runToEnd, testApp, untilEnded } from "../support/app.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { timedApp } from "../support/timed-app.ts";
import { byId, input, keyedFlow, pause } from "./keyed-flow.ts";

test.each(["wait", "skip"] as const)(
  "ten submissions of the same call at once, onLocked %s: one executes",
  async (onLocked) => {
    let runs = 0;
    const flow = workflow("flow").task(
      "work",
      async ({ input }) => {
        runs += 1;
        await pause(300);
        return { done: input };
      },
      { idempotency: { onLocked } },
    );
    const app = testApp({ workflows: [flow] });
    app.work.start();
    const started = await Promise.all(
      Array.from({ length: 10 }, () =>
        app.engine.start({ kind: "start", workflowId: "flow", input: { id: 1 } }),
      ),
    );
    const views = await Promise.all(started.map(({ batchId }) => untilEnded(app, batchId)));
    const outcomes = views.map(({ tasks: [task] }) => `${task?.status} ${task?.reason ?? ""}`.trim()).sort();
    expect(runs).toBe(1);
    const others = onLocked === "wait" ? "SUCCESS already_completed" : "SKIPPED lock_held";
    expect(outcomes.filter((outcome) => outcome === "SUCCESS")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === others)).toHaveLength(9);
    if (onLocked === "wait")
      expect(views.every(({ tasks: [task] }) => JSON.stringify(task?.result) === '{"done":{"id":1}}')).toBe(
        true,
      );
  },
);

test("steps are stored: a retry continues after them, sleeps leave the machine", async () => {
  const calls: string[] = [];
  const flow = workflow("flow").task(
    "work",
    async ({ step, attempt }) => {
      const first = await step("first", () => {
        calls.push("first");
        return 1;
      });
      await step.sleep("rest", "200ms");
      calls.push(`after rest ${attempt}`);
      if (attempt === 1) throw new TaskError("once more");
      return first + 1;
    },
    { retry: { initial: "10ms" } },
  );
  const app = testApp({ workflows: [flow] });
  const view = await runToEnd(app, "flow");
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 2, result: 2 });
  expect(calls).toEqual(["first", "after rest 1", "after rest 2"]);
});

test("a final callback is sent once, and again when the same call comes again", async () => {
  const receiver = await callbackReceiver();
  let runs = 0;
  const flow = workflow("flow").task(
    "work",
    async ({ callback, count }) => {
      runs += 1;
      await callback.progress({ percent: 30 });
      count("items_processed", 3);
      return { result: { all: [1, 2, 3] }, summary: { items: 3 } };
    },
    {
      idempotency: { key: { fields: ["job_id", "lead_id?"] } },
      callback: { url: "{{ input.url }}", archive: { key: ["job_id", "lead_id?"] } },
    },
  );
  const app = testApp({ workflows: [flow], environment: { BATON_HTTP_ALLOW_PRIVATE: "true" } });
  const input = { job_id: "j1", url: receiver.url };
  const first = await runToEnd(app, "flow", input);
  expect(first.tasks[0]).toMatchObject({
    status: "SUCCESS",
    result: { items: 3 },
    key: "flow/work?job_id=j1",
    report: { counters: { items_processed: 3 }, status: "success" },
  });
  // A call that comes while the callback is being sent would share it.
  const states = async () =>
    (await app.engine.admin.callbacks.ofBatch(first.batchId)).map(({ state }) => state);
  await expect.poll(states).toEqual(["DELIVERED"]);
  expect(receiver.received).toHaveLength(2);
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow", input });
  const second = await untilEnded(app, batchId);
  expect(second.tasks[0]).toMatchObject({
    status: "SUCCESS",
    reason: "already_completed",
    result: { items: 3 },
  });
  await expect.poll(() => receiver.received.length).toBe(3);
  const [progress, final, again] = receiver.received;
  expect(JSON.parse(progress?.body ?? "")).toMatchObject({ type: "task.progress", data: { percent: 30 } });
  expect(JSON.parse(final?.body ?? "")).toMatchObject({ type: "task.completed", data: { all: [1, 2, 3] } });
  expect(again?.body).toBe(final?.body);
  expect(again?.headers["webhook-id"]).toBe(final?.headers["webhook-id"]);
  expect(runs).toBe(1);
});

test("a result is reused within its time-to-live, and the work is done again afterwards", async () => {
  let runs = 0;
  const { app, clock, start, ended } = timedApp({ workflows: [keyedFlow(() => ++runs, {}, { ttl: "10m" })] });
  app.work.start();
  const outcomeOfNext = async () => {
    const [task] = (await ended(await start("flow", input))).tasks;
    return [task?.reason, task?.result, task?.attempts];
  };
  expect(await outcomeOfNext()).toEqual([null, 1, 1]);
  await clock.advance(590_000);
  expect(await outcomeOfNext()).toEqual(["already_completed", 1, 1]);
  await clock.advance(11_000);
  expect(await outcomeOfNext()).toEqual([null, 2, 1]);
});

test("cleanup deletes expired records with their steps, and no valid ones", async () => {
  const flow = workflow("flow").task(
    "work",
    async ({ input: given, step }) => {
      const { id } = z.object({ id: z.string() }).parse(given);
      await step("stored", () => id);
      if (id === "failed") throw new TaskError("for good", { retryable: false });
      if (id === "locked") await step.sleep("rest", "20d");
    },
    { idempotency: { ...byId, ttl: "1h" } },
  );
  const plain = Promise.withResolvers<Dependencies>();
  const { app, clock, start, until } = timedApp({
    workflows: [flow],
    environment: { BATON_SWEEP: "10m" },
    around: (dependencies) => {
      plain.resolve(dependencies);
      return dependencies;
    },
  });
  const { store } = await plain.promise;
  const storedSteps = async () => {
    const { documents } = await store.query("steps", [], { limit: 100 });
    return documents.flatMap(({ data }) => (data.name === "stored" ? [data.result] : []));
  };
  app.work.start();
  for (const id of ["succeeded", "failed", "locked"]) await start("flow", { id });
  const stateOf = async (id: string) => {
    const { execution, steps } = await app.engine.admin.executions.explain(`flow/work?id=${id}`);
    return `${execution.state} ${steps.filter(({ name }) => name === "stored").length}`;
  };
  const states = () =>
    Promise.all(["succeeded", "failed", "locked"].map((id) => stateOf(id).catch(() => "gone")));
  const ofAll =
    (...expected: string[]) =>
    async () =>
      JSON.stringify(await states()) === JSON.stringify(expected);
  await until(ofAll("SUCCESS 1", "FREE 1", "PROCESSING 1"));
  await clock.advance(3_000_000);
  expect(await states()).toEqual(["SUCCESS 1", "FREE 1", "PROCESSING 1"]);
  await until(ofAll("gone", "FREE 1", "PROCESSING 1"), 1_300);
  // The clock is set: what would happen on every one of these days happens after them.
  clock.set(6 * 86_400_000);
  await clock.advance(660_000);
  expect(await states()).toEqual(["gone", "FREE 1", "PROCESSING 1"]);
  clock.set(86_400_000);
  await until(ofAll("gone", "gone", "PROCESSING 1"), 1_300);
  expect(await storedSteps()).toEqual([{ value: "locked" }]);
});
