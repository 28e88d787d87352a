import { expect, test } from "vitest";
import { workflow } from "../../src/index.ts";
import { runToEnd, testApp, untilEnded } from "../support/app.ts";
import { seeded } from "../support/chaos.ts";
import { firstTime } from "../support/faults.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { timedApp } from "../support/timed-app.ts";
import { bodiesById, environment, flowOf, large } from "./callback-place.ts";

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

test("once its pages are taken a callback waits for the archive alone, and reads no page again", async () => {
  const receiver = await callbackReceiver();
  const archiveFails = firstTime();
  let reads = 0;
  const { app, start, until } = timedApp({
    workflows: [flowOf(() => large, { callback: { url: "{{ input.url }}", archive: { key: ["id"] } } })],
    environment,
    around: (dependencies) => {
      const { objects, callbackArchive } = dependencies;
      return {
        ...dependencies,
        callbackArchive: {
          store: async () => {
            if (archiveFails()) throw new Error("UNAVAILABLE");
          },
          get: (table, key) => callbackArchive.get(table, key),
          find: (table, condition, limit) => callbackArchive.find(table, condition, limit),
        },
        objects: {
          stat: (name) => objects.stat(name),
          read: async (name) => {
            reads += 1;
            // The first two are for the pages, and for the archive that fails.
            if (reads === 3) throw new Error("UNAVAILABLE");
            return objects.read(name);
          },
          write: (name, content, contentType) => objects.write(name, content, contentType),
          move: (from, to) => objects.move(from, to),
          list: (prefix, options) => objects.list(prefix, options),
          remove: (listed) => objects.remove(listed),
        },
      };
    },
  });
  app.work.start();
  const batchId = await start("flow", { id: 1, url: receiver.url });
  const state = async () => (await app.engine.admin.callbacks.ofBatch(batchId))[0]?.state;
  await until(async () => (await state()) === "DELIVERED", 3_600);
  expect(receiver.received).toHaveLength(3);
  expect(archiveFails()).toBe(false);
});
