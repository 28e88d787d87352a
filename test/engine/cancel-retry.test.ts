import { expect, test } from "vitest";
import { runQuery, TaskError, workflow } from "../../src/index.ts";
import type { Clock } from "../../src/ports/machine.ts";
import type { TaskOutcome } from "../../src/ports/task-runner.ts";
import { testApp, untilEnded } from "../support/app.ts";
import { firstTime } from "../support/faults.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const key = "flow/query?into=ones";
const flowWith = (onLocked: "wait" | "skip") =>
  workflow("flow").task("query", runQuery({ sql: "SELECT 1 AS one", into: "ones" }), {
    idempotency: { key: { fields: ["into"] }, lock: "5m", onLocked },
  });
const whole = { text: "1", bytes: 1 };
const done: TaskOutcome = { kind: "succeeded", summary: whole, result: whole, notes: null };

/**
 * A batch that has been cancelled, and a warehouse whose jobs are known by their idempotency keys. The task of the
 * first run ends as the test says. `onCancel` is called within each of the later cancels, the first being that of the
 * command.
 */
async function cancelled(
  onCancel: () => Promise<void>,
  { clock, onLocked = "wait" }: { readonly clock?: Clock; readonly onLocked?: "wait" | "skip" } = {},
) {
  const jobs = new Set<string>();
  const killed: string[] = [];
  const first = Promise.withResolvers<TaskOutcome>();
  const retried = Promise.withResolvers<TaskOutcome>();
  let runs = 0;
  let cancels = 0;
  const app = testApp({
    workflows: [flowWith(onLocked)],
    ...(clock && { clock }),
    environment: { BATON_SWEEP: "1h", BATON_LEASE: "10m" },
    around: (plain) => ({
      ...plain,
      runner: {
        customKey: (call) => plain.runner.customKey(call),
        condition: (call) => plain.runner.condition(call),
        run: (assignment) => {
          runs += 1;
          if (runs === 1) return first.promise;
          jobs.add(assignment.idempotencyKey);
          return retried.promise.finally(() => jobs.delete(assignment.idempotencyKey));
        },
        cancel: async ({ idempotencyKey }) => {
          cancels += 1;
          if (cancels > 1) await onCancel();
          if (jobs.has(idempotencyKey)) killed.push(idempotencyKey);
        },
      },
    }),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  await expect.poll(() => runs).toBe(1);
  await app.engine.cancel(batchId);
  expect(cancels).toBe(1);
  return {
    app,
    batchId,
    killed,
    runs: () => runs,
    cancels: () => cancels,
    /** The old worker finds its claim gone. */
    oldWorkerEnds: () => first.resolve({ kind: "abandoned" }),
    retryEnds: () => retried.resolve(done),
    /** What becomes of a retry that comes now: it runs, or waits for the lock. */
    async retry(): Promise<string> {
      const { batchId: next } = await app.engine.retry(batchId);
      const hasCome = async () =>
        runs > 1 || (await app.engine.admin.show(next)).tasks[0]?.status === "WAITING";
      await expect.poll(hasCome).toBe(true);
      return next;
    },
  };
}

test("the old worker of a cancelled task does not end the retry's job, because the key is held", async () => {
  const hasCome = Promise.withResolvers<string>();
  const batch = await cancelled(async () => hasCome.resolve(await batch.retry()));
  batch.oldWorkerEnds();
  const next = await hasCome.promise;
  await expect.poll(() => batch.runs()).toBe(2);
  batch.retryEnds();
  expect((await untilEnded(batch.app, next)).status).toBe("SUCCESS");
  expect(batch.killed).toEqual([]);
});

test("a call that skips locked keys waits while a key is held for a cancel: no call does the work", async () => {
  const hasCome = Promise.withResolvers<string>();
  const batch = await cancelled(async () => hasCome.resolve(await batch.retry()), { onLocked: "skip" });
  batch.oldWorkerEnds();
  const next = await hasCome.promise;
  await expect.poll(() => batch.runs()).toBe(2);
  batch.retryEnds();
  expect((await untilEnded(batch.app, next)).status).toBe("SUCCESS");
});

test("what takes longer than the hold does not try again once another call has the key", async () => {
  const clock = new VirtualClock();
  const isFirst = firstTime();
  const taken = Promise.withResolvers<string>();
  const batch = await cancelled(
    async () => {
      if (!isFirst()) return;
      await clock.advance(61_000);
      taken.resolve(await batch.retry());
      throw new TaskError("no answer came", { retryable: true });
    },
    { clock },
  );
  batch.oldWorkerEnds();
  const next = await taken.promise;
  expect(batch.runs()).toBe(2);
  const before = batch.cancels();
  await expect.poll(() => clock.pending).toBeGreaterThan(0);
  await clock.advance(10_000);
  batch.retryEnds();
  expect((await untilEnded(batch.app, next)).status).toBe("SUCCESS");
  await expect.poll(() => batch.app.broker.active).toBe(0);
  expect(batch.killed).toEqual([]);
  expect(batch.cancels()).toBe(before);
});

test("of two cancels of one job, the second waits: the first would free the lock of the other", async () => {
  const isSlow = firstTime();
  const slowMayEnd = Promise.withResolvers<void>();
  const batch = await cancelled(async () => {
    if (isSlow()) await slowMayEnd.promise;
  });
  const message = { kind: "task", batchId: batch.batchId, taskId: "query" } as const;
  const deliver = () => batch.app.deliveries.deliver({ message, deliveryAttempt: 1 });
  const slow = deliver();
  await expect.poll(() => batch.cancels()).toBe(2);
  const other = deliver();
  const next = await batch.retry();
  expect((await batch.app.engine.admin.show(next)).tasks[0]).toMatchObject({ reason: "lock_held" });
  expect(batch.cancels()).toBe(2);
  slowMayEnd.resolve();
  await Promise.all([slow, other]);
  await expect.poll(() => batch.runs()).toBe(2);
  batch.retryEnds();
  expect((await untilEnded(batch.app, next)).status).toBe("SUCCESS");
  expect(batch.killed).toEqual([]);
});

test("a late canceller of a cancelled task's job leaves the lock of another call alone", async () => {
  const batch = await cancelled(async () => undefined);
  const next = await batch.retry();
  expect(batch.runs()).toBe(2);
  batch.oldWorkerEnds();
  const message = { kind: "task", batchId: batch.batchId, taskId: "query" } as const;
  await batch.app.deliveries.deliver({ message, deliveryAttempt: 1 });
  expect(batch.cancels()).toBe(1);
  expect((await batch.app.engine.admin.inspection.locks(10)).rows).toMatchObject([{ batchId: next }]);
  batch.retryEnds();
  expect((await untilEnded(batch.app, next)).status).toBe("SUCCESS");
});

test("a key whose result was cleared is not held: it would count again", async () => {
  const batch = await cancelled(async () => undefined);
  expect(await batch.app.engine.admin.executions.clearResult(key)).toBe(true);
  const before = await batch.app.engine.admin.executions.explain(key);
  const message = { kind: "task", batchId: batch.batchId, taskId: "query" } as const;
  await batch.app.deliveries.deliver({ message, deliveryAttempt: 1 });
  expect(batch.cancels()).toBe(2);
  expect((await batch.app.engine.admin.executions.explain(key)).execution).toEqual(before.execution);
});

test("a call waits at most a minute for a canceller that holds the key and hangs", async () => {
  const clock = new VirtualClock();
  const isStuck = firstTime();
  const standingStill = Promise.withResolvers<void>();
  const batch = await cancelled(
    async () => {
      if (isStuck()) await standingStill.promise;
    },
    { clock },
  );
  const message = { kind: "task", batchId: batch.batchId, taskId: "query" } as const;
  const stuck = batch.app.deliveries.deliver({ message, deliveryAttempt: 1 });
  await expect.poll(() => batch.cancels()).toBe(2);
  const other = batch.app.deliveries.deliver({ message, deliveryAttempt: 1 });
  // Its look whether the key is free again.
  await expect.poll(() => clock.pending).toBeGreaterThan(0);
  await clock.advance(55_000);
  expect(batch.cancels()).toBe(2);
  await clock.advance(10_000);
  await other;
  expect(batch.cancels()).toBeGreaterThan(2);
  standingStill.resolve();
  await stuck;
  batch.oldWorkerEnds();
  await expect.poll(() => batch.app.broker.active).toBe(0);
});
