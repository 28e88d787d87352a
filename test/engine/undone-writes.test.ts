import { expect, test } from "vitest";
import type { EmbeddedApp } from "../../src/app/embedded.ts";
import { TaskError, workflow } from "../../src/index.ts";
import type { Write } from "../../src/ports/store.ts";
import { temporaryFolder, testApp, untilEnded } from "../support/app.ts";
import { firstTime, statusOf, undoTurn, withStore } from "../support/faults.ts";
import { type TimedApp, timedApp } from "../support/timed-app.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const swept = { BATON_LEASE: "30s", BATON_SWEEP: "10s" };

/** a → b; b notes the store's view of a. The turn of the first matching commit is undone after it was answered. */
function chain(matches: (write: Write) => boolean, a: () => unknown = () => 1, clock = new VirtualClock()) {
  const seen: (string | undefined)[] = [];
  const isFirst = firstTime();
  const flow = workflow("flow")
    .task("a", a, { retry: { initial: "10ms" } })
    .task(
      "b",
      async ({ batchId }) => void seen.push((await app.engine.admin.show(batchId)).tasks[0]?.status),
      {
        after: ["a"],
      },
    );
  const timed: TimedApp = timedApp({
    clock,
    workflows: [flow],
    environment: swept,
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const committed = await store.commit(writes);
          if (writes[0] && matches(writes[0]) && isFirst()) undoTurn(app);
          return committed;
        },
      })),
  });
  const { app } = timed;
  return { timed, seen };
}

async function run({ app, ended }: TimedApp) {
  const { batchId } = await app.engine.durably(() => app.engine.start({ kind: "start", workflowId: "flow" }));
  app.work.start();
  return ended(batchId);
}

test("an outcome that was undone before it was published is not published", async () => {
  const { timed, seen } = chain((write) => write.key.id.endsWith("/a") && statusOf(write) === "SUCCESS");
  expect((await run(timed)).status).toBe("SUCCESS");
  expect(seen).toEqual(["SUCCESS"]);
});

test("a claim that was undone before its code began does not run", async () => {
  const runs: number[] = [];
  const { timed, seen } = chain(
    (write) => write.key.id.endsWith("/a") && statusOf(write) === "PROCESSING",
    () => runs.push(1),
  );
  expect((await run(timed)).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1 });
  expect(runs).toEqual([1]);
  expect(seen).toEqual(["SUCCESS"]);
});

test("a fan-out whose settle was undone is done again by the redelivered message, without a sweep", async () => {
  const isFirst = firstTime();
  const flow = workflow("flow")
    .task("a", () => 1)
    .task("b", () => 2, { after: ["a"] });
  const timed: TimedApp = timedApp({
    workflows: [flow],
    environment: { BATON_LEASE: "30s", BATON_SWEEP: "1d" },
    around: (dependencies) => ({
      ...dependencies,
      broker: {
        publish: async (messages) => {
          await dependencies.broker.publish(messages);
          const startsChild = messages.some(
            ({ message }) => message.kind === "task" && message.taskId === "b",
          );
          if (startsChild && isFirst()) undoTurn(timed.app);
        },
      },
    }),
  });
  // Otherwise the batch waits for the sweep of the next day.
  const { status, tasks } = await run(timed);
  expect(status).toBe("SUCCESS");
  expect(tasks[0]).toMatchObject({ attempts: 2 });
});

test("a heartbeat that was undone does not take the claim away", async () => {
  const clock = new VirtualClock();
  const { timed } = chain(
    (write) => write.kind === "update" && statusOf(write) === "PROCESSING",
    () => new Promise<number>((resolve) => void clock.after(60_000, () => resolve(1))),
    clock,
  );
  expect((await run(timed)).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1 });
});

test("a result is not thrown away because the store refused it once", async () => {
  let runs = 0;
  const isFirst = firstTime();
  const timed = timedApp({
    workflows: [
      workflow("flow").task("a", () => {
        runs += 1;
      }),
    ],
    environment: { BATON_LEASE: "30s", BATON_SWEEP: "1h" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          if (statusOf(writes[0]) === "SUCCESS" && isFirst()) throw new Error("database is locked");
          return store.commit(writes);
        },
      })),
  });
  expect((await run(timed)).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1 });
  expect(runs).toBe(1);
});

test("a claim that was undone is not written over that of another process, for the same attempt", async () => {
  const data = temporaryFolder();
  const environment = { BATON_LEASE: "1h", BATON_SWEEP: "1h" };
  const isFirst = firstTime();
  const [claimed, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const [began, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const refusing = workflow("flow").task("work", () => "of one", {
    idempotency: {
      key: () => {
        throw new TaskError("deployed wrong", { retryable: false });
      },
    },
  });
  const working = workflow("flow").task(
    "work",
    async () => {
      began.resolve();
      await finish.promise;
      return "of the other";
    },
    { idempotency: { key: () => "k" } },
  );
  const one: EmbeddedApp = testApp({
    workflows: [refusing],
    data,
    environment,
    around: (dependencies) => ({
      ...withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const committed = await store.commit(writes);
          if (statusOf(writes[0]) === "PROCESSING" && isFirst()) undoTurn(one);
          return committed;
        },
      })),
      runner: {
        run: (assignment) => dependencies.runner.run(assignment),
        cancel: (cancelled) => dependencies.runner.cancel(cancelled),
        condition: (call) => dependencies.runner.condition(call),
        customKey: async (call) => {
          claimed.resolve();
          await goOn.promise;
          return dependencies.runner.customKey(call);
        },
      },
    }),
  });
  const other = testApp({ workflows: [working], data, environment });
  const { batchId } = await one.engine.durably(() => one.engine.start({ kind: "start", workflowId: "flow" }));
  const delivered = one.deliveries
    .deliver({ message: { kind: "task", batchId, taskId: "work" }, deliveryAttempt: 1 })
    .catch(() => undefined);
  await claimed.promise;
  await expect.poll(async () => (await other.engine.admin.show(batchId)).tasks[0]?.status).toBe("NEW");
  other.work.start({ batchId });
  await began.promise;
  const before = (await other.engine.admin.show(batchId)).tasks[0];
  expect(before).toMatchObject({ status: "PROCESSING", attempts: 1 });
  goOn.resolve();
  await delivered;
  expect((await other.engine.admin.show(batchId)).tasks[0]).toEqual(before);
  finish.resolve();
  expect((await untilEnded(other, batchId)).tasks[0]).toMatchObject({
    status: "SUCCESS",
    attempts: 1,
    result: "of the other",
  });
});
