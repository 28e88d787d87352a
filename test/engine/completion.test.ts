import { expect, test } from "vitest";
import { type Duration, workflow } from "../../src/index.ts";
import { testApp, untilEnded } from "../support/app.ts";
import { firstTime, statusOf, withStore } from "../support/faults.ts";
import { callbackReceiver } from "../support/receiver.ts";

const approval = (timeout: Duration = "1h") =>
  workflow("approval")
    .task("ask", (task) => task.waitForCompletion(timeout))
    .task("act", async (task) => task.parent("ask"), { after: ["ask"] });

async function startWaiting(timeout?: Duration) {
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
      .poll(async () => (await app.engine.admin.show(batchId)).tasks[0])
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

test("a completion received before the task waits is kept for it", async () => {
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

test("a completion for an ended batch becomes a dead letter only if the task has no outcome", async () => {
  const { app, batchId, complete, waiting } = await startWaiting();
  app.work.start();
  await waiting();
  await app.engine.cancel(batchId);
  expect(await complete({ result: "late" })).toMatchObject({ outcome: "done" });
  expect((await app.engine.admin.show(batchId)).tasks[0]).toMatchObject({ status: "CANCELLED" });
});

const key = "flow/ask?id=1";

test("a completion is stored even if its task is losing the lock", async () => {
  const isFirst = firstTime();
  const flow = workflow("flow").task("ask", (task) => task.waitForCompletion("1d"), {
    idempotency: { key: { fields: ["id"] } },
  });
  const app = testApp({
    workflows: [flow],
    environment: { BATON_SWEEP: "1h" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          if (statusOf(writes[0]) === "SUCCESS" && isFirst()) await app.engine.admin.executions.unlock(key);
          return store.commit(writes);
        },
      })),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow", input: { id: 1 } });
  app.work.start();
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[0]?.reason).toBe("completion");
  const completion = { kind: "task", batchId, taskId: "ask", previousTaskId: "ask" } as const;
  const report = await app.deliveries.deliver({
    message: { ...completion, completion: { result: "yes" } },
    deliveryAttempt: 1,
  });
  expect(report.outcome).toBe("done");
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({ status: "SUCCESS", result: "yes" });
  expect((await app.engine.admin.executions.explain(key)).execution).toMatchObject({
    state: "SUCCESS",
    result: { value: "yes" },
  });
  expect(isFirst()).toBe(false);
});

/** Two batches that wait for the completion of the same call: the first has lost its lock to the second. */
async function twoWaiting() {
  const receiver = await callbackReceiver();
  const flow = workflow("flow").task("ask", (task) => task.waitForCompletion("1d"), {
    idempotency: { key: { fields: ["id"] } },
    callback: { url: receiver.url },
  });
  const app = testApp({ workflows: [flow], environment: { BATON_HTTP_ALLOW_PRIVATE: "true" } });
  app.work.start();
  const start = async () => {
    const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow", input: { id: 1 } });
    await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[0]?.reason).toBe("completion");
    return batchId;
  };
  const complete = (batchId: string, result: string) =>
    app.deliveries.deliver({
      message: { kind: "task", batchId, taskId: "ask", previousTaskId: "ask", completion: { result } },
      deliveryAttempt: 1,
    });
  const first = await start();
  await app.engine.admin.executions.unlock(key);
  const second = await start();
  /** However often the callback was sent, it was always the second's event. */
  const expectOnlySecondReported = async () => {
    await expect.poll(async () => (await app.engine.admin.callbacks.ofKey(key))[0]?.state).toBe("DELIVERED");
    expect(await app.engine.admin.callbacks.ofKey(key)).toHaveLength(1);
    expect(await app.engine.admin.callbacks.ofBatch(first)).toEqual([]);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    expect(receiver.received[0]?.body).toContain('"of the second"');
  };
  return { app, receiver, complete, first, second, expectOnlySecondReported };
}

test("a completion of a task whose work another has done returns the other's result, and resends it", async () => {
  const { app, receiver, complete, first, second, expectOnlySecondReported } = await twoWaiting();
  await complete(second, "of the second");
  expect((await untilEnded(app, second)).tasks[0]).toMatchObject({ reason: null, result: "of the second" });
  await expectOnlySecondReported();
  await complete(first, "of the first");
  expect((await untilEnded(app, first)).tasks[0]).toMatchObject({
    status: "SUCCESS",
    reason: "already_completed",
    result: "of the second",
  });
  await expect.poll(() => receiver.received.length).toBe(2);
  await expectOnlySecondReported();
});

test("a completion of a task that has lost its lock waits as long as another holds it", async () => {
  const { app, complete, first, second, expectOnlySecondReported } = await twoWaiting();
  await complete(first, "of the first");
  expect((await app.engine.admin.show(first)).tasks[0]).toMatchObject({ status: "WAITING" });
  await complete(second, "of the second");
  expect((await untilEnded(app, second)).tasks[0]).toMatchObject({ reason: null, result: "of the second" });
  expect((await untilEnded(app, first)).tasks[0]).toMatchObject({
    reason: "already_completed",
    result: "of the second",
  });
  await expectOnlySecondReported();
});
