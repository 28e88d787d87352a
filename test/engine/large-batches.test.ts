import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { TaskLogs } from "../../src/engine/records/task-logs.ts";
import { workflow } from "../../src/index.ts";
import { testApp } from "../support/app.ts";
import { withStore } from "../support/faults.ts";

const flow = workflow("flow")
  .task("done", () => "a large result")
  .task("waits", (task) => task.waitForCompletion("1h"));

test("an event, a look at the batch and its cancel read its logs in pages, and keep no results", async () => {
  const known: Dependencies[] = [];
  const asked: number[] = [];
  const app = testApp({
    workflows: [flow],
    environment: { BATON_SWEEP: "1h" },
    around: (dependencies) => {
      known.push(dependencies);
      return withStore(dependencies, (store) => ({
        query: (collection, conditions, options) => {
          if (collection === "taskLogs") asked.push(options.limit);
          return store.query(collection, conditions, options);
        },
      }));
    },
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  await expect
    .poll(async () => (await app.engine.admin.show(batchId)).tasks.map(({ status }) => status))
    .toEqual(["SUCCESS", "WAITING"]);
  asked.length = 0;
  await app.engine.receiveEvent({ kind: "event", batchId, event: "go" });
  await app.engine.redrive(batchId);
  await app.engine.cancel(batchId);
  expect(asked).toEqual([limits.taskLogsPage, limits.taskLogsPage, limits.taskLogsPage]);
  const [dependencies] = known;
  if (!dependencies) throw new Error("The app has dependencies");
  const states = await new TaskLogs(dependencies).readStates(batchId);
  expect(states.get("done")?.log).toMatchObject({ status: "SUCCESS", result: null, arrivals: [] });
  expect(states.get("waits")?.log).toMatchObject({ status: "CANCELLED", attempt: 1 });
});
