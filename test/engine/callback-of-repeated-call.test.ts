import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { joinCallbackPages, TaskError } from "../../src/index.ts";
import type { LogFields } from "../../src/ports/telemetry.ts";
import { runToEnd, testApp, untilEnded } from "../support/app.ts";
import { withStore } from "../support/faults.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { timedApp } from "../support/timed-app.ts";
import { bodyOf, environment, flowOf, idOf, key, large } from "./callback-place.ts";

test("a call that finds the work done does not do it, and sends its own address the same", async () => {
  const [first, second] = [await callbackReceiver(), await callbackReceiver()];
  let runs = 0;
  const app = testApp({ workflows: [flowOf(() => ({ result: large, summary: ++runs }))], environment });
  await runToEnd(app, "flow", { id: 1, url: first.url });
  await expect.poll(() => first.received.length).toBe(3);
  await expect.poll(async () => (await app.engine.admin.callbacks.ofKey(key))[0]?.state).toBe("DELIVERED");
  const again = await app.engine.start({
    kind: "start",
    workflowId: "flow",
    input: { id: 1, url: second.url },
  });
  expect((await untilEnded(app, again.batchId)).tasks[0]).toMatchObject({
    reason: "already_completed",
    result: 1,
  });
  await expect.poll(() => second.received.length).toBe(3);
  expect(second.received.map(({ body }) => body)).toEqual(first.received.map(({ body }) => body));
  expect(second.received.map(idOf)).toEqual(first.received.map(idOf));
  expect(first.received).toHaveLength(3);
  expect(runs).toBe(1);
});

test("a call that finds work done but not yet reported is reported too: neither address is lost", async () => {
  let isUp = false;
  const first = await callbackReceiver((callback) => (isUp || bodyOf(callback).page === 1 ? 204 : 503));
  const second = await callbackReceiver();
  const { app, start, ended, until } = timedApp({ workflows: [flowOf(() => large)], environment });
  app.work.start();
  await ended(await start("flow", { id: 1, url: first.url }));
  await until(() => first.received.length >= 2);
  for (let calls = 0; calls < 3; calls++)
    expect((await ended(await start("flow", { id: 1, url: second.url }))).tasks[0]?.reason).toBe(
      "already_completed",
    );
  isUp = true;
  await until(async () => (await app.engine.admin.callbacks.ofKey(key))[0]?.state === "DELIVERED", 1_800);
  for (const { received } of [first, second])
    expect(joinCallbackPages(received.map(({ body }) => body))).toEqual(large);
});

test("an address that accepts nothing does not block another", async () => {
  const sent: string[] = [];
  const [gone, second] = ["https://gone.example/hook", "https://second.example/hook"];
  const { app, clock, start, ended } = timedApp({
    workflows: [flowOf(() => 1)],
    around: (plain) => ({
      ...plain,
      callbacks: {
        send: async ({ url }) => {
          sent.push(url);
          if (url === gone) throw new TaskError("gone", { code: "HTTP_STATUS", retryable: false });
        },
      },
    }),
  });
  app.work.start();
  await ended(await start("flow", { id: 1, url: gone }));
  await expect.poll(() => sent).toEqual([gone]);
  await ended(await start("flow", { id: 1, url: second }));
  await expect.poll(() => sent).toEqual([gone, second]);
  // The first is tried as often as if it were alone.
  for (let hours = 0; hours < 100; hours++) {
    clock.set(3_600_000);
    await clock.advance(31_000);
  }
  expect(sent.filter((url) => url === second)).toHaveLength(1);
  expect(sent.filter((url) => url === gone)).toHaveLength(limits.callbackAttempts);
});

test("a call that finds the work done takes no callback out of the hands of its sender", async () => {
  const answer = Promise.withResolvers<number>();
  const receiver = await callbackReceiver((_callback, index) => (index === 0 ? answer.promise : 204));
  const app = testApp({ workflows: [flowOf(() => 1)], environment });
  const input = { id: 1, url: receiver.url };
  await runToEnd(app, "flow", input);
  await expect.poll(() => receiver.received.length).toBe(1);
  const [before] = await app.engine.admin.callbacks.ofKey(key);
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow", input });
  expect((await untilEnded(app, batchId)).tasks[0]).toMatchObject({ reason: "already_completed" });
  await app.engine.deliverCallback(before?.callbackId ?? "");
  expect(await app.engine.admin.callbacks.ofKey(key)).toEqual([before]);
  answer.resolve(204);
  await expect.poll(async () => (await app.engine.admin.callbacks.ofKey(key))[0]?.state).toBe("DELIVERED");
  expect(receiver.received).toHaveLength(1);
});

test("a call whose work is done says so if its callback is no longer stored", async () => {
  const receiver = await callbackReceiver();
  const lines: LogFields[] = [];
  let isForgotten = false;
  const app = testApp({
    workflows: [flowOf(() => 1)],
    environment,
    around: (dependencies) => ({
      ...withStore(dependencies, (store) => ({
        get: async (asked) => {
          const snapshot = await store.get(asked);
          const isGone = isForgotten && asked.collection === "callbacks";
          return isGone ? { ...snapshot, document: undefined } : snapshot;
        },
      })),
      logger: { ...dependencies.logger, warn: (text, fields) => void lines.push({ text, ...fields }) },
    }),
  });
  const input = { id: 1, url: receiver.url };
  await runToEnd(app, "flow", input);
  await expect.poll(async () => (await app.engine.admin.callbacks.ofKey(key))[0]?.state).toBe("DELIVERED");
  isForgotten = true;
  expect((await runToEnd(app, "flow", input)).tasks[0]).toMatchObject({ reason: "already_completed" });
  const text = "a callback is not sent again: it is not stored any more";
  expect(lines).toContainEqual(expect.objectContaining({ text, key }));
  expect(receiver.received).toHaveLength(1);
});
