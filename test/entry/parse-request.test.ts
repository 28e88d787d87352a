import { describe, expect, test } from "vitest";
import { MessageSchema, PublicTaskMessageSchema } from "../../src/core/messages.ts";
import type { ParsedRequest } from "../../src/entry/parse-message.ts";
import { parseRequest } from "../../src/entry/parse-request.ts";
import type { Delivery } from "../../src/ports/broker.ts";
import { base64, notification, post, push } from "./requests.ts";

const task = { batchId: "b-1", taskId: "load" };
const taskMessage = { kind: "task", ...task };
const start = { workflowId: "sales", input: { day: "2026-11-21" }, key: "k" };
const object = { kind: "object", bucket: "inbox", object: "sales/a.csv", generation: "1730000000000000" };
const published = "google.cloud.pubsub.topic.v1.messagePublished";
const finalized = "google.cloud.storage.object.v1.finalized";
const stored = { bucket: "inbox", name: "sales/a.csv", generation: "1730000000000000", size: "12" };
const unwrapped = { "x-goog-pubsub-message-id": "1", "x-goog-pubsub-subscription-name": "s" };
const structured = { "content-type": "application/cloudevents+json; charset=utf-8" };
const envelope = { specversion: "1.0", id: "1", source: "//x" };
const forged = { ...task, ending: { status: "SUCCESS", reason: null }, redrive: true };
const completion = { ...task, previousTaskId: "load", completion: { result: { rows: 1 } } };

/** As `push` says. */
const publishedInTests = Date.parse("2026-02-26T19:13:55.749Z");

function delivered(parsed: ParsedRequest): Delivery {
  if ("ignored" in parsed) throw new Error(parsed.ignored);
  return parsed;
}

describe("messages", () => {
  test.each([
    ["direct task", post(task), taskMessage],
    ["direct task with byte order mark", post(`\ufeff${JSON.stringify(task)}`), taskMessage],
    ["direct task, kind said", post({ kind: "task", ...task }), taskMessage],
    ["the end of a batch", post({ ...task, taskId: "$end" }), { ...taskMessage, taskId: "$end" }],
    ["completion from outside", post(completion), { kind: "task", ...completion }],
    ["engine-only fields are dropped", post(forged), taskMessage],
    ["engine-only fields, kind said", post({ kind: "task", ...forged }), taskMessage],
    ["engine-only fields in a push", post(push({ data: base64(forged) })), taskMessage],
    ["direct start", post(start), { kind: "start", ...start }],
    ["shortest start", post({ workflowId: "sales" }), { kind: "start", workflowId: "sales" }],
    ["direct start, kind said", post({ kind: "start", ...start }), { kind: "start", ...start }],
    ["direct object", post(object), object],
    ["direct sweep", post({ kind: "sweep" }), { kind: "sweep" }],
    ["direct tick", post({ kind: "tick" }), { kind: "tick" }],
    ["tick in a push", post(push({ data: base64({ kind: "tick" }) })), { kind: "tick" }],
    ["wrapped push", post(push({ data: base64(task) })), taskMessage],
    ["wrapped push, null attributes", post(push({ data: base64(task), attributes: null })), taskMessage],
    [
      "wrapped push, attributes of others",
      post(push({ data: base64(task), attributes: { a: "b" } })),
      taskMessage,
    ],
    ["storage notification", post(push({ data: base64(stored), attributes: notification })), object],
    [
      "event types of others",
      post(push({ data: base64(task), attributes: { eventType: "order.paid" } })),
      taskMessage,
    ],
    ["storage notification without data", post(push({ attributes: notification })), object],
    ["unwrapped push", post(task, unwrapped), taskMessage],
    [
      "unwrapped storage notification",
      post("", {
        ...unwrapped,
        eventtype: "OBJECT_FINALIZE",
        bucketid: "inbox",
        objectid: Buffer.from("Größe.csv").toString("latin1"),
        objectgeneration: "7",
      }),
      { kind: "object", bucket: "inbox", object: "Größe.csv", generation: "7" },
    ],
    [
      "unwrapped storage notification, name not in UTF-8",
      post("", {
        ...unwrapped,
        eventtype: "OBJECT_FINALIZE",
        bucketid: "inbox",
        objectid: "\xff.csv",
        objectgeneration: "7",
      }),
      { kind: "object", bucket: "inbox", object: "\xff.csv", generation: "7" },
    ],
    ["binary event, push", post(push({ data: base64(task) }), { "ce-type": published }), taskMessage],
    ["binary event, object", post(stored, { "ce-type": finalized }), { ...object, size: 12 }],
    [
      "numbers for generation and size",
      post({ ...stored, generation: 1730000000000000, size: 12 }, { "ce-type": finalized }),
      { ...object, size: 12 },
    ],
    ["object of unknown size", post({ ...stored, size: undefined }, { "ce-type": finalized }), object],
    [
      "structured event, push",
      post({ ...envelope, type: published, data: push({ data: base64(task) }) }, structured),
      taskMessage,
    ],
    [
      "structured event, object as base64",
      post({ ...envelope, type: finalized, data_base64: base64(stored) }, structured),
      { ...object, size: 12 },
    ],
    [
      "structured event known by its fields",
      post({ ...envelope, type: finalized, data: stored }, { "content-type": "application/json" }),
      { ...object, size: 12 },
    ],
  ])("%s", (_name, request, message) => {
    const { publishedAt, ...parsed } = delivered(parseRequest(request));
    expect(parsed).toEqual({ message, deliveryAttempt: 1 });
    expect(publishedAt).toBeOneOf([undefined, publishedInTests]);
  });

  test("fields of the engine are dropped, and unknown fields are refused", () => {
    const shapes = MessageSchema.options.map((option) => Object.keys(option.shape));
    const known = shapes.find((names) => names.includes("taskId")) ?? [];
    const engineOnly = known.filter((name) => name !== "kind" && !(name in PublicTaskMessageSchema.shape));
    expect(engineOnly).not.toHaveLength(0);
    const said = Object.fromEntries(engineOnly.map((name) => [name, true]));
    expect(delivered(parseRequest(post({ ...task, ...said }))).message).toEqual(taskMessage);
    expect(() => parseRequest(post({ ...task, other: true }))).toThrow("other");
  });

  test("the delivery attempt of a push is kept", () => {
    const request = post(push({ data: base64(task) }, { deliveryAttempt: 7 }));
    expect(parseRequest(request)).toMatchObject({ message: taskMessage, deliveryAttempt: 7 });
  });

  test("the time of publication is kept, and an invalid time is left out", () => {
    const request = (publishTime: unknown) => post(push({ data: base64(task), publishTime }));
    expect(parseRequest(post(push({ data: base64(task) })))).toMatchObject({ publishedAt: publishedInTests });
    for (const wrong of ["yesterday", 7, null]) {
      const parsed = delivered(parseRequest(request(wrong)));
      expect(parsed).toMatchObject({ message: taskMessage });
      expect(parsed.publishedAt).toBeUndefined();
    }
    const headers = {
      "x-goog-pubsub-message-id": "1",
      "x-goog-pubsub-publish-time": "2026-02-26T19:13:55.749Z",
    };
    expect(parseRequest(post(task, headers))).toMatchObject({ publishedAt: publishedInTests });
  });

  test.each(["OBJECT_DELETE", "OBJECT_ARCHIVE", "OBJECT_METADATA_UPDATE"])("%s is ignored", (eventType) => {
    const request = post(push({ attributes: { ...notification, eventType } }));
    expect(parseRequest(request)).toEqual({ ignored: expect.stringContaining(eventType) });
  });

  test("a __proto__ key changes no prototype", () => {
    const parsed = parseRequest(post('{"workflowId":"a","input":{"__proto__":{"polluted":1},"b":2}}'));
    expect(parsed).toMatchObject({ message: { kind: "start", input: { b: 2 } } });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    const { input } = (parsed as { message: { input: Record<string, unknown> } }).message;
    expect(input.polluted).toBeUndefined();
  });
});
