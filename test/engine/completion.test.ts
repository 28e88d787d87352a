import { expect, test } from "vitest";
import { workflow } from "../../src/index.ts";
import { testApp, untilEnded } from "../support/app.ts";

const approval = (timeout = "1h") =>
  workflow("approval")
    .task("ask", (task) => task.waitForCompletion(timeout))
    .task("act", async (task) => task.parent("ask"), { after: ["ask"] });

async function startWaiting(timeout?: string) {
  const app = testApp({ workflows: [approval(timeout)] });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "approval" });
  const complete = (completion?: { result: string } | { error: string }) =>
    app.deliveries.deliver({
      message: {
        kind: "task",
        batchId,
        taskId: "ask",
        previousTaskId: "ask",
        ...(completion && { completion }),
      },
      deliveryAttempt: 1,
    });
  const waiting = () =>
    expect
      .poll(async () => (await app.engine.show(batchId)).tasks[0])
      .toMatchObject({ status: "WAITING", reason: "completion" });
  return { app, batchId, complete, waiting };
}

test("a completion from outside ends the task that waits for it, once", async () => {
  const { app, batchId, complete, waiting } = await startWaiting();
  app.work.start();
  await waiting();
  await complete({ result: "yes" });
  await complete({ result: "no" });
  const view = await untilEnded(app, batchId);
  expect(view.tasks).toMatchObject([
    { status: "SUCCESS", result: "yes" },
    { status: "SUCCESS", result: "yes" },
  ]);
});

test("a completion without a result is a success without one", async () => {
  const { app, batchId, complete, waiting } = await startWaiting();
  app.work.start();
  await waiting();
  await complete();
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({ status: "SUCCESS", result: null });
});

test("a completion may be a failure", async () => {
  const { app, batchId, complete, waiting } = await startWaiting();
  app.work.start();
  await waiting();
  await complete({ error: "refused by Ada" });
  expect((await untilEnded(app, batchId)).tasks).toMatchObject([
    { status: "ERROR", error: { message: "refused by Ada" } },
    { status: "SKIPPED", reason: "upstream_failed" },
  ]);
});

test("a completion that comes before the task waits is kept for it", async () => {
  const { app, batchId, complete } = await startWaiting();
  await complete({ result: "early" });
  app.work.start();
  expect((await untilEnded(app, batchId)).tasks[1]).toMatchObject({ status: "SUCCESS", result: "early" });
});

test("a completion that never comes ends the wait with EVENT_TIMEOUT", async () => {
  const { app, batchId } = await startWaiting("100ms");
  app.work.start();
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({
    status: "ERROR",
    error: { code: "EVENT_TIMEOUT" },
  });
});

test("a completion for a batch that has ended becomes a dead letter only if nothing came of the task", async () => {
  const { app, batchId, complete, waiting } = await startWaiting();
  app.work.start();
  await waiting();
  await app.engine.cancel(batchId);
  expect(await complete({ result: "late" })).toMatchObject({ outcome: "done" });
  expect((await app.engine.show(batchId)).tasks[0]).toMatchObject({ status: "CANCELLED" });
});
