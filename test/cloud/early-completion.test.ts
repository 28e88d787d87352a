import { expect, test } from "vitest";
import { CONTROL_QUEUE } from "../../src/core/messages.ts";
import { workflow } from "../../src/index.ts";
import { cloudInProcess } from "./in-process.ts";

test("an early completion larger than a Cloud Tasks message is accepted", async () => {
  const before = Promise.withResolvers<void>();
  const flow = workflow("flow")
    .task("before", () => before.promise)
    .task("ask", (task) => task.waitForCompletion("1h"), { after: ["before"] })
    .task("read", async (task) => String(await task.parent("ask")).length, { after: ["ask"] });
  const { app, pubsub, tasks } = await cloudInProcess([flow]);
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  const message = {
    kind: "task",
    batchId,
    taskId: "ask",
    previousTaskId: "ask",
    completion: { result: "x".repeat(300_000) },
  } as const;
  await app.broker.publish([{ queue: CONTROL_QUEUE, message }]);
  const controls = () => pubsub.subscriptions().filter(({ name }) => name.includes("control"));
  const underWay = () => controls().map(({ queued, waiting, inFlight }) => queued + waiting + inFlight);
  await expect.poll(underWay).toEqual([0]);
  before.resolve();
  await expect.poll(async () => (await app.engine.admin.status(batchId)).status).toBe("SUCCESS");
  expect((await app.engine.admin.show(batchId)).tasks[2]).toMatchObject({ result: 300_000 });
  // Only what ends the wait is scheduled.
  expect(tasks.meter.of("tasks_created")).toBe(1);
});
