import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { type Workflow, workflow } from "../../src/index.ts";
import { testApp, untilEnded } from "../support/app.ts";
import { withStore } from "../support/faults.ts";

/** Tasks of more than two pages: the first ones succeed, all others wait. */
const successes = limits.taskLogsPage + 10;
const all = 2 * limits.taskLogsPage + 50;

function wide(): Workflow<unknown, Readonly<Record<string, unknown>>> {
  let built: Workflow<unknown, Readonly<Record<string, unknown>>> = workflow("wide");
  for (let n = 0; n < successes; n++) built = built.task(`done${n}`, () => "a result");
  for (let n = successes; n < all; n++)
    built = built.task(`waits${n}`, (task) => task.waitForCompletion("1h"));
  return built;
}

/** An app with a batch of which all tasks have ended or wait, and the calls of its store in their order. */
async function largeBatch() {
  const calls: string[] = [];
  const app = testApp({
    workflows: [wide()],
    environment: { BATON_SWEEP: "1h", BATON_CONCURRENCY: "500" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        get(key) {
          if (calls.at(-1) !== "get") calls.push("get");
          return store.get(key);
        },
        query(collection, conditions, options) {
          if (collection === "taskLogs") calls.push(`page of ${options.limit}`);
          return store.query(collection, conditions, options);
        },
        commitEach(writes) {
          calls.push("write");
          return store.commitEach(writes);
        },
      })),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "wide" });
  app.work.start();
  const settled = async () =>
    (await app.engine.admin.show(batchId)).tasks.filter(
      ({ status }) => status === "SUCCESS" || status === "WAITING",
    ).length;
  await expect.poll(settled).toBe(all);
  await app.work.stop();
  calls.length = 0;
  return { app, batchId, calls };
}

const page = `page of ${limits.taskLogsPage}`;

test("a redrive, a cancel and a retry hold one page of logs: each is done with before the next is read", async () => {
  const { app, batchId, calls } = await largeBatch();
  await app.engine.redrive(batchId);
  const redriven = calls.splice(0).filter((call) => call !== "write");
  // The first get reads the batch, the others look for completions of the tasks that wait.
  expect(redriven.slice(-4)).toEqual([page, "get", page, "get"]);

  await app.engine.cancel(batchId);
  const cancelled = calls.splice(0).filter((call) => call !== "get");
  expect(cancelled.slice(-4)).toEqual([page, "write", page, "write"]);
  expect((await untilEnded(app, batchId)).status).toBe("CANCELLED");

  calls.length = 0;
  const { batchId: retried } = await app.engine.retry(batchId);
  const inherited = calls.splice(0).filter((call) => call !== "get");
  const last = inherited.lastIndexOf("write");
  expect(inherited.slice(last - 3, last + 1)).toEqual([page, "write", page, "write"]);
  const { tasks } = await app.engine.admin.show(retried);
  expect(tasks.filter(({ status }) => status === "SUCCESS")).toHaveLength(successes);
});

test("an event reads the tasks that wait for it in pages that one commit can resume", async () => {
  const { app, batchId, calls } = await largeBatch();
  await app.engine.receiveEvent({ kind: "event", batchId, event: "go" });
  expect(calls.filter((call) => call.startsWith("page"))).toEqual([`page of ${limits.writesPerCommit}`]);
});
