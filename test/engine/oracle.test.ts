import { expect, test } from "vitest";
import { TaskError, workflow } from "../../src/index.ts";
import { statuses, testApp, untilEnded } from "../support/app.ts";
import { chaosApp, seeded } from "../support/chaos.ts";
import { oracle, randomTasks, workflowOfTasks } from "../support/oracle.ts";

test("every rule, failures, doubled messages in any order: as a sequential oracle says, with one end", async () => {
  for (let seed = 1; seed <= 80; seed++) {
    const tasks = randomTasks(seeded(seed));
    const app = chaosApp(workflowOfTasks(tasks), { seed, copies: 2, concurrency: 1 + (seed % 5) });
    const { batchId } = await app.engine.start({ kind: "start", workflowId: "graph" });
    // The first look after the end: nothing may still be under way then.
    const view = await untilEnded(app, batchId);
    const expected = oracle(tasks);
    expect(statuses(view), `seed ${seed}: ${JSON.stringify(tasks)}`).toEqual(expected);
    expect(view.status).toBe(Object.values(expected).includes("ERROR") ? "ERROR" : "SUCCESS");
    await app.close();
  }
});

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("a batch does not end while a task runs whose sibling has failed", async () => {
  const flow = workflow("flow")
    .task("slow", () => pause(300))
    .task("fails", () => {
      throw new TaskError("no", { retryable: false });
    })
    .task("join", () => 1, { after: ["slow", "fails"] });
  const app = testApp({ workflows: [flow] });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[1]?.status).toBe("ERROR");
  await expect(app.engine.retry(batchId)).rejects.toMatchObject({ code: "BATCH_NOT_FINISHED" });
  expect(statuses(await untilEnded(app, batchId))).toEqual({
    slow: "SUCCESS",
    fails: "ERROR",
    join: "SKIPPED upstream_failed",
  });
});

test("a batch does not end before a task that no child needs any more", async () => {
  const flow = workflow("flow")
    .task("quick", () => 1)
    .task("slow", async () => {
      await pause(300);
      throw new TaskError("no", { retryable: false });
    })
    .task("either", () => 1, { after: ["quick", "slow"], rule: "any_succeeded" });
  const app = testApp({ workflows: [flow] });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  expect(await untilEnded(app, batchId)).toMatchObject({ status: "ERROR" });
});
