import { describe, expect, test } from "vitest";
import { parseRequest } from "../../src/entry/parse-request.ts";
import { base64, notification, post, push } from "./requests.ts";

const task = { batchId: "b-1", taskId: "load" };
const finalized = "google.cloud.storage.object.v1.finalized";
const stored = { bucket: "inbox", name: "sales/a.csv", generation: "1730000000000000", size: "12" };
const unwrapped = { "x-goog-pubsub-message-id": "1", "x-goog-pubsub-subscription-name": "s" };
const structured = { "content-type": "application/cloudevents+json; charset=utf-8" };
const envelope = { specversion: "1.0", id: "1", source: "//x" };

describe("refusals", () => {
  test.each([
    ["empty", post(""), "BODY_NOT_JSON", "The body is empty (body)"],
    ["blank", post(" \n"), "BODY_NOT_JSON", "The body is empty"],
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
    ["stray completion", post({ ...task, completion: { result: 1 } }), "BODY_NOT_AN_EVENT", "previousTaskId"],
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
      "NUMBER_NOT_EXACT",
      "(body.input.b[1])",
    ],
    [
      "two equal keys",
      post('{"kind":"start","workflowId":"a","workflowId":"b"}'),
      "KEY_REPEATED",
      "(body.workflowId)",
    ],
    [
      "two equal keys in the data of a push",
      post(push({ data: Buffer.from('{"workflowId":"a","input":[{"id":1,"id":1}]}').toString("base64") })),
      "KEY_REPEATED",
      "(body.message.data.input[0].id)",
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
  ])("unlimited nesting, %s", (_name, body) => {
    expect(() => parseRequest(post(body))).toThrow("nests deeper than 200 levels");
  });

  test.each([
    ["of a completion", `{"batchId":"b","taskId":"t","completion":{"result":[${"[],".repeat(600_000)}1]}}`],
    ["of no message", `[${"1,".repeat(600_000)}1]`],
  ])("an unlimited number of values, %s", (_name, body) => {
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
