import { expect, test } from "vitest";
import { TaskError, workflow } from "../../src/index.ts";
import { temporaryFolder, testApp, untilEnded } from "../support/app.ts";
import { firstTime, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { byId, input, key, keyedFlow } from "./keyed-flow.ts";

test("unlocking a key fences its holder: it is aborted, stores nothing, and finds the work done", async () => {
  const aborted = Promise.withResolvers<unknown>();
  const finish = Promise.withResolvers<void>();
  const runs: string[] = [];
  const flow = keyedFlow(async ({ signal, batchId }) => {
    runs.push(batchId);
    if (runs.length > 1) return "second";
    signal.addEventListener("abort", () => aborted.resolve(signal.reason));
    await finish.promise;
    return "first";
  });
  const { app, start, ended, until } = timedApp({ workflows: [flow], environment: { BATON_LEASE: "30s" } });
  app.work.start();
  const first = await start("flow", input);
  await expect.poll(() => runs.length).toBe(1);
  expect(await app.engine.admin.executions.unlock(key)).toBe(true);
  expect(await app.engine.admin.executions.unlock(key)).toBe(false);
  const second = await start("flow", input);
  expect((await ended(second, 20)).tasks[0]).toMatchObject({ status: "SUCCESS", result: "second" });
  let reason: unknown;
  void aborted.promise.then((given) => {
    reason = given;
  });
  await until(() => reason !== undefined, 60);
  expect(reason).toMatchObject({ kind: "lost_lease" });
  finish.resolve();
  expect((await ended(first)).tasks[0]).toMatchObject({ reason: "already_completed", result: "second" });
  expect(runs).toEqual([first, second]);
});

test("a holder that ends after its lock was unlocked commits nothing, and does the work again", async () => {
  const finish = Promise.withResolvers<void>();
  const results: string[] = [];
  const flow = keyedFlow(async ({ attempt }) => {
    if (attempt === 1) await finish.promise;
    results.push(`attempt ${attempt}`);
    return `attempt ${attempt}`;
  });
  const { app, start, ended } = timedApp({ workflows: [flow], environment: { BATON_LEASE: "30s" } });
  app.work.start();
  const batchId = await start("flow", input);
  await expect.poll(async () => (await app.engine.admin.inspection.locks(10)).rows.length).toBe(1);
  await app.engine.admin.executions.unlock(key);
  finish.resolve();
  await expect.poll(() => app.broker.active).toBe(0);
  expect((await app.engine.admin.show(batchId)).tasks[0]).toMatchObject({
    status: "PROCESSING",
    attempts: 1,
  });
  expect((await ended(batchId)).tasks[0]).toMatchObject({ status: "SUCCESS", result: "attempt 2" });
  expect((await app.engine.admin.executions.explain(key)).execution.result).toEqual({ value: "attempt 2" });
});

test("a lock is held while its task is parked, and admits no other call before", async () => {
  const runs: string[] = [];
  const flow = keyedFlow(
    async ({ step, batchId }) => {
      await step.sleep("rest", "20m");
      runs.push(batchId);
    },
    {},
    { lock: "10s" },
  );
  const { app, clock, start, ended } = timedApp({ workflows: [flow] });
  app.work.start();
  const first = await start("flow", input);
  await expect.poll(async () => (await app.engine.admin.show(first)).tasks[0]?.reason).toBe("sleep");
  const second = await start("flow", input);
  await clock.advance(1_190_000);
  expect((await app.engine.admin.show(second)).tasks[0]).toMatchObject({
    status: "WAITING",
    reason: "lock_held",
  });
  expect((await ended(first)).tasks[0]).toMatchObject({ status: "SUCCESS", reason: null });
  expect((await ended(second)).tasks[0]).toMatchObject({ status: "SUCCESS", reason: "already_completed" });
  expect(runs).toEqual([first]);
});

test("a cancelled batch releases the lock of a running task, and ignores its later outcome", async () => {
  const finish = Promise.withResolvers<void>();
  const runs: string[] = [];
  const flow = keyedFlow(async ({ batchId }) => {
    runs.push(batchId);
    if (runs.length === 1) await finish.promise;
    return runs.length;
  });
  const { app, start, ended } = timedApp({ workflows: [flow], environment: { BATON_LEASE: "10m" } });
  app.work.start();
  const first = await start("flow", input);
  await expect.poll(() => runs.length).toBe(1);
  const second = await start("flow", input);
  await expect.poll(async () => (await app.engine.admin.show(second)).tasks[0]?.reason).toBe("lock_held");
  await app.engine.cancel(first);
  expect((await app.engine.admin.inspection.locks(10)).rows).toEqual([]);
  expect((await ended(second, 20)).tasks[0]).toMatchObject({ status: "SUCCESS", result: 2 });
  finish.resolve();
  await expect.poll(() => app.broker.active).toBe(0);
  expect((await app.engine.admin.show(first)).tasks[0]).toMatchObject({ status: "CANCELLED", result: null });
  expect((await app.engine.admin.executions.explain(key)).execution.result).toEqual({ value: 2 });
});

test("a cancel that does not take the lock of another leaves it", async () => {
  const finish = Promise.withResolvers<string>();
  const flow = keyedFlow(() => finish.promise);
  const { app, start, ended } = timedApp({ workflows: [flow] });
  app.work.start();
  const first = await start("flow", input);
  await expect.poll(async () => (await app.engine.admin.inspection.locks(10)).rows.length).toBe(1);
  const second = await start("flow", input);
  await expect.poll(async () => (await app.engine.admin.show(second)).tasks[0]?.reason).toBe("lock_held");
  await app.engine.cancel(second);
  expect((await app.engine.admin.inspection.locks(10)).rows).toHaveLength(1);
  finish.resolve("first");
  expect((await ended(first)).tasks[0]).toMatchObject({ status: "SUCCESS", result: "first" });
});

test("a cancel that crashed before it released the lock of a parked task is continued", async () => {
  const isFirst = firstTime();
  const flow = keyedFlow(({ step }) => step.sleep("rest", "30d"));
  const app = testApp({
    workflows: [flow],
    environment: { BATON_SWEEP: "50ms" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const [write] = writes;
          if (
            write?.key.collection === "executions" &&
            write.kind === "update" &&
            write.data.state === "FREE" &&
            isFirst()
          )
            throw new Error("the process died here");
          return store.commit(writes);
        },
      })),
  });
  app.work.start();
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow", input });
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[0]?.reason).toBe("sleep");
  await expect(app.engine.cancel(batchId)).rejects.toThrow("died");
  expect((await untilEnded(app, batchId)).status).toBe("CANCELLED");
  await expect.poll(async () => (await app.engine.admin.inspection.locks(10)).rows).toEqual([]);
});

test("a process that stops releases its locks: the next one continues at once", async () => {
  const data = temporaryFolder();
  const clock = new VirtualClock();
  const flow = keyedFlow(({ attempt, signal }) => {
    if (attempt > 1) return attempt;
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(0)));
  });
  const environment = { BATON_LEASE: "10m", BATON_SWEEP: "1h" };
  const first = timedApp({ data, clock, workflows: [flow], environment });
  first.app.work.start();
  const batchId = await first.start("flow", input);
  await expect.poll(async () => (await first.app.engine.admin.inspection.locks(10)).rows.length).toBe(1);
  await first.app.close();
  const second = timedApp({ data, clock, workflows: [flow], environment });
  expect((await second.app.engine.admin.executions.explain(key)).execution).toMatchObject({
    state: "FREE",
    lastFailure: null,
  });
  second.app.work.start();
  expect((await second.ended(batchId, 30)).tasks[0]).toMatchObject({ status: "SUCCESS", result: 2 });
});

test("a task that can't be described when its wait is over releases its lock", async () => {
  let isBroken = false;
  const flow = workflow("flow")
    .task("target", () => ({ url: "https://a.example/hook", filler: "x".repeat(100_000) }))
    .task("work", ({ step }) => step.sleep("rest", "150ms"), {
      after: ["target"],
      retry: false,
      idempotency: { ...byId, lock: "1h" },
      callback: { url: "{{ parents.target.url }}" },
    });
  const app = testApp({
    workflows: [flow],
    around: (dependencies) => ({
      ...dependencies,
      objects: {
        stat: (name) => dependencies.objects.stat(name),
        write: (name, content, type) => dependencies.objects.write(name, content, type),
        move: (from, to) => dependencies.objects.move(from, to),
        list: (prefix, options) => dependencies.objects.list(prefix, options),
        remove: (listed) => dependencies.objects.remove(listed),
        read: async (name) => {
          if (isBroken) throw new TaskError("the object is gone", { retryable: false });
          return dependencies.objects.read(name);
        },
      },
    }),
  });
  app.work.start();
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow", input });
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[1]?.reason).toBe("sleep");
  isBroken = true;
  expect((await untilEnded(app, batchId)).tasks[1]).toMatchObject({ status: "ERROR" });
  expect((await app.engine.admin.inspection.locks(10)).rows).toEqual([]);
});
