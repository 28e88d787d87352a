import { expect, test } from "vitest";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import type { Assignment, TaskOutcome } from "../../src/ports/task-runner.ts";
import { firstTime, statusOf, undoTurn, withStore } from "../support/faults.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { timedApp } from "../support/timed-app.ts";
import { input, key, keyedFlow } from "./keyed-flow.ts";

/** The first run never gives a sign of life: it ends when, and as, the test says. */
function silentFirstRun() {
  const isFirst = firstTime();
  const began = Promise.withResolvers<Assignment>();
  const end = Promise.withResolvers<TaskOutcome>();
  const around = (plain: Dependencies): Dependencies => ({
    ...plain,
    runner: {
      customKey: (call) => plain.runner.customKey(call),
      condition: (call) => plain.runner.condition(call),
      cancel: (cancelled) => plain.runner.cancel(cancelled),
      run: (assignment) => {
        if (!isFirst()) return plain.runner.run(assignment);
        began.resolve(assignment);
        return end.promise;
      },
    },
  });
  return { around, began: began.promise, end: end.resolve };
}

const whole = { text: '"of the old worker"', bytes: 19 };

const late: TaskOutcome = { kind: "succeeded", summary: whole, result: whole, notes: null };

test("a silent lock is respected until its lease is over; then its old worker can store and send nothing", async () => {
  const receiver = await callbackReceiver();
  const old = silentFirstRun();
  const flow = keyedFlow(() => "of the new worker", { callback: { url: receiver.url } }, { lock: "5m" });
  const { app, clock, start, until, ended } = timedApp({
    workflows: [flow],
    around: old.around,
    environment: { BATON_LEASE: "1h", BATON_HTTP_ALLOW_PRIVATE: "true" },
  });
  app.work.start();
  const first = await start("flow", input);
  await old.began;
  const lockedAt = clock.now();
  const second = await start("flow", input);
  const view = await ended(second);
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", reason: null, result: "of the new worker" });
  expect(clock.now() - lockedAt).toBeGreaterThanOrEqual(300_000);
  expect(clock.now() - lockedAt).toBeLessThan(320_000);
  await expect.poll(() => receiver.received.length).toBe(1);
  const before = await app.engine.admin.executions.explain(key);
  const logBefore = (await app.engine.admin.show(first)).tasks[0];
  expect(logBefore).toMatchObject({ status: "PROCESSING", attempts: 1 });
  old.end(late);
  await expect.poll(() => app.broker.active).toBe(0);
  const after = await app.engine.admin.executions.explain(key);
  expect(after.execution).toEqual(before.execution);
  expect((await app.engine.admin.show(first)).tasks[0]).toEqual(logBefore);
  // When its TaskLog's lease is over too, it finds the work done, and resends the other's callback.
  expect((await ended(first, 4_000)).tasks[0]).toMatchObject({
    status: "SUCCESS",
    reason: "already_completed",
    result: "of the new worker",
  });
  await until(() => receiver.received.length >= 2);
  expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  expect(receiver.received[0]?.body).toContain("of the new worker");
});

test("a lease that is over before the TaskLog's does not let the same task be run twice at once", async () => {
  const old = silentFirstRun();
  const flow = keyedFlow(({ attempt }) => attempt, {}, { lock: "1m" });
  const { app, clock, start, ended } = timedApp({
    workflows: [flow],
    around: old.around,
    environment: { BATON_LEASE: "10m" },
  });
  app.work.start();
  const batchId = await start("flow", input);
  await old.began;
  const lockedAt = clock.now();
  expect((await ended(batchId, 900)).tasks[0]).toMatchObject({ status: "SUCCESS", result: 2 });
  expect(clock.now() - lockedAt).toBeGreaterThanOrEqual(600_000);
});

test("the next attempt of the same task does not wait for the lock of the one that died", async () => {
  const old = silentFirstRun();
  const flow = keyedFlow(({ attempt }) => attempt, {}, { lock: "1h" });
  const { app, clock, start, ended } = timedApp({
    workflows: [flow],
    around: old.around,
    environment: { BATON_LEASE: "30s" },
  });
  app.work.start();
  const batchId = await start("flow", input);
  await old.began;
  const lockedAt = clock.now();
  expect((await ended(batchId)).tasks[0]).toMatchObject({ status: "SUCCESS", result: 2 });
  expect(clock.now() - lockedAt).toBeLessThan(40_000);
  expect((await app.engine.admin.executions.explain(key)).execution).toMatchObject({
    token: 2,
    state: "SUCCESS",
  });
});

test.each([
  ["right", 0],
  ["an hour fast", 3_600_000],
  ["an hour slow", -3_600_000],
])("heartbeats keep a lock for as long as its holder lives, its clock being %s", async (_name, wrongMs) => {
  const runs: string[] = [];
  const finish = Promise.withResolvers<string>();
  const flow = keyedFlow(
    ({ batchId }) => {
      runs.push(batchId);
      return finish.promise;
    },
    { timeout: "50m" },
    { lock: "1m" },
  );
  const { app, clock, start, ended } = timedApp({
    workflows: [flow],
    environment: { BATON_LEASE: "30s" },
    around: (plain) => ({
      ...plain,
      clock: {
        now: () => plain.clock.now() + wrongMs,
        monotonicMs: () => plain.clock.monotonicMs(),
        after: (delayMs, callback) => plain.clock.after(delayMs, callback),
      },
    }),
  });
  app.work.start();
  const first = await start("flow", input);
  await expect.poll(() => runs).toEqual([first]);
  const second = await start("flow", input);
  await clock.advance(600_000);
  expect((await app.engine.admin.show(second)).tasks[0]).toMatchObject({
    status: "WAITING",
    reason: "lock_held",
  });
  finish.resolve("done");
  expect((await ended(first)).tasks[0]).toMatchObject({ status: "SUCCESS", reason: null, attempts: 1 });
  expect((await ended(second)).tasks[0]).toMatchObject({ reason: "already_completed", result: "done" });
  expect(runs).toEqual([first]);
});

test.each([
  ["an hour fast", 3_600_000],
  ["an hour slow", -3_600_000],
])(
  "a silent lock and a result last as long as the store says, though the worker's clock is %s",
  async (_name, wrongMs) => {
    const old = silentFirstRun();
    let runs = 0;
    const flow = keyedFlow(() => ++runs, {}, { lock: "5m", ttl: "10m" });
    const { app, clock, start, ended } = timedApp({
      workflows: [flow],
      environment: { BATON_LEASE: "2h" },
      around: (plain) =>
        old.around({
          ...plain,
          clock: {
            now: () => plain.clock.now() + wrongMs,
            monotonicMs: () => plain.clock.monotonicMs(),
            after: (delayMs, callback) => plain.clock.after(delayMs, callback),
          },
        }),
    });
    app.work.start();
    await start("flow", input);
    await old.began;
    const lockedAt = clock.now();
    expect((await ended(await start("flow", input))).tasks[0]).toMatchObject({ result: 1 });
    expect(clock.now() - lockedAt).toBeGreaterThanOrEqual(300_000);
    expect(clock.now() - lockedAt).toBeLessThan(320_000);
    await clock.advance(500_000);
    expect((await ended(await start("flow", input))).tasks[0]).toMatchObject({ reason: "already_completed" });
    await clock.advance(120_000);
    expect((await ended(await start("flow", input))).tasks[0]).toMatchObject({ reason: null, result: 2 });
  },
);

test.each(["claim", "outcome"])(
  "the joint %s of log and record that is undone is not published, and is repeated later",
  async (what) => {
    const isFirst = firstTime();
    let runs = 0;
    const sent: unknown[] = [];
    const flow = keyedFlow(() => ++runs, { callback: { url: "https://a.example/hook" } });
    const { app, ended } = timedApp({
      workflows: [flow],
      environment: { BATON_LEASE: "30s", BATON_SWEEP: "10s" },
      around: (dependencies) => ({
        ...withStore(dependencies, (store) => ({
          commit: async (writes) => {
            const committed = await store.commit(writes);
            const isJoint =
              writes.length > 1 && statusOf(writes[0]) === (what === "claim" ? "PROCESSING" : "SUCCESS");
            if (isJoint && isFirst()) undoTurn(app);
            return committed;
          },
        })),
        callbacks: {
          send: async () => {
            const { tasks } = await app.engine.admin.show(batchId);
            sent.push(tasks[0]?.status, tasks[0]?.result);
          },
        },
      }),
    });
    const { batchId } = await app.engine.durably(() =>
      app.engine.start({ kind: "start", workflowId: "flow", input }),
    );
    app.work.start();
    const view = await ended(batchId);
    expect(isFirst()).toBe(false);
    expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", result: runs });
    expect(runs).toBe(what === "claim" ? 1 : 2);
    expect((await app.engine.admin.executions.explain(key)).execution).toMatchObject({
      state: "SUCCESS",
      result: { value: runs },
    });
    await expect.poll(() => sent).toEqual(["SUCCESS", runs]);
  },
);

test("a worker whose TaskLog is taken over before it has the lock leaves both to the other", async () => {
  const isFirst = firstTime();
  let runs = 0;
  const { app, start, ended } = timedApp({
    workflows: [keyedFlow(() => ++runs)],
    environment: { BATON_LEASE: "30s", BATON_SWEEP: "1h" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        get: async (documentKey) => {
          // Without this pause, a reader in a loop would block the test's timeout.
          await new Promise((resolve) => setImmediate(resolve));
          return store.get(documentKey);
        },
        commit: async (writes) => {
          const [write] = writes;
          // Another worker takes the claim over before the lock is taken, and dies.
          if (
            write?.kind === "update" &&
            writes.length > 1 &&
            statusOf(write) === "PROCESSING" &&
            isFirst()
          ) {
            const data = { ...write.data, nonce: "thief", attempt: 2 };
            await store.commit([{ kind: "update", key: write.key, version: write.version, data }]);
          }
          return store.commit(writes);
        },
      })),
  });
  app.work.start();
  expect((await ended(await start("flow", input))).tasks[0]).toMatchObject({
    status: "SUCCESS",
    attempts: 3,
    result: 1,
  });
  expect((await app.engine.admin.executions.explain(key)).execution).toMatchObject({
    state: "SUCCESS",
    token: 1,
  });
  expect(isFirst()).toBe(false);
});
