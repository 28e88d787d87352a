import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { jsonText } from "../../src/engine/records/results.ts";
import { StoredSteps } from "../../src/engine/steps.ts";
import { TaskError, workflow } from "../../src/index.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";
import { runToEnd, testApp, untilEnded } from "../support/app.ts";
import { firstTime, undoTurn, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const soon = { retry: { initial: "10ms" } };

/** A workflow of one task. */
const flowOf = (work: (context: TaskContext) => unknown, policies = {}) =>
  workflow("flow").task("work", work, policies);

/** The engine's own dependencies, for a look at what is stored. */
function seen() {
  const { promise, resolve } = Promise.withResolvers<Dependencies>();
  return {
    dependencies: promise,
    around: (dependencies: Dependencies) => {
      resolve(dependencies);
      return dependencies;
    },
  };
}

test.each([
  ["two values", async ({ step }: TaskContext) => [await step("same", () => 1), await step("same", () => 2)]],
  [
    "a value and a wait",
    async ({ step }: TaskContext) => [await step("same", () => 1), await step.sleep("same", "1h")],
  ],
  ["two at once", ({ step }: TaskContext) => Promise.all([step("same", () => 1), step("same", () => 2)])],
])("a name that is given to two steps fails the task for good: %s", async (_name, work) => {
  const view = await runToEnd(testApp({ workflows: [flowOf(work)] }), "flow");
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", attempts: 1, error: { code: "STEP_REPEATED" } });
});

test.each(["", "x".repeat(limits.stepNameCharacters + 1), "日".repeat(100), "half \ud83d"])(
  "a step can't have the name %j",
  async (name) => {
    const view = await runToEnd(testApp({ workflows: [flowOf(({ step }) => step(name, () => 1))] }), "flow");
    expect(view.tasks[0]).toMatchObject({
      status: "ERROR",
      attempts: 1,
      error: { code: "STEP_NAME_INVALID" },
    });
  },
);

test.each<[string, unknown, string]>([
  ["31/12/2099", new Date("31/12/2099"), "an invalid Date"],
  ["a text", "2099-12-31", "'2099-12-31', which is not a Date"],
  ["a number", 4_102_358_400_000, "4102358400000, which is not a Date"],
  ["an object", { day: 1 }, "{ day: 1 }, which is not a Date"],
  ["null", null, "null, which is not a Date"],
  ["nothing", undefined, "undefined, which is not a Date"],
])("a task can't sleep until what is no moment: %s", async (_name, when, problem) => {
  const sleepUntil = ({ step }: TaskContext) => Reflect.apply(step.sleepUntil, step, ["the day", when]);
  const view = await runToEnd(testApp({ workflows: [flowOf(sleepUntil)] }), "flow");
  expect(view.tasks[0]).toMatchObject({
    status: "ERROR",
    attempts: 1,
    error: { code: "DATE_INVALID", message: `The step "the day" can't sleep until ${problem}` },
  });
});

test("a completion that would be waited for longer than it can be is refused, not cut", async () => {
  const waits = (timeout: string) => flowOf((context) => context.waitForCompletion(timeout), soon);
  const view = await runToEnd(testApp({ workflows: [waits("31d")] }), "flow");
  expect(view.tasks[0]).toMatchObject({
    status: "ERROR",
    attempts: 1,
    error: { code: "DURATION_TOO_LONG", message: expect.stringContaining("30 days") },
  });
});

test("any other name will do, and differs from every other", async () => {
  const names = [
    "a/b",
    "a%2Fb",
    "a",
    "a#done",
    "..",
    "ä",
    "ä".repeat(limits.encodedNameCharacters / 6),
    "日 本\n",
  ];
  const large = "x".repeat(limits.inlineResultBytes);
  const flow = flowOf(async ({ step, attempt }) => {
    const stored: string[] = [];
    for (const name of names)
      stored.push((await step(name, () => `${attempt} ${name} ${large}`)).slice(0, -large.length));
    if (attempt === 1) throw new TaskError("once more");
    return stored;
  }, soon);
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", result: names.map((name) => `1 ${name} `) });
});

test("what a step gave is stored, durably, before the task continues", async () => {
  const { around, dependencies } = seen();
  const stored: unknown[] = [];
  const flow = flowOf(async ({ step, batchId }) => {
    await step("first", () => ({ rows: 3 }));
    const { store } = await dependencies;
    const { documents } = await store.query("steps", [{ field: "scope", equals: `${batchId}.work` }], {
      limit: 9,
    });
    stored.push(...documents.map(({ data }) => data));
  });
  expect((await runToEnd(testApp({ workflows: [flow], around }), "flow")).status).toBe("SUCCESS");
  expect(stored).toEqual([
    expect.objectContaining({ name: "first", kind: "value", result: { value: { rows: 3 } } }),
  ]);
});

test("a step whose storing is undone is stored again before the task continues, and not done again", async () => {
  const calls: string[] = [];
  let storedAfter: Promise<number> | undefined;
  let countSteps = async () => 0;
  const isFirst = firstTime();
  const flow = flowOf(async ({ step }) => {
    await step("first", () => void calls.push("first"));
    calls.push("after");
    storedAfter = countSteps();
  }, soon);
  const app = testApp({
    workflows: [flow],
    around: (dependencies) => {
      countSteps = async () => (await dependencies.store.query("steps", [], { limit: 9 })).documents.length;
      return withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const committed = await store.commit(writes);
          if (writes[0]?.key.collection === "steps" && isFirst()) undoTurn(app);
          return committed;
        },
      }));
    },
  });
  const view = await runToEnd(app, "flow");
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1 });
  expect(calls).toEqual(["first", "after"]);
  expect(await storedAfter).toBe(1);
});

test("a step that fails is done again by the next attempt, and those before it are not", async () => {
  const calls: string[] = [];
  const flow = flowOf(async ({ step, attempt }) => {
    const first = await step("first", () => calls.push("first"));
    return step("second", () => {
      calls.push("second");
      if (attempt < 3) throw new Error("not yet");
      return first + 1;
    });
  }, soon);
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 3, result: 2 });
  expect(calls).toEqual(["first", "second", "second", "second"]);
});

test("a step must give JSON", async () => {
  const flow = flowOf(({ step }) => step("first", () => ({ at: new Map() })), { retry: false });
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", error: { code: "TASK_RESULT_NOT_JSON" } });
});

test.each([
  ["small", 10],
  ["large", limits.inlineResultBytes],
])(
  "a worker that comes too late with a %s value gets the first, and leaves it as it is",
  async (_name, length) => {
    const { around, dependencies } = seen();
    testApp({ workflows: [flowOf(() => 1)], around });
    const live = new StoredSteps(await dependencies, "scope", "batch");
    const stale = new StoredSteps(await dependencies, "scope", "batch");
    const first = { kind: "value", value: "1".repeat(length) } as const;
    expect(await live.store("step", "value", jsonText(first.value))).toEqual(first);
    expect(await stale.store("step", "value", jsonText("2".repeat(length)))).toEqual(first);
    expect(await live.find("step")).toEqual(first);
    expect(await new StoredSteps(await dependencies, "other", "batch").find("step")).toBeUndefined();
  },
);

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

test("a poll looks until there is something, null included, and what it saw is stored", async () => {
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

test("a poll that came to nothing fails the task for good", async () => {
  const flow = flowOf(({ step }) => step.poll("job", { every: "20ms", timeout: "60ms" }, () => undefined));
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", attempts: 1, error: { code: "POLL_TIMEOUT" } });
});

test("waits that came to nothing are remembered: the task goes the same way again, whatever comes later", async () => {
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

test("steps beside a wait run until they wait too; what they gave is stored before the task leaves", async () => {
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

test("of parallel waits the first that is over continues, the others take the time they need", async () => {
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

test("a task that waits can be cancelled, and does not come back", async () => {
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

test("what a wait came to in one batch is not held against the next call of the same key", async () => {
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

test("a step whose work ends after its attempt was aborted is not stored: the next attempt does it", async () => {
  const [goOn, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()];
  const flow = flowOf(
    async ({ step, attempt }) => {
      if (attempt > 1) {
        goOn.resolve();
        await ended.promise;
        return step("slow", () => "of the second");
      }
      const slow = step("slow", async () => {
        await goOn.promise;
        return "of the first";
      });
      void slow.then(ended.resolve, ended.resolve);
      return slow;
    },
    { timeout: "5m", retry: { initial: "1s" } },
  );
  const { app, start, ended: untilEnd } = timedApp({ workflows: [flow] });
  app.work.start();
  const view = await untilEnd(await start("flow"), 900);
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 2, result: "of the second" });
  expect(await ended.promise).toMatchObject({ kind: "timeout" });
});

test.each(["a step", "a sleep"])(
  "%s within the work of a step is refused at once, not after the timeout",
  async (what) => {
    const flow = flowOf(({ step }) =>
      step("outer", async () => {
        if (what === "a sleep") await step.sleep("inner", "1s");
        else await step("inner", () => 1);
      }),
    );
    const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
    expect(view.tasks[0]).toMatchObject({ status: "ERROR", attempts: 1, error: { code: "STEP_NESTED" } });
  },
);
