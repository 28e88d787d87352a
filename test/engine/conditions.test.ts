import { expect, test } from "vitest";
import { Skip, TaskError, workflow } from "../../src/index.ts";
import { runToEnd, temporaryFolder, testApp, untilEnded } from "../support/app.ts";

type View = Awaited<ReturnType<typeof runToEnd>>;

const taskOf = ({ tasks }: View, id: string) => tasks.find(({ taskId }) => taskId === id);

test("a function decides by the input and the results of the parents", async () => {
  const flow = workflow("flow")
    .task("load", () => ({ rows: 0 }))
    .task("tell", () => "sent", { after: ["load"], when: ({ parents }) => parents.load.rows > 0 })
    .task("clear", () => "cleared", {
      after: ["load"],
      when: ({ parents, status, input }) =>
        parents.load.rows === 0 && status.load === "SUCCESS" && input !== undefined,
    })
    .task("both", () => "ran", { after: ["tell", "clear"], rule: "none_failed" })
    .task("below", () => "ran", { after: ["tell"] });
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.status).toBe("SUCCESS");
  expect(taskOf(view, "tell")).toMatchObject({
    status: "SKIPPED",
    reason: "condition_not_met",
    skipCause: "when",
  });
  expect(taskOf(view, "clear")).toMatchObject({ status: "SUCCESS", result: "cleared" });
  expect(taskOf(view, "both")).toMatchObject({ status: "SUCCESS" });
  expect(taskOf(view, "below")).toMatchObject({ status: "SKIPPED", reason: "upstream_skipped" });
  expect(view.counts).toEqual({ SUCCESS: 3, ERROR: 0, SKIPPED: 2, CANCELLED: 0 });
});

test("an expression decides too, and the skip names it", async () => {
  const flow = workflow("flow")
    .task("load", () => ({ rows: 2 }))
    .task("few", () => 1, { after: ["load"], when: "parents.load.rows < 5 && status.load == 'SUCCESS'" })
    .task("many", () => 1, { after: ["load"], when: "parents.load.rows >= 5" });
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(taskOf(view, "few")).toMatchObject({ status: "SUCCESS" });
  expect(taskOf(view, "many")).toMatchObject({
    status: "SKIPPED",
    reason: "condition_not_met",
    skipCause: "parents.load.rows >= 5",
  });
});

test.each<[string, string | (() => boolean), string]>([
  [
    "throws",
    () => {
      throw new Error("no day");
    },
    "CONDITION_FAILED",
  ],
  ["returns no boolean", () => Reflect.get({}, "x"), "CONDITION_FAILED"],
  ["gives a number", "1 + 1", "CONDITION_FAILED"],
  ["reads what is missing", "input.missing", "EXPRESSION_FAILED"],
  ["can't be read", "1 +", "EXPRESSION_INVALID"],
])("a condition that %s fails its task, which is not retried and never runs", async (_name, when, code) => {
  let runs = 0;
  const flow = workflow("flow").task(
    "work",
    () => {
      runs += 1;
      return runs;
    },
    { when },
  );
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", attempts: 1, error: { code } });
  expect(runs).toBe(0);
});

test("a condition comes before the idempotency key: it takes no lock, and no stored result counts", async () => {
  const input = { day: "2026-12-01" };
  const app = testApp({
    workflows: [
      workflow("first").task("work", () => "done", { idempotency: { key: () => "same" } }),
      workflow("second").task("work", () => "done", { idempotency: { key: () => "same" }, when: "false" }),
    ],
  });
  await runToEnd(app, "first", input);
  const view = await runToEnd(app, "second", input);
  expect(view.tasks[0]).toMatchObject({ status: "SKIPPED", reason: "condition_not_met", key: null });
});

test("a task that has waited is not asked again", async () => {
  let asked = 0;
  const flow = workflow("flow").task(
    "work",
    async ({ step }) => {
      await step.sleep("a moment", "10ms");
      return "done";
    },
    {
      when: () => {
        asked += 1;
        return asked === 1;
      },
    },
  );
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS" });
  expect(asked).toBe(1);
});

test("a task skips itself with its cause and notes, is not retried, and frees its key without a result", async () => {
  let runs = 0;
  const flow = workflow("flow").task(
    "work",
    ({ count }) => {
      runs += 1;
      count("looked", 3);
      throw new Skip("no rows in secret://whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0");
    },
    { idempotency: true },
  );
  const app = testApp({ workflows: [flow] });
  const view = await runToEnd(app, "flow", { a: 1 });
  const [task] = view.tasks;
  expect(task).toMatchObject({ status: "SKIPPED", reason: "skipped_by_task", attempts: 1, error: null });
  expect(task?.skipCause).toContain("no rows");
  expect(task?.skipCause).not.toContain("c2VjcmV0");
  expect(task?.report.counters).toEqual({ looked: 3 });
  await runToEnd(app, "flow", { a: 1 });
  expect(runs).toBe(2);
});

test("under any_succeeded a condition sees a parent that has not started", async () => {
  const seen: string[] = [];
  const flow = workflow("flow")
    .task("fast", () => 1)
    .task("slow", ({ step }) => step.sleep("long", "50ms"))
    .task("late", () => 1, { after: ["slow"] })
    .task("work", () => 1, {
      after: ["fast", "late"],
      rule: "any_succeeded",
      when: ({ status }) => {
        seen.push(status.late);
        return true;
      },
    });
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(taskOf(view, "work")).toMatchObject({ status: "SUCCESS" });
  expect(seen).toEqual(["NEW"]);
});

test("a retry keeps skips, and what ran after them", async () => {
  const ran: string[] = [];
  let isBroken = true;
  const note = (id: string) => () => {
    ran.push(id);
    return id;
  };
  const flow = workflow("flow")
    .task("a", note("a"))
    .task("b", note("b"), { after: ["a"], when: "false" })
    .task(
      "c",
      () => {
        ran.push("c");
        throw new Skip("nothing");
      },
      { after: ["a"] },
    )
    .task("d", note("d"), { after: ["a", "b", "c"], rule: "none_failed" })
    .task(
      "e",
      () => {
        ran.push("e");
        if (isBroken) throw new TaskError("broken", { retryable: false });
        return "e";
      },
      { after: ["d"] },
    );
  const app = testApp({ workflows: [flow] });
  const view = await runToEnd(app, "flow");
  expect(view.status).toBe("ERROR");
  isBroken = false;
  ran.length = 0;
  const { batchId } = await app.engine.retry(view.batchId);
  const again = await untilEnded(app, batchId);
  expect(ran).toEqual(["e"]);
  expect(again.tasks.map(({ status, reason }) => [status, reason])).toEqual([
    ["SUCCESS", "inherited"],
    ["SKIPPED", "condition_not_met"],
    ["SKIPPED", "skipped_by_task"],
    ["SUCCESS", "inherited"],
    ["SUCCESS", null],
  ]);
  expect(again.tasks[2]?.skipCause).toBe("nothing");
});

test("a retry asks a corrected condition again", async () => {
  const data = temporaryFolder();
  const flowWhen = (when: string) =>
    workflow("flow")
      .task("a", () => 1)
      .task("b", () => 1, { after: ["a"], when })
      .task(
        "c",
        () => {
          throw new TaskError("broken", { retryable: false });
        },
        { after: ["a"] },
      );
  const before = testApp({ workflows: [flowWhen("parents.a > 1")], data });
  const view = await runToEnd(before, "flow");
  await before.close();
  const after = testApp({ workflows: [flowWhen("parents.a == 1")], data });
  const { batchId } = await after.engine.retry(view.batchId);
  after.work.start();
  const again = await untilEnded(after, batchId);
  expect(taskOf(again, "b")).toMatchObject({ status: "SUCCESS", reason: null });
});
