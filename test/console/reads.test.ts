import { expect, test } from "vitest";
import { BatchReader } from "../../src/console/batch/reader.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import type { DocumentStore } from "../../src/ports/store.ts";
import { workflow } from "../../src/workflow/builder.ts";
import { testApp, untilEnded } from "../support/app.ts";

/** Counts the documents that are read while `isCounting`. */
function countingReads() {
  const reads = { isCounting: false, documents: 0 };
  const count = (documents: number) => {
    if (reads.isCounting) reads.documents += documents;
  };
  const around = (dependencies: Dependencies): Dependencies => {
    const { store } = dependencies;
    const counted: DocumentStore = {
      get: async (key) => {
        count(1);
        return store.get(key);
      },
      query: async (...query) => {
        const found = await store.query(...query);
        count(found.documents.length);
        return found;
      },
      newest: async (...list) => {
        const found = await store.newest(...list);
        count(found.documents.length);
        return found;
      },
      commit: (writes) => store.commit(writes),
      commitEach: (writes) => store.commitEach(writes),
      count: (...counted) => store.count(...counted),
      inOrder: (...listed) => store.inOrder(...listed),
      mark: () => store.mark(),
      sync: (since) => store.sync(since),
    };
    return { ...dependencies, store: counted };
  };
  return { reads, around };
}

test("a poll of a running chain of 100 reads at most three documents, and shows each step", async () => {
  let flow = workflow("chain").task("t-000", async () => 0);
  for (let index = 1; index < 100; index += 1)
    flow = flow.task(
      `t-${String(index).padStart(3, "0")}`,
      async ({ step }) => step.waitForEvent(`e-${index}`, { timeout: "1d" }),
      {
        after: [`t-${String(index - 1).padStart(3, "0")}`],
      } as never,
    );
  const { reads, around } = countingReads();
  const app = testApp({ workflows: [flow], around });
  app.work.start();
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "chain" });
  const reader = new BatchReader(app);
  const waits = (index: number) =>
    expect
      .poll(
        async () => (await app.engine.admin.log(batchId, `t-${String(index).padStart(3, "0")}`))?.log.status,
      )
      .toBe("WAITING");
  await waits(1);
  await reader.read(batchId);
  for (let index = 1; index <= 5; index += 1) {
    await app.engine.durably(() => app.engine.receiveEvent({ kind: "event", batchId, event: `e-${index}` }));
    await waits(index + 1);
    reads.isCounting = true;
    const { logs } = await reader.read(batchId);
    reads.isCounting = false;
    expect(logs.get(`t-${String(index).padStart(3, "0")}`)?.log.status).toBe("SUCCESS");
    expect(logs.get(`t-${String(index + 1).padStart(3, "0")}`)?.log.status).toBe("WAITING");
    expect(reads.documents).toBeLessThanOrEqual(3);
    reads.documents = 0;
  }
  reads.isCounting = true;
  await reader.read(batchId);
  reads.isCounting = false;
  expect(reads.documents).toBe(2);
  await app.engine.cancel(batchId);
  const ended = await untilEnded(app, batchId);
  const { counts } = await reader.read(batchId);
  expect(counts.get("CANCELLED")).toBe(ended.tasks.filter(({ status }) => status === "CANCELLED").length);
  reads.isCounting = true;
  reads.documents = 0;
  await reader.read(batchId);
  expect(reads.documents).toBe(1);
});

test("tasks that wait don't hide the endings of the tasks after them", async () => {
  const waiting = Array.from({ length: 60 }, (_, index) => `a-${String(index).padStart(2, "0")}`);
  let flow = workflow("wide").task("root", async () => 0);
  for (const taskId of [...waiting, "z-last"])
    flow = flow.task(taskId, async ({ step }) => step.waitForEvent(taskId, { timeout: "1d" }), {
      after: ["root"],
    } as never);
  const app = testApp({ workflows: [flow] });
  app.work.start();
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "wide" });
  const statusOf = async (taskId: string) => (await app.engine.admin.log(batchId, taskId))?.log.status;
  for (const taskId of [...waiting, "z-last"]) await expect.poll(() => statusOf(taskId)).toBe("WAITING");
  const reader = new BatchReader(app);
  await reader.read(batchId);
  await app.engine.durably(() => app.engine.receiveEvent({ kind: "event", batchId, event: "z-last" }));
  await expect.poll(() => statusOf("z-last")).toBe("SUCCESS");
  // 61 tasks may have changed, and a poll reads 50.
  await reader.read(batchId);
  const { logs } = await reader.read(batchId);
  expect(logs.get("z-last")?.log.status).toBe("SUCCESS");
  await app.engine.cancel(batchId);
  await untilEnded(app, batchId);
});
