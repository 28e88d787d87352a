import { expect, test } from "vitest";
import type { EmbeddedApp } from "../../src/app/embedded.ts";
import { limits } from "../../src/core/limits.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { workflow } from "../../src/index.ts";
import type { QueryResult } from "../../src/ports/store.ts";
import { runToEnd, testApp, untilEnded } from "../support/app.ts";
import { withStore } from "../support/faults.ts";

const one = workflow("one").task("a", () => 1);
const other = workflow("other").task("a", () => 1, { idempotency: { key: { fields: ["n"] } } });

/** An app, and the number of documents that were read in lists since the number was set to 0. */
function countingApp(change: (dependencies: Dependencies) => Dependencies = (dependencies) => dependencies) {
  const read = { documents: 0 };
  const counted = <Found extends QueryResult | undefined>(found: Found) => {
    read.documents += found?.documents.length ?? 0;
    return found;
  };
  const app = testApp({
    workflows: [one, other],
    around: (dependencies) =>
      change(
        withStore(dependencies, (store) => ({
          query: async (...parameters) => counted(await store.query(...parameters)),
          newest: async (...parameters) => counted(await store.newest(...parameters)),
          inOrder: async (...parameters) => counted(await store.inOrder(...parameters)),
        })),
      ),
  });
  return { app, read };
}

const withoutOrders = (dependencies: Dependencies) =>
  withStore(dependencies, () => ({ inOrder: () => undefined }));

/** Batches of both workflows in turns, oldest first. */
async function grown(app: EmbeddedApp, count: number): Promise<string[]> {
  const started: string[] = [];
  app.work.start();
  for (let n = 0; n < count; n++) {
    const workflowId = n % 2 === 0 ? "one" : "other";
    const { batchId } = await app.engine.start({ kind: "start", workflowId, input: { n } });
    started.push(batchId);
  }
  for (const batchId of started) await untilEnded(app, batchId);
  await app.work.stop();
  return started;
}

test("the newest batches are read, and one more that says whether there are others", async () => {
  const { app, read } = countingApp();
  const started = await grown(app, 150);
  const newest = async (filter: Parameters<typeof app.engine.admin.batches>[0], limit: number) => {
    read.documents = 0;
    const { batches, hasMore } = await app.engine.admin.batches(filter, { limit });
    return { ids: batches.map(({ batchId }) => batchId), hasMore, documents: read.documents };
  };
  const last = (count: number) => started.slice(-count).reverse();
  expect(await newest({}, 1)).toEqual({ ids: last(1), hasMore: true, documents: 2 });
  expect(await newest({}, 120)).toMatchObject({ ids: last(120), hasMore: true });
  expect(await newest({}, 150)).toMatchObject({ ids: last(150), hasMore: false });
  const ofOne = last(6).filter((_, index) => index % 2 === 1);
  expect(await newest({ workflowId: "one" }, 3)).toEqual({ ids: ofOne, hasMore: true, documents: 4 });
  expect(await newest({ status: "SUCCESS" }, 2)).toEqual({ ids: last(2), hasMore: true, documents: 3 });
  expect(await newest({ status: "ERROR" }, 2)).toEqual({ ids: [], hasMore: false, documents: 0 });
  expect(await newest({ workflowId: "one", status: "SUCCESS" }, 1)).toMatchObject({ ids: ofOne.slice(0, 1) });
});

test("keys like an unknown one are found beside it, without a look at all others", async () => {
  const { app, read } = countingApp();
  await grown(app, 100);
  read.documents = 0;
  const similar = await app.engine.admin.inspection.similarKeys("other/a?n=5x");
  expect(similar[0]).toMatch(/^other\/a\?n=5/);
  expect(read.documents).toBeLessThanOrEqual(2 * limits.similarKeys);
  expect(await app.engine.admin.inspection.similarKeys("another/a?n=5")).toEqual([]);
});

test("where the store keeps no order of keys, some of them are compared", async () => {
  const { app } = countingApp(withoutOrders);
  await grown(app, 20);
  expect((await app.engine.admin.inspection.similarKeys("other/a?n=5x"))[0]).toBe("other/a?n=5");
});

test("numbers are counted, and a list of results ends with the first that is too many", async () => {
  const { app, read } = countingApp();
  await grown(app, 2 * (limits.largeDocumentsPage + 20));
  read.documents = 0;
  const { executions, batches } = await app.engine.admin.inspection.stats();
  expect(executions.SUCCESS).toBe(limits.largeDocumentsPage + 20);
  expect(batches.SUCCESS).toBe(2 * (limits.largeDocumentsPage + 20));
  expect(read.documents).toBe(0);
  const results = await app.engine.admin.inspection.results(3);
  expect(results.rows).toHaveLength(3);
  expect(results.hasMore).toBe(true);
  expect(read.documents).toBe(limits.largeDocumentsPage);
});

test("a worker keeps nothing of a batch that has ended: a late message reads it again", async () => {
  let reads = 0;
  const app = testApp({
    workflows: [one],
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        get(key) {
          if (key.collection === "batches") reads += 1;
          return store.get(key);
        },
      })),
  });
  const { batchId } = await runToEnd(app, "one");
  // What ends a batch may still run when its status is stored.
  while (app.broker.active > 0) await new Promise((resolve) => setImmediate(resolve));
  reads = 0;
  await app.deliveries.deliver({ message: { kind: "task", batchId, taskId: "a" }, deliveryAttempt: 1 });
  expect(reads).toBeGreaterThan(0);
});
