import { expect, test } from "vitest";
import { TaskError, workflow } from "../../src/index.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";
import { runToEnd, testApp, untilEnded } from "../support/app.ts";
import { timedApp } from "../support/timed-app.ts";
import { byId, input, keyedFlow } from "./keyed-flow.ts";

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

test("a key that can't be computed fails the task without a retry, before its code runs", async () => {
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
