import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { jsonText } from "../../src/engine/records/results.ts";
import { StoredSteps } from "../../src/engine/steps.ts";
import { TaskError } from "../../src/index.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";
import { runToEnd, testApp } from "../support/app.ts";
import { firstTime, undoTurn, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";
import { flowOf, seen, soon } from "./step-flow.ts";

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

test("the result of a step is stored durably before the task continues", async () => {
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
