import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { CONTROL_QUEUE } from "../../src/core/messages.ts";
import { joinCallbackPages, Skip, TaskError, workflow } from "../../src/index.ts";
import type { LogFields } from "../../src/ports/telemetry.ts";
import { runToEnd, testApp, untilEnded } from "../support/app.ts";
import { firstTime, withStore } from "../support/faults.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { timedApp } from "../support/timed-app.ts";
import { bodyOf, environment, flowOf, idOf, key, large } from "./callback-place.ts";

test("a large result is sent in pages, which continue at the failed one", async () => {
  let refusals = 1;
  const receiver = await callbackReceiver((callback) => {
    const isRefused = bodyOf(callback).page === 2 && refusals > 0;
    if (isRefused) refusals -= 1;
    return isRefused ? 500 : 204;
  });
  const { app, start, ended, until } = timedApp({
    workflows: [flowOf(() => ({ result: large, summary: "much" }))],
    environment,
  });
  app.work.start();
  const view = await ended(await start("flow", { id: 1, url: receiver.url }));
  expect(view.tasks[0]?.result).toBe("much");
  await until(async () => (await app.engine.admin.callbacks.ofKey(key))[0]?.state === "DELIVERED");
  expect(receiver.received.map((callback) => bodyOf(callback).page)).toEqual([1, 2, 2, 3]);
  expect(receiver.received[1]?.body).toBe(receiver.received[2]?.body);
  const [one, two, , three] = receiver.received.map(({ body }) => body);
  expect(joinCallbackPages([three ?? "", one ?? "", two ?? "", one ?? ""])).toEqual(large);
  expect(() => joinCallbackPages([three ?? "", one ?? ""])).toThrow("missing: 2");
  expect(new Set(receiver.received.map(idOf)).size).toBe(3);
});

test("a sender that dies between two pages is taken over after its lease, where it stopped", async () => {
  const isFirst = firstTime();
  const receiver = await callbackReceiver();
  const { app, clock, start, ended, until } = timedApp({
    workflows: [flowOf(() => large)],
    environment,
    around: (dependencies) => ({
      ...dependencies,
      callbacks: {
        send: (request) => {
          // It never comes back from the second page.
          if (request.webhookId.includes("_p2of") && isFirst()) return new Promise(() => undefined);
          return dependencies.callbacks.send(request);
        },
      },
    }),
  });
  app.work.start();
  await ended(await start("flow", { id: 1, url: receiver.url }));
  await until(() => receiver.received.length === 1);
  const diedAt = clock.now();
  await until(() => receiver.received.length === 3, 300);
  expect(clock.now() - diedAt).toBeGreaterThanOrEqual((limits.callbackLeaseSeconds - 2) * 1_000);
  expect(receiver.received.map((callback) => bodyOf(callback).page)).toEqual([1, 2, 3]);
  expect(joinCallbackPages(receiver.received.map(({ body }) => body))).toEqual(large);
});

test("a task that fails finally sends a callback; one that is skipped or cancelled sends none", async () => {
  const receiver = await callbackReceiver();
  const callback = { url: receiver.url };
  const flow = workflow("flow")
    .task("failing", () => Promise.reject(new TaskError("no more", { code: "BROKEN" })), {
      retry: false,
      callback,
    })
    .task("child", () => 1, { after: ["failing"], callback })
    .task("unwanted", () => 1, { when: "false", callback })
    .task(
      "idle",
      () => {
        throw new Skip("nothing to do");
      },
      { callback },
    )
    .task("waiting", ({ step }) => step.sleep("rest", "1h"), { callback });
  const app = testApp({ workflows: [flow], environment });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  await expect.poll(() => receiver.received.length).toBe(1);
  await app.engine.cancel(batchId);
  await untilEnded(app, batchId);
  expect(await app.engine.admin.callbacks.ofBatch(batchId)).toHaveLength(1);
  expect(bodyOf(receiver.received[0])).toMatchObject({
    type: "task.failed",
    data: { error: { code: "BROKEN", message: "no more" } },
  });
});

test("progress is sent while the task runs, is not stored, and does not fail the task if refused", async () => {
  const receiver = await callbackReceiver((callback) =>
    bodyOf(callback).type === "task.progress" ? 500 : 204,
  );
  const flow = flowOf(async ({ callback }) => {
    await callback.progress({ percent: 30 });
    await callback.progress({ percent: 60 });
    return 1;
  });
  const app = testApp({ workflows: [flow], environment });
  const view = await runToEnd(app, "flow", { id: 1, url: receiver.url });
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1 });
  await expect.poll(() => receiver.received.length).toBe(3);
  const [first, second, final] = receiver.received.map(bodyOf);
  expect([first?.type, second?.type, final?.type]).toEqual([
    "task.progress",
    "task.progress",
    "task.completed",
  ]);
  expect(first?.data).toEqual({ percent: 30, of: final?.id });
  expect(first?.id).not.toBe(second?.id);
  expect(await app.engine.admin.callbacks.ofBatch(view.batchId)).toHaveLength(1);
});

test.each([
  "not an address",
  "ftp://a.example/x",
  "file:///etc/passwd",
  `https://a.example/${"x".repeat(2_000)}`,
])("a task can't report to %s: it fails for good before its code runs", async (url) => {
  let runs = 0;
  const view = await runToEnd(testApp({ workflows: [flowOf(() => ++runs)] }), "flow", { id: 1, url });
  expect(view.tasks[0]).toMatchObject({
    status: "ERROR",
    attempts: 1,
    error: { code: "CALLBACK_URL_INVALID" },
  });
  expect(runs).toBe(0);
});

test("a task that fails because its key can't be computed sends a callback", async () => {
  const receiver = await callbackReceiver();
  const app = testApp({ workflows: [flowOf(() => 1)], environment });
  const view = await runToEnd(app, "flow", { url: receiver.url });
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", error: { code: "IDEMPOTENCY_KEY_INVALID" } });
  await expect.poll(() => receiver.received.length).toBe(1);
  expect(bodyOf(receiver.received[0])).toMatchObject({
    type: "task.failed",
    data: { error: { code: "IDEMPOTENCY_KEY_INVALID" } },
  });
});

test("a completion whose callback address can't be read at first is redelivered, and is reported", async () => {
  const receiver = await callbackReceiver();
  const isFirst = firstTime();
  let isWaiting = false;
  const flow = workflow("flow")
    .task("target", () => ({ url: receiver.url }))
    .task("ask", (task) => task.waitForCompletion("1d"), {
      after: ["target"],
      callback: { url: "{{ parents.target.url }}" },
    });
  const app = testApp({
    workflows: [flow],
    environment,
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        get: async (documentKey) => {
          if (isWaiting && documentKey.id.endsWith("/target") && isFirst()) throw new Error("UNAVAILABLE");
          return store.get(documentKey);
        },
      })),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[1]?.reason).toBe("completion");
  isWaiting = true;
  const message = { kind: "task", batchId, taskId: "ask", previousTaskId: "ask" } as const;
  await app.broker.publish([
    { queue: CONTROL_QUEUE, message: { ...message, completion: { result: "yes" } } },
  ]);
  expect((await untilEnded(app, batchId)).tasks[1]).toMatchObject({ status: "SUCCESS", result: "yes" });
  expect(isFirst()).toBe(false);
  await expect.poll(() => receiver.received.length).toBe(1);
  expect(bodyOf(receiver.received[0])).toMatchObject({ type: "task.completed", data: "yes" });
});

test("neither the log nor the stored sends show the path of a receiver: it may be a password", async () => {
  const receiver = await callbackReceiver(() => 404);
  const lines: LogFields[] = [];
  const app = testApp({
    workflows: [flowOf(() => 1)],
    environment,
    around: (dependencies) => ({
      ...dependencies,
      logger: { ...dependencies.logger, warn: (text, fields) => void lines.push({ text, ...fields }) },
    }),
  });
  await runToEnd(app, "flow", { id: 1, url: receiver.url });
  await expect.poll(() => lines.some(({ text }) => text === "a callback was not taken")).toBe(true);
  await expect
    .poll(async () => (await app.engine.admin.callbacks.ofKey(key))[0]?.failures)
    .toBeGreaterThan(0);
  const [callback] = await app.engine.admin.callbacks.ofKey(key);
  expect(JSON.stringify([lines, callback?.sends])).toContain(new URL(receiver.url).origin);
  expect(JSON.stringify([lines, callback?.sends])).not.toContain("hush");
});
