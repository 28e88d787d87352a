import { expect, test } from "vitest";
import { type Duration, TaskError, workflow } from "../../src/index.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";
import { runToEnd, testApp, untilEnded } from "../support/app.ts";
import { firstTime } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";
import { flowOf, soon } from "./step-flow.ts";

test("a completion that would be waited for longer than it can be is refused, not cut", async () => {
  const waits = (timeout: Duration) => flowOf((context) => context.waitForCompletion(timeout), soon);
  const view = await runToEnd(testApp({ workflows: [waits("31d")] }), "flow");
  expect(view.tasks[0]).toMatchObject({
    status: "ERROR",
    attempts: 1,
    error: { code: "DURATION_TOO_LONG", message: expect.stringContaining("30 days") },
  });
});

test.each([
  ["sleeps", (step: TaskContext["step"]) => step.sleep("wait", "1m")],
  [
    "sleeps until a time",
    (step: TaskContext["step"]) => step.sleepUntil("wait", new Date(1_700_000_060_000)),
  ],
  [
    "polls",
    (step: TaskContext["step"], resumed: boolean) =>
      step.poll("wait", { every: "1m", timeout: "1h" }, () => resumed || undefined),
  ],
  [
    "waits for an event",
    (step: TaskContext["step"]) => step.waitForEvent("wait", { timeout: "1m" }).catch(() => 1),
  ],
])(
  "a task that %s leaves its place in the queue to another, and continues as the same attempt",
  async (_name, wait) => {
    const order: string[] = [];
    const isFirst = firstTime();
    const waits = workflow("waits").task("work", async ({ step, attempt }) => {
      order.push(`began ${attempt}`);
      await wait(step, !isFirst());
      order.push(`ended ${attempt}`);
      return attempt;
    });
    const quick = workflow("quick").task("work", () => void order.push("another"));
    const environment = { BATON_CONCURRENCY: "1" };
    const { app, start, ended } = timedApp({ workflows: [waits, quick], environment });
    const first = await start("waits");
    app.work.start();
    await expect.poll(() => order).toEqual(["began 1"]);
    const second = await start("quick");
    expect((await ended(second, 30)).status).toBe("SUCCESS");
    expect(order).toEqual(["began 1", "another"]);
    expect((await app.engine.admin.show(first)).tasks[0]).toMatchObject({ status: "WAITING", attempts: 1 });
    expect((await ended(first)).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1, result: 1 });
    expect(order).toEqual(["began 1", "another", "began 1", "ended 1"]);
  },
);

test("a time that is over is not waited for", async () => {
  let runs = 0;
  const flow = flowOf(async ({ step }) => {
    runs += 1;
    await step.sleepUntil("past", new Date(Date.now() - 1_000));
    await step.sleep("none", "0s");
    return runs;
  });
  expect((await runToEnd(testApp({ workflows: [flow] }), "flow")).tasks[0]).toMatchObject({ result: 1 });
});

test("code around a wait is left behind: no catch and no finally runs", async () => {
  const ran: string[] = [];
  const flow = flowOf(async ({ step }) => {
    try {
      await step.sleep("rest", "150ms");
      ran.push("slept");
    } catch {
      ran.push("catch");
    } finally {
      ran.push("finally");
    }
  });
  expect((await runToEnd(testApp({ workflows: [flow] }), "flow")).status).toBe("SUCCESS");
  expect(ran).toEqual(["slept", "finally"]);
});

test("a poll repeats until it gets a value, null included, and stores it", async () => {
  let looks = 0;
  const flow = flowOf(async ({ step, attempt }) => {
    const found = await step.poll("job", { every: "20ms", timeout: "1h" }, () => {
      looks += 1;
      return looks < 3 ? undefined : null;
    });
    if (attempt === 1) throw new TaskError("once more");
    return { found, looks };
  }, soon);
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 2, result: { found: null, looks: 3 } });
});

test("a poll that times out fails the task permanently", async () => {
  const flow = flowOf(({ step }) => step.poll("job", { every: "20ms", timeout: "60ms" }, () => undefined));
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", attempts: 1, error: { code: "POLL_TIMEOUT" } });
});

test("waits that timed out are stored: a later attempt takes the same path, whatever has happened since", async () => {
  const ways: string[] = [];
  let isThere = false;
  const flow = flowOf(async ({ step, attempt }) => {
    const polled = await step
      .poll("job", { every: "20ms", timeout: "50ms" }, () => isThere || undefined)
      .catch(String);
    const event = await step.waitForEvent("approved", { timeout: "50ms" }).catch(String);
    ways.push(`${polled}, ${event}`);
    if (attempt > 1) return;
    isThere = true;
    const { batchId } = started;
    await app.engine.receiveEvent({ kind: "event", batchId, event: "approved", payload: "late" });
    throw new TaskError("once more");
  }, soon);
  const app = testApp({ workflows: [flow] });
  const started = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  expect((await untilEnded(app, started.batchId)).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 2 });
  expect(ways).toHaveLength(2);
  expect(ways[1]).toBe(ways[0]);
  expect(ways[0]).toMatch(/"job" timed out.*"approved" timed out/);
});

test("a waiting task can be cancelled, and does not resume", async () => {
  let runs = 0;
  const flow = flowOf(async ({ step }) => {
    runs += 1;
    await step.sleep("rest", "1m");
    runs += 1;
  });
  const { app, clock, start } = timedApp({ workflows: [flow] });
  const batchId = await start("flow");
  app.work.start();
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[0]?.status).toBe("WAITING");
  await app.engine.cancel(batchId);
  await clock.advance(300_000);
  expect((await app.engine.admin.show(batchId)).tasks[0]).toMatchObject({
    status: "CANCELLED",
    reason: "cancelled",
  });
  expect(runs).toBe(1);
});

test("an attempt after a wait does not wait again", async () => {
  const began: number[] = [];
  const flow = flowOf(
    async ({ step, attempt }) => {
      await step.sleep("rest", "10m");
      began.push(clock.now());
      if (attempt < 3) throw new TaskError("once more");
      return attempt;
    },
    { retry: { initial: "1s", factor: 1 } },
  );
  const { app, clock, start, ended } = timedApp({ workflows: [flow], environment: { BATON_SWEEP: "1h" } });
  const startedAt = clock.now();
  const batchId = await start("flow");
  app.work.start();
  expect((await ended(batchId, 900)).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 3, result: 3 });
  expect(began[0]).toBeGreaterThanOrEqual(startedAt + 600_000);
  expect(began[2]).toBeLessThan(startedAt + 600_000 + 10_000);
});

test.each([
  ["fast", 3_600_000],
  ["slow", -3_600_000],
])("a worker whose clock is an hour %s waits as long as the store says", async (_name, wrongMs) => {
  const flow = flowOf(async ({ step }) => {
    await step.sleep("rest", "100s");
    await step.sleepUntil("until", new Date(until_));
    return step.poll("job", { every: "10s", timeout: "100s" }, () => undefined).catch(String);
  });
  const { app, clock, start, ended, until } = timedApp({
    workflows: [flow],
    around: (plain) => ({
      ...plain,
      clock: {
        ...plain.clock,
        now: () => plain.clock.now() + wrongMs,
        after: plain.clock.after.bind(plain.clock),
      },
    }),
  });
  const startedAt = clock.now();
  const until_ = startedAt + 200_000;
  const batchId = await start("flow");
  app.work.start();
  const view = await until(async () => ended(batchId, 0).catch(() => undefined));
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1 });
  expect(clock.now() - startedAt).toBeGreaterThanOrEqual(300_000);
  expect(clock.now() - startedAt).toBeLessThan(305_000);
});

test("a wait that timed out in one batch does not affect the next call with the same key", async () => {
  const flow = flowOf(
    async ({ step }) => {
      const id = await step("submit", () => {
        submits += 1;
        return submits;
      });
      return step.poll("job", { every: "20ms", timeout: "60ms" }, () => (isThere ? `job ${id}` : undefined));
    },
    { idempotency: true },
  );
  let submits = 0;
  let isThere = false;
  const app = testApp({ workflows: [flow] });
  expect((await runToEnd(app, "flow", { id: 1 })).tasks[0]).toMatchObject({
    error: { code: "POLL_TIMEOUT" },
  });
  const again = await app.engine.start({ kind: "start", workflowId: "flow", input: { id: 1 } });
  expect((await untilEnded(app, again.batchId)).tasks[0]).toMatchObject({ error: { code: "POLL_TIMEOUT" } });
  isThere = true;
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow", input: { id: 1 } });
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({ status: "SUCCESS", result: "job 1" });
  expect(submits).toBe(1);
});
