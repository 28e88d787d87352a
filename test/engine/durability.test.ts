import { expect, test } from "vitest";
import { workflow } from "../../src/index.ts";
import { testApp } from "../support/app.ts";
import { withStore } from "../support/faults.ts";

/** An app whose disk answers when the test lets it, and that notes whether all writes were synced. */
function slowDisk({ slowsDownInCode = false } = {}) {
  const { promise: disk, resolve: answer } = Promise.withResolvers<void>();
  let isSlow = false;
  let unsynced = 0;
  const ran: string[] = [];
  const app = testApp({
    workflows: [
      workflow("two")
        .task("a", () => {
          ran.push("a");
          isSlow ||= slowsDownInCode;
        })
        .task("b", () => void ran.push("b"), { after: ["a"] }),
    ],
    environment: { BATON_SWEEP: "1h" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: (writes) => {
          unsynced += 1;
          return store.commit(writes);
        },
        commitEach: (writes) => {
          unsynced += 1;
          return store.commitEach(writes);
        },
        sync: async (since) => {
          const written = unsynced;
          if (isSlow) await disk;
          await store.sync(since);
          unsynced -= written;
        },
      })),
  });
  return {
    app,
    ran,
    answer,
    slow: () => {
      isSlow = true;
    },
    unsynced: () => unsynced,
  };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 100));

test("no code runs and no message is acknowledged before the commit it depends on is on disk", async () => {
  const { app, ran, slow, answer } = slowDisk();
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "two" });
  slow();
  let acknowledged = false;
  const delivered = app.deliveries
    .deliver({ message: { kind: "task", batchId, taskId: "a" }, deliveryAttempt: 1 })
    .then(() => {
      acknowledged = true;
    });
  await pause();
  expect(ran).toEqual([]);
  answer();
  await delivered;
  expect(ran).toEqual(["a"]);
  expect(acknowledged).toBe(true);
});

test("a delivery releases its slot when its work is done, before the disk sync, and not if it failed", async () => {
  const { app, slow, answer } = slowDisk();
  await app.engine.start({ kind: "start", workflowId: "two", key: "first" });
  slow();
  const events: string[] = [];
  const deliver = (workflowId: string) =>
    app.deliveries.deliver({
      message: { kind: "start", workflowId, key: "second" },
      deliveryAttempt: 1,
      release: () => void events.push(`${workflowId} released`),
    });
  const delivered = deliver("two").then(() => void events.push("two acknowledged"));
  await expect.poll(() => events).toEqual(["two released"]);
  answer();
  await delivered;
  expect((await deliver("unknown")).outcome).toBe("dead-lettered");
  expect(events).toEqual(["two released", "two acknowledged"]);
});

test("a task releases its place when its children are published, before the disk has it", async () => {
  const { app, answer } = slowDisk({ slowsDownInCode: true });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "two" });
  const events: string[] = [];
  const delivered = app.deliveries
    .deliver({
      message: { kind: "task", batchId, taskId: "a" },
      deliveryAttempt: 1,
      release: () => void events.push("released"),
    })
    .then(() => void events.push("acknowledged"));
  await expect.poll(() => events).toEqual(["released"]);
  answer();
  await delivered;
  expect(events).toEqual(["released", "acknowledged"]);
});

test("a start is acknowledged when it is on the disk, not before", async () => {
  const { app, slow, answer } = slowDisk();
  await app.engine.start({ kind: "start", workflowId: "two", key: "first" });
  slow();
  let acknowledged = false;
  const delivered = app.deliveries
    .deliver({ message: { kind: "start", workflowId: "two", key: "second" }, deliveryAttempt: 1 })
    .then(() => {
      acknowledged = true;
    });
  await pause();
  expect(acknowledged).toBe(false);
  answer();
  await delivered;
});

test("cancel, dead letters and replays have reached the disk when they return", async () => {
  const { app, unsynced } = slowDisk();
  const { batchId } = await app.engine.durably(() => app.engine.start({ kind: "start", workflowId: "two" }));
  await app.engine.cancel(batchId);
  expect(unsynced()).toBe(0);
  const id = await app.engine.deadLetters.keep(Buffer.from("x"), {
    code: "BODY_NOT_JSON",
    message: "no",
    source: "http",
  });
  expect(unsynced()).toBe(0);
  await app.engine.deadLetters.markReplayed(id);
  expect(unsynced()).toBe(0);
});
