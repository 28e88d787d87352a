import { expect, test } from "vitest";
import { workflow } from "../../src/index.ts";
import { temporaryFolder, testApp, untilEnded } from "../support/app.ts";

test("a process that is stopping claims no more tasks", async () => {
  const app = testApp({ workflows: [workflow("flow").task("a", () => 1)] });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start({ batchId: "none" });
  const stopping = app.work.stop();
  const late = app.deliveries.deliver({
    message: { kind: "task", batchId, taskId: "a" },
    deliveryAttempt: 1,
  });
  await expect(late).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  await stopping;
  expect((await app.engine.admin.show(batchId)).tasks[0]).toMatchObject({ status: "NEW" });
});

test("a task that does not finish in time is released, and claimed at once", async () => {
  const data = temporaryFolder();
  const flow = workflow("flow").task("a", ({ attempt, signal }) => {
    if (attempt > 1) return attempt;
    return new Promise<number>((resolve) => signal.addEventListener("abort", () => resolve(0)));
  });
  const environment = { BATON_LEASE: "10m", BATON_SWEEP: "1h" };
  const first = testApp({ data, workflows: [flow], environment });
  const { batchId } = await first.engine.start({ kind: "start", workflowId: "flow" });
  first.work.start();
  await expect.poll(async () => (await first.engine.admin.show(batchId)).tasks[0]?.status).toBe("PROCESSING");
  await first.close();
  const second = testApp({ data, workflows: [flow], environment });
  expect((await second.engine.admin.show(batchId)).tasks[0]).toMatchObject({
    status: "WAITING",
    reason: "released",
  });
  second.work.start();
  expect((await untilEnded(second, batchId)).tasks[0]).toMatchObject({
    status: "SUCCESS",
    attempts: 2,
    result: 2,
  });
});

test("a retry gets its turn although a wide fan-out keeps its queue full", async () => {
  const order: string[] = [];
  let flow = workflow("flow").task(
    "flaky",
    ({ attempt }) => {
      order.push(`flaky ${attempt}`);
      if (attempt === 1) throw new Error("once");
      return null;
    },
    { retry: { initial: "30ms" } },
  ) as ReturnType<typeof workflow>;
  const wide = async () => {
    order.push("wide");
    await new Promise((resolve) => setTimeout(resolve, 10));
    return null;
  };
  for (let index = 0; index < 200; index++)
    flow = flow.task(`t${index}`, wide) as ReturnType<typeof workflow>;
  const app = testApp({ workflows: [flow], environment: { BATON_CONCURRENCY: "2" } });
  app.work.start();
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  await untilEnded(app, batchId);
  expect(order.indexOf("flaky 2")).toBeLessThan(100);
});
