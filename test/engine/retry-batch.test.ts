import { expect, test } from "vitest";
import { fileDrop, TaskError, workflow } from "../../src/index.ts";
import { statuses, temporaryFolder, testApp, untilEnded } from "../support/app.ts";

/** a → bad → below, and a → good; `bad` fails until it is fixed. */
function flow(runs: string[], isFixed: boolean) {
  const ran = (id: string) => {
    runs.push(id);
    return { id };
  };
  return workflow("flow")
    .task("a", () => ran("a"))
    .task(
      "bad",
      async (task) => {
        const parent = await task.parent("a");
        if (!isFixed) throw new TaskError("broken", { retryable: false });
        return ran(`bad after ${parent.id}`);
      },
      { after: ["a"] },
    )
    .task("below", () => ran("below"), { after: ["bad"] })
    .task("good", () => ran("good"), { after: ["a"] })
    .task("join", () => ran("join"), { after: ["below", "good"] });
}

test("a retry is a new batch of the same lineage that inherits the successes and runs new code", async () => {
  const data = temporaryFolder();
  const before = testApp({ data, workflows: [flow([], false)] });
  const { batchId } = await before.engine.start({ kind: "start", workflowId: "flow" });
  before.work.start();
  expect((await untilEnded(before, batchId)).status).toBe("ERROR");
  await before.close();

  const runs: string[] = [];
  const after = testApp({ data, workflows: [flow(runs, true)] });
  const retried = await after.engine.retry(batchId);
  const again = await after.engine.retry(batchId);
  expect(retried).toMatchObject({ created: true });
  expect(again).toEqual({ batchId: retried.batchId, created: false });
  after.work.start();
  const view = await untilEnded(after, retried.batchId);
  expect(view).toMatchObject({
    status: "SUCCESS",
    lineageId: batchId,
    run: 2,
    startedBy: `retry of ${batchId}`,
  });
  expect(statuses(view)).toEqual({
    a: "SUCCESS inherited",
    bad: "SUCCESS",
    below: "SUCCESS",
    good: "SUCCESS inherited",
    join: "SUCCESS",
  });
  expect(runs).toEqual(["bad after a", "below", "join"]);
  expect((await after.engine.admin.status(batchId)).status).toBe("ERROR");
});

test("what succeeded below a task that runs again runs again too", async () => {
  const runs: string[] = [];
  const rescue = (isFixed: boolean) =>
    workflow("rescue")
      .task("load", () => {
        runs.push("load");
        if (!isFixed) throw new TaskError("broken", { retryable: false });
      })
      .task("report", () => void runs.push("report"), { after: ["load"], rule: "all_ended" });
  const data = temporaryFolder();
  const before = testApp({ data, workflows: [rescue(false)] });
  const { batchId } = await before.engine.start({ kind: "start", workflowId: "rescue" });
  before.work.start();
  expect(statuses(await untilEnded(before, batchId))).toEqual({ load: "ERROR", report: "SUCCESS" });
  await before.close();
  const after = testApp({ data, workflows: [rescue(true)] });
  const retried = await after.engine.retry(batchId);
  after.work.start();
  expect((await untilEnded(after, retried.batchId)).status).toBe("SUCCESS");
  expect(runs).toEqual(["load", "report", "load", "report"]);
});

test("a batch that runs, and one that succeeded, can't be retried", async () => {
  const one = workflow("one").task("a", () => 1);
  const app = testApp({ workflows: [one] });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "one" });
  await expect(app.engine.retry(batchId)).rejects.toMatchObject({ code: "BATCH_NOT_FINISHED" });
  app.work.start();
  await untilEnded(app, batchId);
  await expect(app.engine.retry(batchId)).rejects.toMatchObject({ code: "BATCH_SUCCEEDED" });
  await expect(app.engine.retry("nope")).rejects.toMatchObject({ code: "BATCH_UNKNOWN" });
});

test("a key answers with the retry of its batch, which runs and then has succeeded", async () => {
  const data = temporaryFolder();
  const start = { kind: "start", workflowId: "flow", key: "today" } as const;
  const before = testApp({ data, workflows: [flow([], false)] });
  const { batchId } = await before.engine.start(start);
  before.work.start();
  await untilEnded(before, batchId);
  // It has not been retried.
  expect(await before.engine.start(start)).toEqual({ batchId, created: false });
  await before.close();

  const after = testApp({ data, workflows: [flow([], true)] });
  const { batchId: second } = await after.engine.retry(batchId);
  expect(await after.engine.start(start)).toEqual({ batchId: second, created: false });
  after.work.start();
  expect((await untilEnded(after, second)).status).toBe("SUCCESS");
  expect(await after.engine.start(start)).toEqual({ batchId: second, created: false });
});

test("a file that is dropped again answers with the retry of its batch, and starts nothing", async () => {
  let isFixed = false;
  const files = workflow("files", { on: [fileDrop("in/*.csv")] }).task("load", () => {
    if (!isFixed) throw new TaskError("broken", { retryable: false });
  });
  const app = testApp({ workflows: [files] });
  const drop = { kind: "object", bucket: "inbox", object: "in/a.csv", generation: "1" } as const;
  const [first] = await app.engine.startByObject(drop);
  app.work.start();
  await untilEnded(app, first?.batchId ?? "");
  isFixed = true;
  const { batchId } = await app.engine.retry(first?.batchId ?? "");
  await untilEnded(app, batchId);
  expect(await app.engine.startByObject(drop)).toEqual([{ batchId, created: false }]);
  expect(await app.engine.admin.list({})).toHaveLength(2);
});
