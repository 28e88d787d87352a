import { expect, test } from "vitest";
import * as z from "zod";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { TaskError, workflow } from "../../src/index.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";
import { runToEnd, statuses, testApp, untilEnded } from "../support/app.ts";
import { chaosApp, seeded } from "../support/chaos.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { timedApp } from "../support/timed-app.ts";

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

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

const key = "flow/work?id=1";
const input = { id: 1 };
const byId = { key: { fields: ["id"] } } as const;

/** A workflow of one task that is the same call in every batch. */
const keyedFlow = (work: (context: TaskContext) => unknown, policies = {}, idempotency = {}) =>
  workflow("flow").task("work", work, { idempotency: { ...byId, ...idempotency }, ...policies });

test("within its time-to-live a result is given out again, after it the work is done again", async () => {
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

test("another input, and another task, is another call", async () => {
  const runs: string[] = [];
  const note = ({ taskId, input: given }: TaskContext) =>
    void runs.push(`${taskId} ${JSON.stringify(given)}`);
  const flow = workflow("flow")
    .task("one", note, { idempotency: byId })
    .task("two", note, { idempotency: byId, after: ["one"] });
  const app = testApp({ workflows: [flow] });
  await runToEnd(app, "flow", input);
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow", input: { id: 2 } });
  await untilEnded(app, batchId);
  expect(runs).toEqual(['one {"id":1}', 'two {"id":1}', 'one {"id":2}', 'two {"id":2}']);
});

test("a key that holds within a batch lets every batch run", async () => {
  let runs = 0;
  const app = testApp({ workflows: [keyedFlow(() => ++runs, {}, { scope: "batch" })] });
  await runToEnd(app, "flow", input);
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow", input });
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({ reason: null, result: 2 });
});

test("a key that can't be made fails the task for good, before its code runs", async () => {
  let runs = 0;
  const app = testApp({ workflows: [keyedFlow(() => ++runs)] });
  const view = await runToEnd(app, "flow", { other: 1 });
  expect(view.tasks[0]).toMatchObject({
    status: "ERROR",
    attempts: 1,
    error: { code: "IDEMPOTENCY_KEY_INVALID" },
  });
  expect(runs).toBe(0);
});

test("a key function makes the key; one that throws fails the task at once, for it would throw again", async () => {
  const flow = workflow("flow")
    .task("work", () => "done", { idempotency: { key: () => "the one" } })
    .task("keyless", () => "done", {
      idempotency: {
        key: () => {
          throw new Error("no id");
        },
      },
    });
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1, key: "flow/work?key=the%20one" });
  expect(view.tasks[1]).toMatchObject({
    status: "ERROR",
    attempts: 1,
    error: { code: "IDEMPOTENCY_KEY_INVALID", message: expect.stringContaining("no id") },
  });
});

test("a task by day keeps the day on which it began, whenever its attempts run", async () => {
  const runs: string[] = [];
  const flow = workflow("flow").task(
    "work",
    async ({ step, attempt, batchId }) => {
      await step.sleep("over midnight", "30m");
      runs.push(batchId);
      if (attempt === 1) throw new TaskError("once more");
    },
    { idempotency: { key: { date: "UTC" } }, retry: { initial: "10m" } },
  );
  const { app, clock, start, ended } = timedApp({ workflows: [flow], environment: { BATON_SWEEP: "10m" } });
  // The hands are set to 23:50; nothing has been written yet.
  clock.set(Date.UTC(2026, 10, 21, 23, 50) - clock.now());
  app.work.start();
  const first = await start("flow");
  await expect.poll(async () => (await app.engine.admin.show(first)).tasks[0]?.reason).toBe("sleep");
  clock.set(20 * 60_000);
  const second = await start("flow");
  expect((await ended(first, 3_600)).tasks[0]).toMatchObject({ attempts: 2, key: "flow/work?date=20261121" });
  expect((await ended(second, 3_600)).tasks[0]).toMatchObject({
    attempts: 2,
    key: "flow/work?date=20261122",
  });
  expect(runs.toSorted()).toEqual([first, first, second, second].toSorted());
});

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

test("cleanup deletes what is spent with its steps, and nothing that counts", async () => {
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
