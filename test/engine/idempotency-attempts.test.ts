import { expect, test } from "vitest";
import { TaskError } from "../../src/index.ts";
import { runToEnd, statuses, testApp, untilEnded } from "../support/app.ts";
import { chaosApp, seeded } from "../support/chaos.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { timedApp } from "../support/timed-app.ts";
import { input, key, keyedFlow, pause } from "./keyed-flow.ts";

test("failures are retried with the policy's back-off, each attempt under the lock; one result is cached", async () => {
  const began: number[] = [];
  const held: number[] = [];
  const flow = keyedFlow(
    async ({ attempt }) => {
      began.push(clock.now());
      held.push((await app.engine.admin.inspection.locks(10)).rows.length);
      if (attempt < 4) throw new TaskError(`failure ${attempt}`);
      return attempt;
    },
    { retry: { initial: "60s", factor: 2 } },
  );
  const { app, clock, start, ended, until } = timedApp({ workflows: [flow] });
  app.work.start();
  const batchId = await start("flow", input);
  const waiting = async () => {
    const [task] = (await app.engine.admin.show(batchId)).tasks;
    return task?.reason === "retry" && task;
  };
  expect(await until(waiting)).toMatchObject({ status: "WAITING", attempts: 1 });
  expect((await app.engine.admin.executions.explain(key)).execution).toMatchObject({
    state: "FREE",
    result: null,
    lastFailure: { attempt: 1, error: { message: "failure 1" } },
  });
  expect((await ended(batchId)).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 4, result: 4 });
  const waits = began.slice(1).map((at, index) => Math.floor((at - (began[index] ?? 0)) / 1_000));
  expect(waits).toEqual([60, 120, 240]);
  expect(held).toEqual([1, 1, 1, 1]);
  expect((await app.engine.admin.executions.explain(key)).execution).toMatchObject({
    state: "SUCCESS",
    token: 4,
    result: { value: 4 },
    producedBy: { attempt: 4 },
  });
});

test("between two attempts another batch may take the lock, continue after the steps, and finish", async () => {
  const calls: string[] = [];
  const flow = keyedFlow(
    async ({ step, batchId }) => {
      await step("paid", () => void calls.push("paid"));
      calls.push(batchId);
      if (batchId === first) throw new TaskError("once more");
      return "by the second";
    },
    { retry: { initial: "10m" } },
  );
  const { app, start, ended, until } = timedApp({ workflows: [flow] });
  const first = await start("flow", input);
  app.work.start();
  await until(async () => (await app.engine.admin.show(first)).tasks[0]?.reason === "retry");
  const second = await start("flow", input);
  expect((await ended(second, 30)).tasks[0]).toMatchObject({ status: "SUCCESS", reason: null, attempts: 1 });
  expect((await ended(first, 900)).tasks[0]).toMatchObject({
    status: "SUCCESS",
    reason: "already_completed",
    attempts: 2,
    result: "by the second",
  });
  expect(calls).toEqual(["paid", first, second]);
});

test("when the attempts are used up nothing is cached, the lock is free, and one failure is reported", async () => {
  const receiver = await callbackReceiver();
  let isFixed = false;
  const flow = keyedFlow(
    ({ attempt }) => {
      if (isFixed) return "fixed";
      throw new TaskError(`failure ${attempt}`, { code: "BROKEN" });
    },
    { retry: { maxAttempts: 3, initial: "10ms" }, callback: { url: receiver.url } },
  );
  const environment = { BATON_HTTP_ALLOW_PRIVATE: "true", BATON_SWEEP: "50ms" };
  const app = testApp({ workflows: [flow], environment });
  const view = await runToEnd(app, "flow", input);
  expect(view.tasks[0]).toMatchObject({
    status: "ERROR",
    attempts: 3,
    error: { code: "BROKEN" },
    result: null,
  });
  expect((await app.engine.admin.executions.explain(key)).execution).toMatchObject({
    state: "FREE",
    result: null,
    callbackId: null,
  });
  await expect
    .poll(async () => (await app.engine.admin.executions.explain(key)).callbacks[0]?.state)
    .toBe("DELIVERED");
  await pause(200);
  expect(receiver.received).toHaveLength(1);
  const [failed] = receiver.received;
  expect(JSON.parse(failed?.body ?? "")).toMatchObject({
    type: "task.failed",
    data: { error: { code: "BROKEN", message: "failure 3" } },
  });
  isFixed = true;
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow", input });
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({ reason: null, result: "fixed" });
  await expect.poll(() => receiver.received.length).toBe(2);
  expect(receiver.received[1]?.headers["webhook-id"]).not.toBe(failed?.headers["webhook-id"]);
});

test("a recurring task never runs twice at once, and runs again after every success, from its first step", async () => {
  let atOnce = 0;
  let most = 0;
  let runs = 0;
  const flow = keyedFlow(
    async ({ step }) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await pause(30);
      atOnce -= 1;
      return step("count", () => ++runs);
    },
    {},
    { recurring: true },
  );
  const { app, start, ended } = timedApp({ workflows: [flow] });
  const started = await Promise.all([1, 2, 3, 4].map(() => start("flow", input)));
  app.work.start();
  const results: unknown[] = [];
  for (const batchId of started) results.push((await ended(batchId)).tasks[0]?.result);
  expect(results.toSorted()).toEqual([1, 2, 3, 4]);
  expect(most).toBe(1);
});

test.each([1, 2])(
  "forty batches of eight calls, every message twice and in random order: each call is done once (seed %i)",
  async (seed) => {
    const runs = new Map<string, number>();
    const random = seeded(seed);
    const flow = keyedFlow(async ({ input: given, step }) => {
      const call = JSON.stringify(given);
      await step("stored", () => runs.set(call, (runs.get(call) ?? 0) + 1).size);
      if (random() < 0.3) await step.sleep("rest", "20ms");
      await pause(random() * 20);
      return call;
    });
    const app = chaosApp(flow, { seed, copies: 2, concurrency: 30 });
    app.work.start();
    const started = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const call = { id: index % 8 };
        return { call, ...(await app.engine.start({ kind: "start", workflowId: "flow", input: call })) };
      }),
    );
    const ends: string[] = [];
    for (const { batchId, call } of started) {
      const view = await untilEnded(app, batchId);
      expect(view.tasks[0]?.result).toBe(JSON.stringify(call));
      ends.push(statuses(view).work ?? "");
    }
    expect(ends.toSorted()).toEqual([
      ...Array.from({ length: 8 }, () => "SUCCESS"),
      ...Array.from({ length: 32 }, () => "SUCCESS already_completed"),
    ]);
    expect([...runs.values()]).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  },
);
