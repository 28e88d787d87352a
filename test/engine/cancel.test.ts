import { expect, test } from "vitest";
import { workflow } from "../../src/index.ts";
import { statuses, testApp, untilEnded } from "../support/app.ts";
import { firstTime, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";

test("cancel: running tasks get their signal, nothing starts afterwards, the batch is CANCELLED", async () => {
  const ran: string[] = [];
  const aborted = Promise.withResolvers<unknown>();
  const started = Promise.withResolvers<void>();
  const long = workflow("long")
    .task("first", () => void ran.push("first"))
    .task(
      "running",
      ({ signal }) => {
        ran.push("running");
        started.resolve();
        return new Promise<null>((resolve) => {
          signal.addEventListener("abort", () => {
            aborted.resolve(signal.reason);
            resolve(null);
          });
        });
      },
      { after: ["first"] },
    )
    .task("after", () => void ran.push("after"), { after: ["running"] })
    .task("always", () => void ran.push("always"), { after: ["running"], rule: "all_ended" });
  const { app, start, until } = timedApp({ workflows: [long], environment: { BATON_LEASE: "30s" } });
  const batchId = await start("long");
  app.work.start();
  await started.promise;
  await app.engine.cancel(batchId);
  const view = await app.engine.admin.show(batchId);
  expect(view.status).toBe("CANCELLED");
  expect(statuses(view)).toEqual({
    first: "SUCCESS",
    running: "CANCELLED cancelled",
    after: "CANCELLED cancelled",
    always: "CANCELLED cancelled",
  });
  let reason: unknown;
  void aborted.promise.then((given) => {
    reason = given;
  });
  // At its next heartbeat.
  expect(await until(() => reason)).toMatchObject({ kind: "lost_lease" });
  for (const taskId of ["first", "running", "after", "always"])
    await app.deliveries.deliver({ message: { kind: "task", batchId, taskId }, deliveryAttempt: 1 });
  await app.deliveries.deliver({
    message: { kind: "task", batchId, taskId: "first", previousTaskId: "first", redrive: true },
    deliveryAttempt: 1,
  });
  await expect.poll(() => app.broker.active).toBe(0);
  expect(ran).toEqual(["first", "running"]);
  expect(statuses(await app.engine.admin.show(batchId))).toEqual(statuses(view));
});

test("a cancel that was interrupted is continued by the sweep", async () => {
  const chain = workflow("chain")
    .task("a", (task) => task.waitForCompletion("1h"))
    .task("b", () => 1, { after: ["a"] });
  let dying = true;
  const app = testApp({
    workflows: [chain],
    around: (dependencies) => ({
      ...dependencies,
      store: new Proxy(dependencies.store, {
        get(store, name) {
          const member: unknown = Reflect.get(store, name, store);
          if (name === "commitEach" && dying) return () => Promise.reject(new Error("died"));
          return typeof member === "function" ? member.bind(store) : member;
        },
      }),
    }),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "chain" });
  await expect(app.engine.cancel(batchId)).rejects.toThrow("died");
  expect((await app.engine.admin.status(batchId)).status).toBe("RUNNING");
  dying = false;
  app.work.start();
  const view = await untilEnded(app, batchId);
  expect(view.status).toBe("CANCELLED");
});

test("cancelling a batch that has ended changes nothing", async () => {
  const one = workflow("one").task("a", () => 1);
  const app = testApp({ workflows: [one] });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "one" });
  app.work.start();
  await untilEnded(app, batchId);
  await app.engine.cancel(batchId);
  expect((await app.engine.admin.show(batchId)).status).toBe("SUCCESS");
});

test("a cancel ends even if its lock is released and its record deleted while it runs", async () => {
  const isFirst = firstTime();
  let isCancelling = false;
  const flow = workflow("flow").task("work", ({ step }) => step.sleep("rest", "1h"), {
    idempotency: { key: { fields: ["id"] } },
  });
  const app = testApp({
    workflows: [flow],
    environment: { BATON_SWEEP: "1h" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        get: async (key) => {
          const found = await store.get(key);
          const record = key.collection === "executions" ? found.document : undefined;
          if (isCancelling && record && isFirst())
            await store.commit([{ kind: "delete", key, version: record.version }]);
          return found;
        },
      })),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow", input: { id: 1 } });
  app.work.start();
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[0]?.reason).toBe("sleep");
  isCancelling = true;
  await app.engine.cancel(batchId);
  expect((await app.engine.admin.show(batchId)).status).toBe("CANCELLED");
  expect(isFirst()).toBe(false);
});
