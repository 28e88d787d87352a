import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { TaskError, workflow } from "../../src/index.ts";
import type { LogFields } from "../../src/ports/telemetry.ts";
import { runToEnd, testApp, untilEnded } from "../support/app.ts";
import { seeded } from "../support/chaos.ts";
import { firstTime, statusOf, withPublish, withStore } from "../support/faults.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { timedApp } from "../support/timed-app.ts";
import { bodiesById, bodyOf, environment, flowOf, idOf, key, large } from "./callback-place.ts";

test("the sweep sends a callback whose message is lost, as the same event", async () => {
  const receiver = await callbackReceiver();
  const dropped: unknown[] = [];
  const app = testApp({
    workflows: [flowOf(() => ({ rows: 3 }))],
    environment: { ...environment, BATON_SWEEP: "150ms" },
    around: (dependencies) =>
      withPublish(dependencies, ({ message }) => {
        const isLost = message.kind === "callback" && dropped.length === 0;
        if (isLost) dropped.push(message.callbackId);
        return !isLost;
      }),
  });
  await runToEnd(app, "flow", { id: 1, url: receiver.url });
  await expect.poll(() => receiver.received.length).toBe(1);
  expect(bodyOf(receiver.received[0])).toMatchObject({
    id: dropped[0],
    type: "task.completed",
    data: { rows: 3 },
  });
});

test("a callback is never sent before its task has ended, even if the commit fails", async () => {
  const receiver = await callbackReceiver();
  const states: string[] = [];
  const failures = new Set<string>();
  const app = testApp({
    workflows: [flowOf(({ attempt }) => ({ attempt }))],
    environment: { ...environment, BATON_SWEEP: "100ms" },
    around: (dependencies) => ({
      ...withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const isOutcome = statusOf(writes[0]) === "SUCCESS" && writes.length > 1;
          // Refused at first, then applied and answered with an error.
          if (isOutcome && !failures.has("refused")) {
            failures.add("refused");
            throw new Error("UNAVAILABLE");
          }
          const committed = await store.commit(writes);
          if (isOutcome && !failures.has("hidden")) {
            failures.add("hidden");
            throw new Error("DEADLINE_EXCEEDED");
          }
          return committed;
        },
      })),
      callbacks: {
        send: async (request) => {
          const { tasks } = await app.engine.admin.show(batchId);
          states.push(tasks[0]?.status ?? "");
          await dependencies.callbacks.send(request);
        },
      },
    }),
  });
  const { batchId } = await app.engine.start({
    kind: "start",
    workflowId: "flow",
    input: { id: 1, url: receiver.url },
  });
  app.work.start();
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({ attempts: 1, result: { attempt: 1 } });
  await expect.poll(() => receiver.received.length).toBe(1);
  expect(states).toEqual(["SUCCESS"]);
  expect(failures).toEqual(new Set(["refused", "hidden"]));
});

test("a callback whose sender died before the send is sent after its lease", async () => {
  const receiver = await callbackReceiver();
  const isFirst = firstTime();
  const { app, start, ended, until } = timedApp({
    workflows: [flowOf(() => ({ rows: 3 }))],
    environment: { ...environment, BATON_SWEEP: "1d" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const [write] = writes;
          const isClaim = write?.kind === "update" && write.key.collection === "callbacks";
          // Another sender is faster by a moment, and dies.
          if (isClaim && isFirst())
            await store.commit([{ ...write, data: { ...write.data, nonce: "another" } }]);
          return store.commit(writes);
        },
      })),
  });
  app.work.start();
  await ended(await start("flow", { id: 1, url: receiver.url }));
  await until(() => receiver.received.length > 0, 2 * limits.callbackLeaseSeconds);
  expect(isFirst()).toBe(false);
});

test("a receiver that is down for an hour gets the callback when it is up, once", async () => {
  let isUp = false;
  const receiver = await callbackReceiver(() => (isUp ? 204 : 503));
  const { app, clock, start, ended, until } = timedApp({
    workflows: [flowOf(() => ({ rows: 3 }))],
    environment: { ...environment, BATON_SWEEP: "30s" },
  });
  app.work.start();
  await ended(await start("flow", { id: 1, url: receiver.url }));
  const [callback] = await app.engine.admin.callbacks.ofKey(key);
  const eventId = callback?.eventId ?? "";
  const downAt = clock.now();
  await until(() => clock.now() - downAt >= 3_600_000, 4_000);
  // 5, 10, 20 … s apart, and not at every sweep.
  expect(receiver.received.length).toBeGreaterThanOrEqual(9);
  expect(receiver.received.length).toBeLessThanOrEqual(12);
  expect(await app.engine.admin.callbacks.find(eventId)).toMatchObject({
    state: "PENDING",
    deliveredAt: null,
  });
  isUp = true;
  const before = receiver.received.length;
  await until(async () => (await app.engine.admin.callbacks.find(eventId))?.state === "DELIVERED", 4_000);
  await clock.advance(600_000);
  expect(receiver.received).toHaveLength(before + 1);
  expect(bodiesById(receiver.received)).toEqual(new Map([[eventId, new Set([receiver.received[0]?.body])]]));
});

test("a callback that no receiver accepts is given up after three days, and sent on request", async () => {
  let isUp = false;
  const sends: number[] = [];
  const reported: (LogFields | undefined)[] = [];
  const { app, clock, start, ended } = timedApp({
    workflows: [flowOf(() => 1)],
    environment,
    around: (plain) => ({
      ...plain,
      logger: {
        ...plain.logger,
        error: (message, fields) => void (message === "a callback is given up" && reported.push(fields)),
      },
      callbacks: {
        send: async () => {
          sends.push(clock.now());
          if (!isUp) throw new TaskError("answered 404", { code: "HTTP_STATUS", retryable: false });
        },
      },
    }),
  });
  app.work.start();
  await ended(await start("flow", { id: 1, url: "https://a.example/hook" }));
  const state = async () => (await app.engine.admin.callbacks.ofKey(key))[0]?.state;
  for (let hours = 0; hours < 100 && (await state()) === "PENDING"; hours++) {
    // The hands are set on, and a sweep looks.
    clock.set(3_600_000);
    await clock.advance(31_000);
  }
  expect(await state()).toBe("GIVEN_UP");
  expect(sends).toHaveLength(limits.callbackAttempts);
  // An alert counts the line.
  expect(reported).toEqual([expect.objectContaining({ taskId: "work", error: "answered 404" })]);
  clock.set(86_400_000);
  await clock.advance(61_000);
  const eventId = (await app.engine.admin.callbacks.ofKey(key))[0]?.eventId ?? "";
  expect(reported).toMatchObject([{ eventId }]);
  // Nor for a message that comes late.
  await app.engine.deliverCallback(eventId);
  expect(sends).toHaveLength(limits.callbackAttempts);
  isUp = true;
  // The result has run out, and with it the record of the key; the callback is kept.
  await app.engine.admin.callbacks.resend(eventId);
  await clock.advance(1_000);
  expect(await state()).toBe("DELIVERED");
});

test("of a receiver that fails at random every event arrives, always the same", async () => {
  const random = seeded(20_261_121);
  const taken = new Set<string | undefined>();
  const receiver = await callbackReceiver((callback) => {
    if (random() < 0.5) return 500;
    taken.add(idOf(callback));
    return 204;
  });
  const flow = workflow("flow").task(
    "work",
    ({ input }) => (JSON.stringify(input).includes("large") ? large : input),
    {
      callback: { url: receiver.url },
    },
  );
  const { app, start, until } = timedApp({ workflows: [flow], environment });
  app.work.start();
  for (let id = 0; id < 12; id++) await start("flow", { id, ...(id < 2 && { size: "large" }) });
  await until(() => taken.size === 10 + 2 * 3, 3_600);
  const bodies = bodiesById(receiver.received);
  expect(new Set(bodies.keys())).toEqual(taken);
  expect([...bodies.values()].every(({ size }) => size === 1)).toBe(true);
});

test("a resend that loses to another write of the callback is retried", async () => {
  const receiver = await callbackReceiver();
  const isFirst = firstTime();
  const app = testApp({
    workflows: [flowOf(() => 1)],
    environment,
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const [write] = writes;
          // Another process writes the callback between the resend's read and its write.
          if (write?.kind === "update" && write.data.resends === 1 && isFirst()) {
            const { document } = await store.get(write.key);
            const data = { ...document?.data, nonce: "another" };
            await store.commit([{ ...write, data }]);
          }
          return store.commit(writes);
        },
      })),
  });
  await runToEnd(app, "flow", { id: 1, url: receiver.url });
  const stored = async () => (await app.engine.admin.callbacks.ofKey(key))[0];
  await expect.poll(async () => (await stored())?.state).toBe("DELIVERED");
  const resent = await app.engine.admin.callbacks.resend((await stored())?.eventId ?? "");
  expect(resent).toMatchObject({ state: "PENDING", resends: 1 });
  await expect.poll(stored).toMatchObject({ state: "DELIVERED", resends: 1 });
  expect(receiver.received).toHaveLength(2);
  expect(isFirst()).toBe(false);
});
