import { expect, test } from "vitest";
import * as z from "zod";
import { replayDeadLetter } from "../../src/app/publish.ts";
import { BatonError } from "../../src/core/errors/errors.ts";
import { limits } from "../../src/core/limits.ts";
import type { Message } from "../../src/core/messages.ts";
import { workflow } from "../../src/index.ts";
import { temporaryFolder, testApp, untilEnded } from "../support/app.ts";
import { withStore } from "../support/faults.ts";

const one = workflow("one", { input: z.object({ n: z.number() }) }).task("a", ({ input }) => input.n);

test.each<[string, Message, string]>([
  ["an unknown workflow", { kind: "start", workflowId: "nope" }, "WORKFLOW_UNKNOWN"],
  ["an input that does not fit", { kind: "start", workflowId: "one", input: { n: "x" } }, "INPUT_INVALID"],
  [
    "an input that is too large",
    { kind: "start", workflowId: "big", input: "x".repeat(600_000) },
    "INPUT_TOO_LARGE",
  ],
  ["an unknown batch", { kind: "task", batchId: "nope", taskId: "a" }, "BATCH_UNKNOWN"],
  ["an unknown batch to redrive", { kind: "redrive", batchId: "nope" }, "BATCH_UNKNOWN"],
])("%s becomes a dead letter that says why and keeps the message", async (_name, message, code) => {
  const app = testApp({ workflows: [one, workflow("big").task("a", () => 1)] });
  const report = await app.deliveries.deliver({ message, deliveryAttempt: 1 });
  expect(report).toMatchObject({ outcome: "dead-lettered", code });
  const [letter] = (await app.engine.deadLetters.list()).letters;
  expect(letter).toMatchObject({ deadLetterId: report.deadLetterId, code, replayedAt: null });
  expect(letter?.remedy).not.toBe("");
  expect(await app.deliveries.parseDeadLetter(letter?.deadLetterId ?? "")).toMatchObject(message);
});

test("an unknown task of a known batch becomes a dead letter", async () => {
  const app = testApp({ workflows: [one] });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "one", input: { n: 1 } });
  for (const message of [
    { kind: "task", batchId, taskId: "nope" },
    { kind: "task", batchId, taskId: "nope", previousTaskId: "nope" },
  ] as const)
    expect(await app.deliveries.deliver({ message, deliveryAttempt: 1 })).toMatchObject({
      code: "TASK_UNKNOWN",
    });
});

test("a message that fails again and again is delivered again until it becomes a dead letter", async () => {
  const app = testApp({
    workflows: [one],
    around: (dependencies) => ({
      ...dependencies,
      catalog: { ...dependencies.catalog, find: () => Promise.reject(new Error("catalog is down")) },
    }),
  });
  const message: Message = { kind: "start", workflowId: "one", key: "k" };
  const deliver = (deliveryAttempt: number) => app.deliveries.deliver({ message, deliveryAttempt });
  await expect(deliver(limits.deliveryAttempts - 1)).rejects.toThrow("catalog is down");
  expect(await deliver(limits.deliveryAttempts)).toMatchObject({
    code: "DELIVERY_EXHAUSTED",
    message: expect.stringContaining("catalog is down"),
  });
});

test("a dead letter is replayed once its cause is fixed", async () => {
  const data = temporaryFolder();
  const before = testApp({ data, workflows: [] });
  const message: Message = { kind: "start", workflowId: "one", input: { n: 7 }, key: "k" };
  const { deadLetterId = "" } = await before.deliveries.deliver({ message, deliveryAttempt: 1 });
  await before.close();
  const after = testApp({ data, workflows: [one] });
  const revived = await after.deliveries.parseDeadLetter(deadLetterId);
  const { batchId = "" } = await after.deliveries.deliver({ message: revived, deliveryAttempt: 1 });
  await after.engine.deadLetters.markReplayed(deadLetterId);
  after.work.start();
  expect((await untilEnded(after, batchId)).tasks[0]).toMatchObject({ result: 7 });
  expect((await after.engine.deadLetters.read(deadLetterId)).replayedAt).not.toBeNull();
});

test("a request is replayed unchanged, with only the headers that Baton reads", async () => {
  const app = testApp({ workflows: [] });
  const request = {
    method: "POST",
    path: "/",
    body: Buffer.from('{"bucket":"inbox","name":"a.csv","generation":"1"}'),
    headers: {
      "content-type": "application/json",
      authorization: "Bearer secret",
      "ce-type": "google.cloud.storage.object.v1.finalized",
      "ce-source": "//storage",
      "ce-id": "1",
      "ce-specversion": "1.0",
    },
  };
  const id = await app.deliveries.reject(
    request,
    new BatonError("BODY_NOT_AN_EVENT", "an older version said no"),
  );
  expect(JSON.stringify(await app.engine.deadLetters.read(id))).not.toContain("secret");
  expect(await app.deliveries.parseDeadLetter(id)).toMatchObject({
    kind: "object",
    bucket: "inbox",
    object: "a.csv",
  });
});

test("a large dead message is kept whole", async () => {
  const app = testApp({ workflows: [] });
  const body = Buffer.alloc(10_000_000, "x");
  const id = await app.engine.deadLetters.keep(body, {
    code: "BODY_NOT_JSON",
    message: "no",
    source: "http",
  });
  const letter = await app.engine.deadLetters.read(id);
  expect(letter).toMatchObject({ body: null, bodyBytes: 10_000_000 });
  expect(Buffer.from(await app.engine.deadLetters.bodyOf(letter)).equals(body)).toBe(true);
});

test("a start without a key that is replayed twice starts one batch", async () => {
  const app = testApp({ workflows: [] });
  const message: Message = { kind: "start", workflowId: "one", input: { n: 7 } };
  const { deadLetterId = "" } = await app.deliveries.deliver({ message, deliveryAttempt: 1 });
  const unchecked = { isUnchecked: true };
  const first = await replayDeadLetter(app, deadLetterId, unchecked);
  expect(first.batchId).toEqual(expect.any(String));
  expect(await replayDeadLetter(app, deadLetterId, unchecked)).toEqual(first);
  const another = await app.deliveries.deliver({ message, deliveryAttempt: 1 });
  expect((await replayDeadLetter(app, another.deadLetterId ?? "", unchecked)).batchId).not.toBe(
    first.batchId,
  );
});

test("a replayed start keeps the key that it has", async () => {
  const app = testApp({ workflows: [] });
  const message: Message = { kind: "start", workflowId: "one", key: "k" };
  const { deadLetterId = "" } = await app.deliveries.deliver({ message, deliveryAttempt: 1 });
  expect((await replayDeadLetter(app, deadLetterId, { isUnchecked: true })).message).toEqual(message);
});

test("a dead letter that would be refused again is not published, and not marked as replayed", async () => {
  const app = testApp({ workflows: [] });
  const message: Message = { kind: "start", workflowId: "one", key: "k" };
  const { deadLetterId = "" } = await app.deliveries.deliver({ message, deliveryAttempt: 1 });
  await expect(replayDeadLetter(app, deadLetterId)).rejects.toMatchObject({ code: "WORKFLOW_UNKNOWN" });
  expect((await app.engine.deadLetters.read(deadLetterId)).replayedAt).toBeNull();
  expect((await app.engine.deadLetters.list()).letters).toHaveLength(1);
});

test("a flood is listed without its bodies, a few documents at a time, and past what can't be read", async () => {
  const limitsAsked: number[] = [];
  const app = testApp({
    workflows: [],
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        query: (collection, conditions, options) => {
          limitsAsked.push(options.limit);
          return store.query(collection, conditions, options);
        },
        // As a later version may write it.
        commit: (writes) =>
          store.commit(
            writes.map((write) =>
              write.kind !== "delete" && write.data.source === "later"
                ? { ...write, data: { ...write.data, field: "unknown" } }
                : write,
            ),
          ),
      })),
  });
  const keep = (source: string) =>
    app.engine.deadLetters.keep(Buffer.from("the body"), { code: "BODY_NOT_JSON", message: "no", source });
  await keep("later");
  const ids = new Set<string>();
  for (let letter = 0; letter < limits.largeDocumentsPage + 5; letter += 1) ids.add(await keep("http"));
  limitsAsked.length = 0;
  const { letters, unreadable } = await app.engine.deadLetters.list();
  expect(new Set(letters.map(({ deadLetterId }) => deadLetterId))).toEqual(ids);
  expect(unreadable).toBe(1);
  expect(letters[0]).not.toHaveProperty("body");
  expect(limitsAsked).toEqual([limits.largeDocumentsPage, limits.largeDocumentsPage]);
});
