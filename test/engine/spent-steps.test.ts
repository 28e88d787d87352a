import { expect, test } from "vitest";
import { TaskError, workflow } from "../../src/index.ts";
import { firstTime, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";

const input = { id: 1 };
const key = "flow/work?id=1";
const week = 7 * 86_400_000;
const idempotency = { key: { fields: ["id"] } } as const;

test("a call that takes a key just before its steps expire continues after them, despite their cleanup", async () => {
  const isFirst = firstTime();
  const secondIsHere = Promise.withResolvers<void>();
  const firstHasIt = Promise.withResolvers<void>();
  const done: string[] = [];
  let isReady = false;
  const flow = workflow("flow").task(
    "work",
    async ({ step }) => {
      await step("effect", () => void done.push("effect"));
      if (done.push("run") === 2) throw new TaskError("for good", { retryable: false });
    },
    { idempotency },
  );
  const { app, clock, start, ended } = timedApp({
    workflows: [flow],
    environment: { BATON_SWEEP: "30d", BATON_LEASE: "1h" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const record = writes.find((write) => write.key.collection === "executions");
          if (!isReady || !record) return store.commit(writes);
          if (isFirst()) {
            // The first has found the steps. Before it has the key, their time is over, and a second comes.
            clock.set(120_000);
            await start("flow", input);
            await secondIsHere.promise;
            const committed = await store.commit(writes);
            firstHasIt.resolve();
            return committed;
          }
          secondIsHere.resolve();
          await firstHasIt.promise;
          return store.commit(writes);
        },
      })),
  });
  app.work.start();
  expect((await ended(await start("flow", input))).status).toBe("ERROR");
  clock.set(week - 60_000);
  isReady = true;
  const second = await start("flow", input);
  expect((await ended(second)).tasks[0]).toMatchObject({ status: "SUCCESS" });
  expect(done).toEqual(["effect", "run", "run"]);
});

test("the steps of an expired result are deleted once the next call has the key, without a wait", async () => {
  const mayBeDeleted = Promise.withResolvers<void>();
  let runs = 0;
  const flow = workflow("flow").task("work", ({ step }) => step("count", () => ++runs), {
    idempotency: { ...idempotency, recurring: true },
  });
  const { app, start, until, ended } = timedApp({
    workflows: [flow],
    environment: { BATON_LEASE: "30s" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commitEach: async (writes) => {
          if (writes.some(({ kind }) => kind === "delete")) await mayBeDeleted.promise;
          return store.commitEach(writes);
        },
      })),
  });
  app.work.start();
  await ended(await start("flow", input));
  const { execution } = await app.engine.admin.executions.explain(key);
  const second = await start("flow", input);
  // However long that takes, the work has its claim, and ends as the first attempt.
  expect((await ended(second, 100)).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1, result: 2 });
  mayBeDeleted.resolve();
  const left = async () => (await app.engine.admin.executions.explain(key)).steps;
  expect((await app.engine.admin.executions.explain(key)).execution.generation).not.toBe(
    execution.generation,
  );
  await until(async () => (await left()).length === 1);
});
