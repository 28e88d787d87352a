import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { Message } from "../../src/core/messages.ts";
import { workflow } from "../../src/index.ts";
import { StoreTimeoutError } from "../../src/ports/store.ts";
import { testApp } from "../support/app.ts";
import { statusOf, withStore } from "../support/faults.ts";

/** One task, whose claims are applied only after their callers have given them up, as long as the store is slow. */
async function slowlyClaimed() {
  const runs: string[] = [];
  const flow = workflow("flow").task("a", () => void runs.push("a"));
  const store = { isSlow: true, readsToFail: 0 };
  const late: (() => Promise<void>)[] = [];
  const app = testApp({
    workflows: [flow],
    environment: { BATON_LEASE: "50m", BATON_SWEEP: "1h" },
    around: (dependencies) =>
      withStore(dependencies, ({ get, commit }) => ({
        get: async (key) => {
          if (key.collection === "taskLogs" && store.readsToFail-- > 0)
            throw new StoreTimeoutError("the read", Promise.resolve(), {});
          return get.call(dependencies.store, key);
        },
        commit: async (writes) => {
          if (!store.isSlow || statusOf(writes[0]) !== "PROCESSING")
            return commit.call(dependencies.store, writes);
          const applied = Promise.withResolvers<unknown>();
          applied.promise.catch(() => undefined);
          late.push(async () => applied.resolve(commit.call(dependencies.store, writes)));
          throw new StoreTimeoutError("the claim", applied.promise, {});
        },
      })),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  const message: Message = { kind: "task", batchId, taskId: "a" };
  return {
    store,
    runs,
    deliver: () => app.deliveries.deliver({ message, deliveryAttempt: 1 }),
    task: async () => (await app.engine.admin.show(batchId)).tasks[0],
    /** Applies the abandoned writes. */
    async applyLate() {
      for (const apply of late.splice(0)) await apply();
    },
  };
}

test("abandoned claims that are applied afterwards cost neither a lease nor the task", async () => {
  const { store, runs, deliver, task, applyLate } = await slowlyClaimed();
  for (let claim = 1; claim <= limits.lostLeases + 2; claim += 1) {
    await expect(deliver()).rejects.toThrow("the claim");
    await applyLate();
    await expect.poll(task).toMatchObject({ status: "WAITING", reason: "released", attempts: claim });
  }
  store.isSlow = false;
  await deliver();
  expect(await task()).toMatchObject({ status: "SUCCESS" });
  expect(runs).toEqual(["a"]);
});

test("neither does one that could not be looked for at once", async () => {
  const { store, deliver, task, applyLate } = await slowlyClaimed();
  store.readsToFail = 1;
  await expect(deliver()).rejects.toThrow("the claim");
  expect(store.readsToFail).toBeLessThan(1);
  await applyLate();
  await expect.poll(task).toMatchObject({ status: "WAITING", reason: "released", attempts: 1 });
});

test("a claim that was given up changes nothing once another worker has claimed the task", async () => {
  const { store, runs, deliver, task, applyLate } = await slowlyClaimed();
  await expect(deliver()).rejects.toThrow("the claim");
  store.isSlow = false;
  await deliver();
  await applyLate();
  expect(await task()).toMatchObject({ status: "SUCCESS", attempts: 1 });
  expect(runs).toEqual(["a"]);
});
