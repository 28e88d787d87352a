import { expect, test } from "vitest";
import { workflow } from "../../src/index.ts";
import { cloudInProcess } from "./in-process.ts";

const dayMs = 24 * 3_600_000;

const waits = workflow("waits")
  .task("first", () => 1)
  .task("second", ({ waitForCompletion }) => waitForCompletion("30d"), { after: ["first"] })
  .task("third", () => 3, { after: ["second"] });

let runs = 0;
const keyed = workflow("keyed").task(
  "work",
  () => {
    runs += 1;
    return runs;
  },
  { idempotency: { key: () => "k", ttl: "1h" } },
);

test("nothing of a batch is deleted while a message about it may be in flight", async () => {
  const { app, firestore, pubsub } = await cloudInProcess([waits]);
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "waits", key: "k" });
  await pubsub.idle();
  firestore.advance(392 * dayMs);
  expect(firestore.expireNow()).toBe(0);
  const completion = { result: 2 };
  const message = { kind: "task", batchId, taskId: "second", previousTaskId: "second", completion } as const;
  await app.broker.publish([{ queue: "$control", message }]);
  await pubsub.idle();
  // The record of the first task was still there: it was not run again.
  const { status, tasks } = await app.engine.admin.show(batchId);
  expect(status).toBe("SUCCESS");
  expect(tasks.map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
});

test("a batch that is too old to be judged does nothing any more, and its message is kept", async () => {
  const cloud = await cloudInProcess([waits]);
  const { app, firestore, pubsub } = cloud;
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "waits", key: "k" });
  await pubsub.idle();
  firestore.advance(394 * dayMs);
  // Another instance, which does not have the batch in mind.
  const other = cloud.open([waits]);
  const { deadLetterId, code } = await other.deliveries.deliver({
    message: { kind: "task", batchId, taskId: "first", ready: true },
    deliveryAttempt: 1,
  });
  expect(code).toBe("BATCH_EXPIRED");
  expect(await other.engine.deadLetters.read(deadLetterId ?? "")).toMatchObject({ code });
  await other.engine.redrive(batchId);
  await pubsub.idle();
  firestore.advance(7 * dayMs);
  firestore.expireNow();
  // The dead letter is deleted too: its time is set by this process, whose clock has not moved.
  expect(firestore.dump().map(({ path }) => path.split("/")[0])).toEqual(["definitions"]);
});

test("the record of a key is deleted when its result expires, and the work is done again", async () => {
  const { app, firestore, run } = await cloudInProcess([keyed]);
  await run("keyed");
  await run("keyed");
  expect(runs).toBe(1);
  firestore.advance(8 * dayMs);
  const records = () => firestore.dump().filter(({ path }) => path.startsWith("executions/"));
  expect(records()).toHaveLength(1);
  firestore.expireNow();
  expect(records()).toHaveLength(0);
  await run("keyed");
  expect(runs).toBe(2);
  expect(await app.engine.admin.list({})).toHaveLength(3);
});

test("the newest batches are found without reading all there have ever been", async () => {
  const { app, firestore } = await cloudInProcess([keyed]);
  for (let n = 0; n < 5; n += 1) await app.engine.start({ kind: "start", workflowId: "keyed", key: `${n}` });
  await expect.poll(async () => (await app.engine.admin.list({ status: "RUNNING" })).length).toBe(0);
  firestore.meter.reset();
  expect(await app.engine.admin.batches({}, { limit: 3 })).toMatchObject({
    batches: [{}, {}, {}],
    hasMore: true,
  });
  // One more than is shown, and a few of each shard.
  expect(firestore.meter.of("document_reads")).toBeLessThanOrEqual(4 + 4 * 2);
  expect(await app.engine.admin.batches({ workflowId: "unknown" }, { limit: 3 })).toEqual({
    batches: [],
    hasMore: false,
    cursor: null,
  });
});
