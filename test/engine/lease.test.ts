import { expect, test } from "vitest";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { workflow } from "../../src/index.ts";
import type { Write } from "../../src/ports/store.ts";
import type { TaskRunner } from "../../src/ports/task-runner.ts";
import { firstTime, statusOf, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

/** Holds back every commit that the first attempt makes after its claim, until `resume` is called. */
function stalledFirstAttempt() {
  const { promise: resumed, resolve: resume } = Promise.withResolvers<void>();
  const isStalled = (write: Write) => write.kind === "update" && write.data.attempt === 1;
  const around = (dependencies: Dependencies): Dependencies => ({
    ...dependencies,
    store: new Proxy(dependencies.store, {
      get(store, name) {
        if (name === "commit")
          return async (writes: readonly Write[]) => {
            if (writes.some(isStalled)) await resumed;
            return store.commit(writes);
          };
        const member: unknown = Reflect.get(store, name, store);
        return typeof member === "function" ? member.bind(store) : member;
      },
    }),
  });
  return { around, resume };
}

const noKeys: Pick<TaskRunner, "customKey" | "condition" | "cancel"> = {
  cancel: async () => {},
  customKey: () => Promise.reject(new Error("No task here has a key")),
  condition: () => Promise.reject(new Error("No task here has a condition")),
};

test("when a lease expires while its worker lives, another takes over, and the old commit is refused", async () => {
  const first = stalledFirstAttempt();
  const finish = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<unknown>();
  const slow = workflow("slow").task("a", async ({ signal, attempt }) => {
    if (attempt === 1) {
      signal.addEventListener("abort", () => aborted.resolve(signal.reason));
      await finish.promise;
    }
    return `result of attempt ${attempt}`;
  });
  const environment = { BATON_LEASE: "30s", BATON_SWEEP: "5s" };
  const { app, start, ended, until } = timedApp({ workflows: [slow], around: first.around, environment });
  const batchId = await start("slow");
  app.work.start();
  const view = await ended(batchId);
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 2, result: "result of attempt 2" });
  first.resume();
  expect(await aborted.promise).toMatchObject({ kind: "lost_lease" });
  finish.resolve();
  await until(() => app.broker.active === 0);
  expect((await app.engine.admin.show(batchId)).tasks).toEqual(view.tasks);
});

test("a worker that is fenced when it settles does not change the other worker's commit", async () => {
  const first = stalledFirstAttempt();
  const quick = workflow("quick").task("a", ({ attempt }) => `result of attempt ${attempt}`);
  const environment = { BATON_LEASE: "30s", BATON_SWEEP: "5s" };
  const { app, start, ended, until } = timedApp({ workflows: [quick], around: first.around, environment });
  const batchId = await start("quick");
  app.work.start();
  const view = await ended(batchId);
  first.resume();
  await until(() => app.broker.active === 0);
  expect((await app.engine.admin.show(batchId)).tasks).toEqual(view.tasks);
  expect(view.tasks[0]).toMatchObject({ attempts: 2, result: "result of attempt 2" });
});

test("a task that outlives many leases keeps its claim by heartbeats", async () => {
  const clock = new VirtualClock();
  const long = workflow("long").task(
    "a",
    async ({ attempt }) => {
      await new Promise<void>((resolve) => void clock.after(300_000, resolve));
      return attempt;
    },
    { timeout: "10m" },
  );
  const environment = { BATON_LEASE: "30s", BATON_SWEEP: "10s" };
  const { app, start, ended } = timedApp({ clock, workflows: [long], environment });
  const batchId = await start("long");
  app.work.start();
  const view = await ended(batchId);
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1, result: 1 });
});

test("a worker that returns just before its task is given up keeps its claim", async () => {
  const isFirst = firstTime();
  let isStaged = false;
  const { app, start, until, clock } = timedApp({
    workflows: [workflow("slow").task("a", () => null)],
    environment: { BATON_LEASE: "1s", BATON_SWEEP: "2s" },
    around: (dependencies) => ({
      ...withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const [write] = writes;
          // The owner's heartbeat arrives between the read and the write of the worker that gives the task up.
          if (write?.kind === "update" && statusOf(write) === "ERROR" && isFirst()) {
            const { document } = await store.get(write.key);
            const data = { ...document?.data, nonce: "owner", dueSeconds: 60 };
            await store.commit([{ kind: "update", key: write.key, version: write.version, data }]);
            isStaged = true;
          }
          return store.commit(writes);
        },
      })),
      runner: { ...noKeys, run: async () => ({ kind: "abandoned" }) },
    }),
  });
  const batchId = await start("slow");
  app.work.start();
  await until(() => isStaged);
  await clock.advance(30_000);
  expect((await app.engine.admin.show(batchId)).tasks[0]).toMatchObject({ status: "PROCESSING" });
});

test("a task whose worker dies every time is failed in the end", async () => {
  const deadly = workflow("deadly").task("a", () => null);
  const { app, start, ended } = timedApp({
    workflows: [deadly],
    environment: { BATON_LEASE: "1s", BATON_SWEEP: "2s" },
    around: (dependencies) => ({
      ...dependencies,
      runner: { ...noKeys, run: async () => ({ kind: "abandoned" }) },
    }),
  });
  const batchId = await start("deadly");
  app.work.start();
  const view = await ended(batchId);
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", error: { code: "TASK_LOST_TOO_OFTEN" } });
});
