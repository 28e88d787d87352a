import { expect, test } from "vitest";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { fileDrop, TaskError, workflow } from "../../src/index.ts";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";
import { statuses, testApp, untilEnded } from "../support/app.ts";
import { firstTime, withPublish, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";

/** The sweep, which would repair everything in the end, never runs: the messages alone have to suffice. */
const unswept = { BATON_SWEEP: "1h", BATON_LEASE: "30s" };

const chain = () =>
  workflow("flow")
    .task("a", () => 1)
    .task("b", () => 1, { after: ["a"] })
    .task("c", () => 1, { after: ["b"] });

async function run(around: (dependencies: Dependencies) => Dependencies, flow: BuiltWorkflow = chain()) {
  const { app, start, ended } = timedApp({ workflows: [flow], environment: unswept, around });
  const batchId = await start("flow");
  app.work.start();
  return { app, batchId, view: () => ended(batchId, 3_000) };
}

test("died between the commit of the outcome and its publishing: the redelivered message passes it on", async () => {
  const isFirst = firstTime();
  const { view } = await run((dependencies) =>
    withPublish(dependencies, ({ message }) => {
      if (message.kind === "task" && message.previousTaskId === "a" && isFirst()) throw new Error("died");
      return true;
    }),
  );
  expect((await view()).tasks.map(({ status, attempts }) => [status, attempts])).toEqual([
    ["SUCCESS", 1],
    ["SUCCESS", 1],
    ["SUCCESS", 1],
  ]);
});

test("died while starting the children: the redelivered completion starts them", async () => {
  const isFirst = firstTime();
  const { view } = await run((dependencies) =>
    withPublish(dependencies, ({ message }) => {
      if (message.kind === "task" && message.taskId === "b" && isFirst()) throw new Error("died");
      return true;
    }),
  );
  expect((await view()).status).toBe("SUCCESS");
});

test("a redrive publishes a lost message of a child again, even if this process remembers sending it", async () => {
  const isFirst = firstTime();
  const { app, batchId, view } = await run((dependencies) =>
    withPublish(dependencies, ({ message }) => {
      const starts =
        message.kind === "task" && message.taskId === "b" && message.previousTaskId === undefined;
      return !(starts && isFirst());
    }),
  );
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[0]?.status).toBe("SUCCESS");
  await expect.poll(() => app.broker.active).toBe(0);
  expect((await app.engine.admin.show(batchId)).tasks[1]?.status).toBe("NEW");
  await app.deliveries.deliver({ message: { kind: "redrive", batchId }, deliveryAttempt: 1 });
  expect((await view()).status).toBe("SUCCESS");
});

test("a message that finds a lease schedules itself for its end, and takes over from a worker that died", async () => {
  const isFirst = firstTime();
  const { app, batchId, view } = await run((dependencies) => ({
    ...dependencies,
    runner: {
      customKey: (call) => dependencies.runner.customKey(call),
      condition: (call) => dependencies.runner.condition(call),
      cancel: (cancelled) => dependencies.runner.cancel(cancelled),
      // The first attempt never comes back, and sends no heartbeat: its worker has died.
      run: (assignment) => (isFirst() ? new Promise(() => undefined) : dependencies.runner.run(assignment)),
    },
  }));
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[0]?.status).toBe("PROCESSING");
  await app.deliveries.deliver({ message: { kind: "task", batchId, taskId: "a" }, deliveryAttempt: 1 });
  expect((await view()).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 2 });
});

test("a worker that lost its claim makes sure that a worker has it", async () => {
  const isFirst = firstTime();
  const { view } = await run((dependencies) => ({
    ...dependencies,
    runner: {
      customKey: (call) => dependencies.runner.customKey(call),
      condition: (call) => dependencies.runner.condition(call),
      cancel: (cancelled) => dependencies.runner.cancel(cancelled),
      run: async (assignment) => (isFirst() ? { kind: "abandoned" } : dependencies.runner.run(assignment)),
    },
  }));
  expect((await view()).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 2 });
});

test("a worker whose outcome is refused makes sure that a worker has the task", async () => {
  const isFirst = firstTime();
  const { view } = await run((dependencies) =>
    withStore(dependencies, (store) => ({
      commit: async (writes) => {
        const [write] = writes;
        // Another worker takes the claim over just before it is settled, and dies.
        if (write?.kind === "update" && write.data.status === "SUCCESS" && isFirst()) {
          const { document } = await store.get(write.key);
          const data = { ...document?.data, nonce: "thief", attempt: 2 };
          await store.commit([{ kind: "update", key: write.key, version: write.version, data }]);
        }
        return store.commit(writes);
      },
    })),
  );
  expect((await view()).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 3 });
});

test("a skip that was written but not passed on is passed on by the redelivered completion", async () => {
  const flow = workflow("flow")
    .task("a", () => {
      throw new TaskError("no", { retryable: false });
    })
    .task("b", () => 1, { after: ["a"] })
    .task("c", () => 1, { after: ["b"] });
  const isFirst = firstTime();
  const { view } = await run(
    (dependencies) =>
      withPublish(dependencies, ({ message }) => {
        if (message.kind === "task" && message.previousTaskId === "b" && isFirst()) throw new Error("died");
        return true;
      }),
    flow,
  );
  expect(statuses(await view())).toEqual({
    a: "ERROR",
    b: "SKIPPED upstream_failed",
    c: "SKIPPED upstream_failed",
  });
});

test("a retry drives its new batch by itself", async () => {
  let isBroken = true;
  const flow = workflow("flow")
    .task("a", () => 1)
    .task(
      "b",
      () => {
        if (isBroken) throw new TaskError("no", { retryable: false });
      },
      { after: ["a"] },
    );
  const app = testApp({ workflows: [flow], environment: unswept });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  await untilEnded(app, batchId);
  isBroken = false;
  const retried = await app.engine.retry(batchId);
  expect(statuses(await untilEnded(app, retried.batchId))).toEqual({ a: "SUCCESS inherited", b: "SUCCESS" });
});

test("a retry that died while it inherited leaves no batch that could run inherited tasks", async () => {
  const isFirst = firstTime();
  const runs: string[] = [];
  const flow = workflow("flow")
    .task("a", () => void runs.push("a"))
    .task(
      "b",
      () => {
        runs.push("b");
        if (runs.length < 3) throw new TaskError("no", { retryable: false });
      },
      { after: ["a"] },
    );
  const { app, batchId, view } = await run(
    (dependencies) =>
      withStore(dependencies, (store) => ({
        commitEach: async (writes) => {
          if (isFirst()) throw new Error("died");
          return store.commitEach(writes);
        },
      })),
    flow,
  );
  await view();
  await expect(app.engine.retry(batchId)).rejects.toThrow("died");
  await app.engine.sweep();
  expect(await app.engine.admin.list({ status: "RUNNING" })).toEqual([]);
  const retried = await app.engine.retry(batchId);
  await untilEnded(app, retried.batchId);
  expect(runs).toEqual(["a", "b", "b"]);
});

test("a task that changes during a cancel is cancelled too", async () => {
  const isFirst = firstTime();
  const app = testApp({
    workflows: [chain()],
    environment: unswept,
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commitEach: async (writes) => {
          const [write] = writes;
          if (write && write.kind === "create" && isFirst())
            // A worker claims the task between the cancel's look and its write.
            await store.commit([
              {
                kind: "create",
                key: write.key,
                data: { ...write.data, status: "PROCESSING", nonce: "worker", dueSeconds: 60, arrivals: [] },
              },
            ]);
          return store.commitEach(writes);
        },
      })),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  await app.engine.cancel(batchId);
  const view = await app.engine.admin.show(batchId);
  expect(view.status).toBe("CANCELLED");
  expect(new Set(view.tasks.map(({ status }) => status))).toEqual(new Set(["CANCELLED"]));
});

test("a second end of a batch changes nothing", async () => {
  const { app, batchId, view } = await run((dependencies) => dependencies);
  const first = await view();
  await app.deliveries.deliver({ message: { kind: "task", batchId, taskId: "$end" }, deliveryAttempt: 1 });
  expect(await app.engine.admin.show(batchId)).toEqual(first);
});

test("a completion from outside does not end a task that waits for something else", async () => {
  const flow = workflow("flow").task("a", () => {
    throw new Error("try later");
  });
  const { app, batchId } = await run((dependencies) => dependencies, flow);
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[0]?.reason).toBe("retry");
  await app.deliveries.deliver({
    message: { kind: "task", batchId, taskId: "a", previousTaskId: "a", completion: { result: 1 } },
    deliveryAttempt: 1,
  });
  expect((await app.engine.admin.show(batchId)).tasks[0]).toMatchObject({
    status: "WAITING",
    reason: "retry",
  });
});

test("one workflow that refuses a dropped file does not keep another from starting", async () => {
  const willing = workflow("willing", { on: [fileDrop("**")] }).task("a", () => 1);
  const app = testApp({
    workflows: [willing],
    environment: unswept,
    around: (dependencies) => ({
      ...dependencies,
      catalog: {
        find: (id) => dependencies.catalog.find(id),
        all: async () => [
          {
            definition: workflow("refusing").task("a", () => 1).definition,
            triggers: [fileDrop("**")],
            parseInput: () => {
              throw new Error("not this one");
            },
          },
          ...(await dependencies.catalog.all()),
        ],
      },
    }),
  });
  const dropped = { kind: "object", bucket: "inbox", object: "x.csv", generation: "1" } as const;
  await expect(app.engine.startByObject(dropped)).rejects.toThrow("not this one");
  expect(await app.engine.admin.list({ workflowId: "willing" })).toHaveLength(1);
});

test("neither a callback nor an execution record that can't be read keeps batches from being swept", async () => {
  const isFirst = firstTime();
  const { promise, resolve } = Promise.withResolvers<Dependencies>();
  const app = testApp({
    workflows: [chain()],
    environment: unswept,
    around: (dependencies) => {
      resolve(dependencies);
      return withPublish(dependencies, ({ message }) => !(message.kind === "task" && isFirst()));
    },
  });
  const { store } = await promise;
  for (const collection of ["callbacks", "executions"] as const)
    await store.commit([
      { kind: "create", key: { collection, id: "of another version" }, data: { state: "PENDING" } },
    ]);
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  expect(isFirst()).toBe(false);
  await app.engine.sweep();
  app.work.start();
  expect((await untilEnded(app, batchId)).status).toBe("SUCCESS");
});
