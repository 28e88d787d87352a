import { expect, test } from "vitest";
import { workflow } from "../../src/index.ts";
import { statuses, temporaryFolder, testApp, untilEnded } from "../support/app.ts";

const park = "1h";

/** Starts a batch of `before`, and gives an app with `after` deployed on the same folder. */
async function redeploy(before: ReturnType<typeof old>, after: Parameters<typeof testApp>[0]["workflows"]) {
  const data = temporaryFolder();
  const first = testApp({ data, workflows: [before] });
  const { batchId } = await first.engine.start({ kind: "start", workflowId: "flow" });
  first.work.start();
  await expect.poll(async () => (await first.engine.admin.show(batchId)).tasks[0]?.status).toBe("WAITING");
  await first.close();
  const second = testApp({ data, ...(after && { workflows: after }) });
  second.work.start();
  await second.deliveries.deliver({
    message: { kind: "task", batchId, taskId: "a", previousTaskId: "a", completion: { result: 1 } },
    deliveryAttempt: 1,
  });
  return { app: second, batchId };
}

const old = (runs: string[]) =>
  workflow("flow")
    .task("a", (task) => task.waitForCompletion(park))
    .task("b", () => void runs.push("old b"), { after: ["a"] });

test("a batch keeps the definition it began with, and runs the code that is deployed now", async () => {
  const runs: string[] = [];
  const changed = workflow("flow")
    .task("a", (task) => task.waitForCompletion(park))
    .task("b", () => void runs.push("new b"), { after: ["a"] })
    .task("c", () => void runs.push("c"), { after: ["b"] });
  const { app, batchId } = await redeploy(old(runs), [changed]);
  const view = await untilEnded(app, batchId);
  expect(statuses(view)).toEqual({ a: "SUCCESS", b: "SUCCESS" });
  expect(runs).toEqual(["new b"]);
});

test("a task that the deployed code no longer has waits for another deployment and says so", async () => {
  const without = workflow("flow").task("a", (task) => task.waitForCompletion(park));
  const { app, batchId } = await redeploy(old([]), [without]);
  await expect
    .poll(async () => (await app.engine.admin.show(batchId)).tasks[1])
    .toMatchObject({ status: "WAITING", reason: "retry", error: { code: "TASK_CODE_MISSING" } });
});
