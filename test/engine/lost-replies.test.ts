import { expect, test } from "vitest";
import { BatonError } from "../../src/core/errors/errors.ts";
import { workflow } from "../../src/index.ts";
import { ConflictError } from "../../src/ports/store.ts";
import { runToEnd, statuses, testApp } from "../support/app.ts";
import { firstTime, statusOf, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";

const long = { BATON_LEASE: "1m", BATON_SWEEP: "1h" };

function counting() {
  const runs: string[] = [];
  const graph = workflow("graph")
    .task("a", () => void runs.push("a"))
    .task("b", () => void runs.push("b"), { after: ["a"] })
    .task("c", () => void runs.push("c"), { after: ["a"] })
    .task("d", () => void runs.push("d"), { after: ["b", "c"] });
  return { runs, graph };
}

test.each([
  ["a conflict", () => new ConflictError("the retry of the client met its own success")],
  ["an error", () => new Error("DEADLINE_EXCEEDED")],
])(
  "every commit is applied and answered with %s: each task runs once, at its first attempt",
  async (_name, make) => {
    const { runs, graph } = counting();
    const app = testApp({
      workflows: [graph],
      environment: long,
      around: (dependencies) =>
        withStore(dependencies, (store) => ({
          commit: async (writes) => {
            await store.commit(writes);
            throw make();
          },
        })),
    });
    const view = await runToEnd(app, "graph");
    expect(view.tasks.every(({ status, attempts }) => status === "SUCCESS" && attempts === 1)).toBe(true);
    expect(runs.sort()).toEqual(["a", "b", "c", "d"]);
  },
);

test("a commit that was not applied is tried again by redelivery", async () => {
  const { runs, graph } = counting();
  const failures = new Set<string>();
  const app = testApp({
    workflows: [graph],
    environment: long,
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const what = `${writes[0]?.key.id} ${statusOf(writes[0])}`;
          const claimsFirst = what.includes("/") && what.endsWith("PROCESSING") && !failures.has(what);
          failures.add(what);
          if (claimsFirst) throw new Error("UNAVAILABLE");
          return store.commit(writes);
        },
      })),
  });
  const view = await runToEnd(app, "graph");
  expect(view.tasks.every(({ attempts }) => attempts === 1)).toBe(true);
  expect(runs.sort()).toEqual(["a", "b", "c", "d"]);
});

test("independent writes that were applied and answered with an error are known by their nonces", async () => {
  const { graph } = counting();
  const app = testApp({
    workflows: [graph],
    environment: long,
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commitEach: async (writes) => {
          await store.commitEach(writes);
          throw new Error("DEADLINE_EXCEEDED");
        },
      })),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "graph" });
  await app.engine.cancel(batchId);
  expect(new Set(Object.values(statuses(await app.engine.admin.show(batchId))))).toEqual(
    new Set(["CANCELLED cancelled"]),
  );
});

test("a heartbeat whose reply is late does not make the outcome look stale", async () => {
  const runs: number[] = [];
  const [beaten, returned] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow = workflow("slow").task("a", async ({ attempt }) => {
    runs.push(attempt);
    await beaten.promise;
    returned.resolve();
  });
  const isFirst = firstTime();
  const { app, start, ended } = timedApp({
    workflows: [slow],
    environment: { BATON_LEASE: "30s", BATON_SWEEP: "1h" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const committed = await store.commit(writes);
          const isHeartbeat = writes[0]?.kind === "update" && statusOf(writes[0]) === "PROCESSING";
          if (!isHeartbeat || !isFirst()) return committed;
          // The task ends before the answer comes.
          beaten.resolve();
          await returned.promise;
          await new Promise((resolve) => setImmediate(resolve));
          return committed;
        },
      })),
  });
  const batchId = await start("slow");
  app.work.start();
  const view = await ended(batchId);
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1 });
  expect(runs).toEqual([1]);
});

test.each(["batches", "definitions"] as const)(
  "a start that loses the store on the way (%s) names its batch, if that may be there",
  async (collection) => {
    const isFirst = firstTime();
    const app = testApp({
      workflows: [counting().graph],
      environment: long,
      around: (dependencies) =>
        withStore(dependencies, (store) => ({
          commit: async (writes) => {
            if (writes[0]?.key.collection !== collection || !isFirst()) return store.commit(writes);
            throw new BatonError("STORE_FAILED", "No answer in 20 s");
          },
        })),
    });
    const start = { kind: "start", workflowId: "graph", key: "k" } as const;
    const thrown = await app.engine.start(start).catch((error: unknown) => error);
    const { batchId } = await app.engine.start(start);
    const named = thrown instanceof BatonError ? thrown.details?.batchId : undefined;
    expect([thrown instanceof BatonError && thrown.code, named]).toEqual([
      "STORE_FAILED",
      collection === "batches" ? batchId : undefined,
    ]);
  },
);
