import { expect, test } from "vitest";
import * as z from "zod";
import { limits } from "../../src/core/limits.ts";
import { CONTROL_QUEUE } from "../../src/core/messages.ts";
import { joinCallbackPages, TaskError, workflow } from "../../src/index.ts";
import type { LogFields } from "../../src/ports/telemetry.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";
import { runToEnd, testApp, untilEnded } from "../support/app.ts";
import { seeded } from "../support/chaos.ts";
import { firstTime, statusOf, withPublish, withStore } from "../support/faults.ts";
import { callbackReceiver, type ReceivedCallback } from "../support/receiver.ts";
import { timedApp } from "../support/timed-app.ts";

const environment = { BATON_HTTP_ALLOW_PRIVATE: "true" };
const key = "flow/work?id=1";

/** A workflow of one task that is the same call in every batch, and reports to the address in its input. */
const flowOf = (work: (context: TaskContext) => unknown, policies = {}) =>
  workflow("flow").task("work", work, {
    idempotency: { key: { fields: ["id"] } },
    callback: { url: "{{ input.url }}" },
    ...policies,
  });

const BodySchema = z.object({
  id: z.string(),
  type: z.string(),
  page: z.int(),
  totalPages: z.int(),
  data: z.unknown(),
});
const bodyOf = (received: ReceivedCallback | undefined) =>
  BodySchema.parse(JSON.parse(received?.body ?? "null"));
const idOf = (received: ReceivedCallback) => received.headers["webhook-id"];

/** About 700 KB: three pages. */
const large = { text: 'ä"\\ 日本\n'.repeat(35_000) };

/** What came under each webhook-id. */
function bodiesById(received: readonly ReceivedCallback[]): Map<string | undefined, Set<string>> {
  const bodies = new Map<string | undefined, Set<string>>();
  for (const callback of received)
    bodies.set(idOf(callback), (bodies.get(idOf(callback)) ?? new Set()).add(callback.body));
  return bodies;
}

test("a callback whose message is lost goes out by the sweep, as the same event", async () => {
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

test("a callback is never sent before its task has ended, whatever becomes of the commit", async () => {
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

test("a callback whose sender died before the send is sent after its lease, without a sweep", async () => {
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
          // He is faster, by a moment, and is not heard of again.
          if (isClaim && isFirst()) await store.commit([{ ...write, data: { ...write.data, nonce: "his" } }]);
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

test("a large result comes in pages, which continue where they stopped when one fails", async () => {
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

test("a task that fails for good reports it; one that is skipped or cancelled sends nothing", async () => {
  const receiver = await callbackReceiver();
  const callback = { url: receiver.url };
  const flow = workflow("flow")
    .task("failing", () => Promise.reject(new TaskError("no more", { code: "BROKEN" })), {
      retry: false,
      callback,
    })
    .task("child", () => 1, { after: ["failing"], callback })
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

test.each([1, 2])(
  "two workers that get every callback message at once send each page as often as they must (seed %i)",
  async (seed) => {
    const random = seeded(seed);
    const receiver = await callbackReceiver();
    const flow = workflow("flow").task("work", ({ input }) => input, { callback: { url: receiver.url } });
    const app = testApp({
      workflows: [flow],
      environment: { ...environment, BATON_SWEEP: "20ms" },
      around: (dependencies) => ({
        ...dependencies,
        broker: {
          publish: (messages) =>
            dependencies.broker.publish(
              messages.flatMap((message) => (random() < 0.7 ? [message, message] : [message])),
            ),
        },
      }),
    });
    const started = await Promise.all(
      Array.from({ length: 30 }, (_, id) =>
        app.engine.start({ kind: "start", workflowId: "flow", input: { id } }),
      ),
    );
    app.work.start();
    for (const { batchId } of started) await untilEnded(app, batchId);
    await expect.poll(() => bodiesById(receiver.received).size).toBe(30);
    await expect.poll(() => app.broker.active).toBe(0);
    // A second sender finds the lease of the first.
    expect(receiver.received).toHaveLength(30);
  },
);

test("a receiver that refuses keeps nothing out of the archive, and gets the callback in the end", async () => {
  let isUp = false;
  const receiver = await callbackReceiver(() => (isUp ? 204 : 500));
  const app = testApp({
    workflows: [
      flowOf(() => ({ rows: 3 }), { callback: { url: "{{ input.url }}", archive: { key: ["id"] } } }),
    ],
    environment,
  });
  const { batchId } = await runToEnd(app, "flow", { id: 1, url: receiver.url });
  const archived = () =>
    app.engine.admin.callbacks.archived("enrichment_callbacks", { equals: { id: "1" } }, 10);
  await expect.poll(async () => (await archived()).callbacks.length).toBe(1);
  expect((await app.engine.admin.callbacks.ofBatch(batchId))[0]).toMatchObject({ state: "PENDING" });
  isUp = true;
  await expect
    .poll(async () => (await app.engine.admin.callbacks.ofBatch(batchId))[0]?.state)
    .toBe("DELIVERED");
});

test("a task that fails for good because its key can't be made reports it", async () => {
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

test("a resend that loses to another write of the callback is tried again", async () => {
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

test("a call whose work is done says so when the callback of it is not kept any more", async () => {
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
