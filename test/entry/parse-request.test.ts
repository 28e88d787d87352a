import { describe, expect, test } from "vitest";
import { parseRequest } from "../../src/entry/parse-request.ts";
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
    [
      "the last of two equal keys",
      post('{"kind":"start","workflowId":"a","workflowId":"b"}'),
      { kind: "start", workflowId: "b" },
    ],
  ])("%s", (_name, request, message) => {
    expect(parseRequest(request)).toEqual({ message, deliveryAttempt: 1 });
  });

  test("the delivery attempt of a push is kept", () => {
    const request = post(push({ data: base64(task) }, { deliveryAttempt: 7 }));
    expect(parseRequest(request)).toEqual({ message: taskMessage, deliveryAttempt: 7 });
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

describe("refusals", () => {
  test.each([
    ["empty", post(""), "BODY_NOT_JSON", "nothing in it (body)"],
    ["blank", post(" \n"), "BODY_NOT_JSON", "nothing in it"],
    [
      "not JSON",
      post('{"a": 1,\n "b": x}'),
      "BODY_NOT_JSON",
      'Unexpected "x" at position 15 (line 2, column 7) (body)',
    ],
    ["cut short", post('{"a": '), "BODY_NOT_JSON", "ends too early, at position 6"],
    ["not UTF-8", post(Uint8Array.of(0x22, 0xff, 0x22)), "BODY_NOT_JSON", "not UTF-8"],
    ["null", post("null"), "BODY_NOT_AN_EVENT", "not null"],
    ["array", post([task]), "BODY_NOT_AN_EVENT", "not an array"],
    ["number", post("1"), "BODY_NOT_AN_EVENT", "not a number"],
    ["empty object", post({}), "BODY_NOT_AN_EVENT", "Expected batchId and taskId"],
    ["unknown kind", post({ kind: "x" }), "BODY_NOT_AN_EVENT", "(body.kind)"],
    ["no task id", post({ batchId: "b" }), "BODY_NOT_AN_EVENT", "it is missing (body.taskId)"],
    ["bad task id", post({ ...task, taskId: "a b" }), "BODY_NOT_AN_EVENT", "a name is 1–64 letters"],
    [
      "bad completion",
      post({ ...task, completion: { error: 1 } }),
      "BODY_NOT_AN_EVENT",
      "(body.completion.error)",
    ],
    ["unknown field", post({ ...task, extra: 1 }), "BODY_NOT_AN_EVENT", "extra"],
    ["two messages in one", post({ ...task, workflowId: "a" }), "BODY_NOT_AN_EVENT", "workflowId"],
    ["bad workflow id", post({ workflowId: "../x" }), "BODY_NOT_AN_EVENT", "(body.workflowId)"],
    [
      "number beyond doubles",
      post('{"workflowId":"a","input":{"b":[1,1e400]}}'),
      "BODY_NOT_AN_EVENT",
      "(body.input.b[1])",
    ],
    [
      "input too large",
      post({ workflowId: "a", input: "x".repeat(600_000) }),
      "INPUT_TOO_LARGE",
      "(body.input)",
    ],
    ["not base64", post(push({ data: "eyJ9*===" })), "BODY_NOT_BASE64", "position 4 (body.message.data)"],
    ["base64 for URLs", post(push({ data: "-_-_" })), "BODY_NOT_BASE64", "position 0"],
    ["base64 without padding", post(push({ data: "eyJ" })), "BODY_NOT_BASE64", "wrongly padded"],
    ["base64 with line breaks", post(push({ data: "eyJh\nIjox" })), "BODY_NOT_BASE64", "position 4"],
    ["base64 of no JSON", post(push({ data: base64("nope") })), "BODY_NOT_JSON", "(body.message.data)"],
    [
      "base64 of no message",
      post(push({ data: base64({ batchId: "b" }) })),
      "BODY_NOT_AN_EVENT",
      "(body.message.data.taskId)",
    ],
    ["push without data", post(push({})), "BODY_NOT_JSON", "(body.message.data)"],
    ["push, data no text", post(push({ data: 1 })), "BODY_NOT_AN_EVENT", "(body.message.data)"],
    ["push, message no object", post({ message: 1 }), "BODY_NOT_AN_EVENT", "(body.message)"],
    [
      "push in a push",
      post(push({ data: base64(push({ data: base64(task) })) })),
      "BODY_NOT_AN_EVENT",
      "Expected batchId",
    ],
    [
      "notification without object",
      post(push({ attributes: { ...notification, objectId: "" } })),
      "BODY_NOT_AN_EVENT",
      "(body.message.attributes.objectId)",
    ],
    ["unwrapped push of no JSON", post("nope", unwrapped), "BODY_NOT_JSON", "(body)"],
    ["unknown binary event", post("?", { "ce-type": "a.b" }), "EVENT_TYPE_UNKNOWN", '"a.b"'],
    [
      "binary event of no object",
      post({ ...stored, generation: 1.5 }, { "ce-type": finalized }),
      "BODY_NOT_AN_EVENT",
      "(body.generation)",
    ],
    [
      "size beyond integers",
      post({ ...stored, size: "9".repeat(19) }, { "ce-type": finalized }),
      "BODY_NOT_AN_EVENT",
      "(body.size)",
    ],
    [
      "unknown structured event",
      post({ ...envelope, type: "a.b" }, structured),
      "EVENT_TYPE_UNKNOWN",
      "(body.type)",
    ],
    ["structured event without type", post(envelope, structured), "BODY_NOT_AN_EVENT", "(body.type)"],
    ["structured event that is no object", post("[]", structured), "BODY_NOT_AN_EVENT", "(body)"],
    [
      "structured event without data",
      post({ ...envelope, type: finalized }, structured),
      "BODY_NOT_AN_EVENT",
      "(body.data)",
    ],
  ])("%s", (_name, request, code, text) => {
    expect(() => parseRequest(request)).toThrow(expect.objectContaining({ code }));
    expect(() => parseRequest(request)).toThrow(text);
  });

  test.each([
    ["open", "[".repeat(5_000_000)],
    ["closed", "[".repeat(2_000_000) + "]".repeat(2_000_000)],
    ["inside a start", `{"workflowId":"a","input":${"[".repeat(300)}${"]".repeat(300)}}`],
  ])("nesting without end, %s", (_name, body) => {
    expect(() => parseRequest(post(body))).toThrow("nests deeper than 200 levels");
  });

  test.each([
    ["of a completion", `{"batchId":"b","taskId":"t","completion":{"result":[${"[],".repeat(600_000)}1]}}`],
    ["of no message", `[${"1,".repeat(600_000)}1]`],
  ])("values without end, %s", (_name, body) => {
    expect(() => parseRequest(post(body))).toThrow("more than 500000 values");
  });

  test("brackets and commas in strings are neither nesting nor values", () => {
    const input = `"${"[{,".repeat(150_000)}\\"[[`;
    expect(parseRequest(post({ workflowId: "a", input }))).toMatchObject({ message: { input } });
  });

  test("a message that quotes the body stays short", () => {
    const long = "x".repeat(1_000_000);
    for (const body of [
      { ...task, [long]: 1 },
      { ...envelope, type: long },
    ]) {
      const thrown = caught(() => parseRequest(post(body)));
      expect(thrown.message.length).toBeLessThan(5_000);
    }
  });
});

function caught(action: () => unknown): Error {
  try {
    action();
  } catch (thrown) {
    return thrown as Error;
  }
  throw new Error("it did not throw");
}
