import { expect, test } from "vitest";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { TaskError, workflow } from "../../src/index.ts";
import { runToEnd, statuses, testApp } from "../support/app.ts";

test("a diamond runs in order and each task sees its parents' results", async () => {
  const order: string[] = [];
  const diamond = workflow("diamond")
    .task("a", () => {
      order.push("a");
      return { n: 1 };
    })
    .task("b", async (task) => ({ n: (await task.parent("a")).n + 1 }), { after: ["a"] })
    .task("c", async (task) => ({ n: (await task.parent("a")).n + 2 }), { after: ["a"] })
    .task(
      "d",
      async (task) => {
        order.push("d");
        return (await task.parent("b")).n + (await task.parent("c")).n;
      },
      { after: ["b", "c"] },
    );
  const app = testApp({ workflows: [diamond] });
  const view = await runToEnd(app, "diamond");
  expect(view.status).toBe("SUCCESS");
  expect(view.tasks.at(-1)).toMatchObject({ taskId: "d", status: "SUCCESS", attempts: 1, result: 5 });
  expect(order).toEqual(["a", "d"]);
});

test("a failing branch skips its descendants, and the other branches continue", async () => {
  const branches = workflow("branches")
    .task("root", () => 1)
    .task(
      "bad",
      () => {
        throw new TaskError("no such table", { retryable: false, code: "NO_TABLE" });
      },
      { after: ["root"] },
    )
    .task("below", () => 1, { after: ["bad"] })
    .task("far_below", () => 1, { after: ["below"] })
    .task("good", () => 1, { after: ["root"] })
    .task("cleanup", () => 1, { after: ["below", "good"], rule: "all_ended" })
    .task("alarm", () => 1, { after: ["far_below"], rule: "any_failed" });
  const view = await runToEnd(testApp({ workflows: [branches] }), "branches");
  expect(view.status).toBe("ERROR");
  expect(statuses(view)).toEqual({
    root: "SUCCESS",
    bad: "ERROR",
    below: "SKIPPED upstream_failed",
    far_below: "SKIPPED upstream_failed",
    good: "SUCCESS",
    cleanup: "SUCCESS",
    alarm: "SUCCESS",
  });
  expect(view.tasks[1]?.error).toMatchObject({
    code: "NO_TABLE",
    message: "no such table",
    retryable: false,
  });
});

test("a batch that can't be read hides no other from the list", async () => {
  let dependencies: Dependencies | undefined;
  const app = testApp({
    workflows: [workflow("flow").task("a", () => 1)],
    around: (plain) => {
      dependencies = plain;
      return plain;
    },
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  const key = { collection: "batches", id: "from-another-version" } as const;
  await dependencies?.store.commit([{ kind: "create", key, data: { status: "RUNNING" } }]);
  expect((await app.engine.admin.list({})).map((batch) => batch.batchId)).toEqual([batchId]);
});
