import { expect, test } from "vitest";
import * as z from "zod";
import { TaskError } from "../../src/core/errors/errors.ts";
import { defineTaskType, runQuery, Skip, workflow } from "../../src/index.ts";
import type { DocumentStore } from "../../src/ports/store.ts";
import type { LogFields } from "../../src/ports/telemetry.ts";
import { runToEnd, temporaryFolder, testApp, untilEnded } from "../support/app.ts";

const broken = workflow("broken").task("a", () => {
  throw new TaskError("no", { retryable: false });
});
const sound = workflow("sound").task("a", () => 1);

test("a failed batch has a log line of its own, which an alert counts, and a successful one has none", async () => {
  const warnings: [string, LogFields | undefined][] = [];
  const app = testApp({
    workflows: [broken, sound],
    around: (plain) => ({
      ...plain,
      logger: { ...plain.logger, warn: (message, fields) => void warnings.push([message, fields]) },
    }),
  });
  await runToEnd(app, "sound");
  const { batchId, status } = await runToEnd(app, "broken");
  expect(status).toBe("ERROR");
  expect(warnings.filter(([message]) => message === "batch failed")).toEqual([
    ["batch failed", { batchId, workflowId: "broken" }],
  ]);
});

test("an ended batch has the number of its tasks by status, and the task that failed first", async () => {
  const mixed = workflow("mixed")
    .task("good", () => 1)
    .task("second", async ({ step }) => {
      await step.sleep("later", "50ms");
      throw new TaskError("second", { retryable: false });
    })
    .task(
      "first",
      () => {
        throw new TaskError("first of all", { retryable: false, code: "NO_ROWS" });
      },
      { after: ["good"] },
    )
    .task("skipped", () => 1, { after: ["first"] })
    .task("also", () => 1, { after: ["skipped"] });
  const app = testApp({ workflows: [mixed] });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "mixed" });
  expect(await app.engine.admin.status(batchId)).toMatchObject({ counts: null, firstFailure: null });
  app.work.start();
  const view = await untilEnded(app, batchId);
  const failed = view.tasks.find(({ taskId }) => taskId === "first");
  expect(view).toMatchObject({
    status: "ERROR",
    counts: { SUCCESS: 1, ERROR: 2, SKIPPED: 2, CANCELLED: 0 },
    firstFailure: {
      taskId: "first",
      endedAt: failed?.endedAt,
      error: { code: "NO_ROWS", message: "first of all" },
    },
  });
});

test("skips without a failure are counted too", async () => {
  const careful = workflow("careful")
    .task("good", () => 1)
    .task("repair", () => 1, { after: ["good"], rule: "any_failed" });
  const view = await runToEnd(testApp({ workflows: [careful] }), "careful");
  expect(view).toMatchObject({ status: "SUCCESS", firstFailure: null });
  expect(view.counts).toEqual({ SUCCESS: 1, ERROR: 0, SKIPPED: 1, CANCELLED: 0 });
});

test("skips by a task type of the project are counted too", async () => {
  const look = defineTaskType({
    type: "look",
    parameters: z.strictObject({}),
    run: () => {
      throw new Skip("nothing to do");
    },
  });
  const careful = workflow("careful")
    .task("above", look({}))
    .task("below", look({}), { after: ["above"] });
  const view = await runToEnd(testApp({ workflows: [careful] }), "careful");
  expect(view).toMatchObject({ status: "SUCCESS" });
  expect(view.counts).toEqual({ SUCCESS: 0, ERROR: 0, SKIPPED: 2, CANCELLED: 0 });
});

test("a retry counts the skip that it inherits, also of a task with other code now", async () => {
  const data = temporaryFolder();
  const query = runQuery({ sql: "SELECT 1 AS one", into: "ones" });
  const before = testApp({
    data,
    workflows: [
      workflow("changed")
        .task("look", () => {
          throw new Skip("nothing to do");
        })
        .task("fail", () => {
          throw new TaskError("no", { retryable: false });
        }),
    ],
  });
  const { batchId: first } = await runToEnd(before, "changed");
  await before.close();
  const after = testApp({ data, workflows: [workflow("changed").task("look", query).task("fail", query)] });
  const { batchId } = await after.engine.retry(first);
  after.work.start();
  const view = await untilEnded(after, batchId);
  expect(view.counts).toEqual({ SUCCESS: 1, ERROR: 0, SKIPPED: 1, CANCELLED: 0 });
});

test("a batch that began under a version that did not count has no numbers", async () => {
  const { batchId, store, end } = await unfinishedBatch();
  const key = { collection: "batches", id: batchId } as const;
  const { document } = await store.get(key);
  if (!document) throw new Error("The batch is stored");
  const { counts: _, ...old } = document.data;
  await store.commit([{ kind: "update", key, version: document.version, data: old }]);
  expect(await end()).toMatchObject({ status: "ERROR", counts: null, firstFailure: { taskId: "a" } });
});

/** A batch whose tasks have not run. */
async function unfinishedBatch() {
  let store: DocumentStore | undefined;
  const app = testApp({
    workflows: [broken],
    around: (plain) => {
      store = plain.store;
      return plain;
    },
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "broken" });
  if (!store) throw new Error("An app has a store");
  const end = () => {
    app.work.start();
    return untilEnded(app, batchId);
  };
  return { batchId, store, end };
}
