import fc from "fast-check";
import { expect, test } from "vitest";
import { errorCatalog } from "../../src/core/errors/error-catalog.ts";
import { BatonError } from "../../src/core/errors/errors.ts";
import { MessageSchema } from "../../src/core/messages.ts";
import { findSyntaxError } from "../../src/core/values/json-syntax.ts";
import type { EntryRequest, RequestHeaders } from "../../src/entry/parse-message.ts";
import { parseRequest } from "../../src/entry/parse-request.ts";
import { base64, notification, post, push } from "./requests.ts";

const name = fc.oneof(fc.constantFrom("a", "load", "$end", "b-1"), fc.string());
const json = fc.jsonValue({ depthSize: "medium" });
const field = fc.constantFrom(
  ..."kind batchId taskId previousTaskId completion ending redrive workflowId".split(" "),
  ..."input key bucket object event payload".split(" "),
  ..."generation size message data attributes deliveryAttempt specversion type __proto__ constructor".split(
    " ",
  ),
);
const kind = fc.constantFrom("task", "start", "object", "sweep", "tick", "event", "callback");
const likeMessage = fc.oneof(
  fc.record(
    { batchId: name, taskId: name, previousTaskId: name, completion: json, ending: json },
    { requiredKeys: [] },
  ),
  fc.record(
    { kind, workflowId: name, input: json, key: name, bucket: name, object: name },
    { requiredKeys: ["kind"] },
  ),
  fc.dictionary(field, fc.oneof(json, name)),
);
const likePush = fc
  .record(
    {
      data: fc.oneof(likeMessage.map(base64), fc.base64String(), json),
      attributes: fc.oneof(json, fc.constant(notification)),
    },
    { requiredKeys: [] },
  )
  .map((message) => push(message));
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.oneof(json, likeMessage, likePush).map((value) => Buffer.from(JSON.stringify(value))),
  fc.tuple(likeMessage, fc.nat()).map(([value, cut]) => {
    const text = JSON.stringify(value);
    return Buffer.from(text.slice(0, cut % (text.length + 1)));
  }),
);
const headers: fc.Arbitrary<RequestHeaders> = fc.oneof(
  fc.constant({}),
  fc.constant({ "content-type": "application/cloudevents+json" }),
  fc
    .constantFrom(
      "google.cloud.pubsub.topic.v1.messagePublished",
      "google.cloud.storage.object.v1.finalized",
      "x",
    )
    .map((type) => ({ "ce-type": type })),
  fc.record({
    "x-goog-pubsub-message-id": fc.string(),
    eventtype: fc.constantFrom("OBJECT_FINALIZE", "x"),
    objectid: fc.string(),
  }),
);

/** A message that is one, something ignored, or an error of the catalog that is a dead letter: nothing else. */
function outcomeOf(request: EntryRequest): string {
  try {
    const parsed = parseRequest(request);
    if ("ignored" in parsed) return "ignored";
    expect(parsed.deliveryAttempt).toBeGreaterThanOrEqual(1);
    const message = MessageSchema.parse(parsed.message);
    expect(message).toEqual(parsed.message);
    if (message.kind === "task") expect(message.ending ?? message.redrive).toBeUndefined();
    return "message";
  } catch (thrown) {
    if (!(thrown instanceof BatonError)) throw thrown;
    expect(errorCatalog[thrown.code].disposition).toBe("dead-letter");
    return "error";
  }
}

test("every request becomes a message or a coded error", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(bodies, headers, (body, given) => {
      seen.add(outcomeOf(post(body, given)));
    }),
    { numRuns: 5_000 },
  );
  expect([...seen]).toEqual(expect.arrayContaining(["message", "error"]));
});

test("the position of a syntax error is where the text stops being JSON", () => {
  const texts = fc.tuple(
    fc.json(),
    fc.nat(),
    fc.constantFrom("", "}", "]", ",", ":", "x", '"', "\\", "1", "\n", "-", "."),
  );
  fc.assert(
    fc.property(texts, ([text, at, inserted]) => {
      const cut = at % (text.length + 1);
      const broken = inserted === "" ? text.slice(0, cut) : text.slice(0, cut) + inserted + text.slice(cut);
      const thrown = syntaxErrorOf(broken);
      if (thrown === undefined) return;
      const position = findSyntaxError(broken);
      expect(position).toBeLessThanOrEqual(broken.length);
      // Where V8 names a position, it is ours or lies within the token that begins at ours.
      const named = /at position (\d+)/.exec(thrown)?.[1];
      if (named === undefined) return;
      expect(Number(named)).toBeGreaterThanOrEqual(position);
      expect(broken.slice(position, Number(named))).toMatch(/^(?:[-\d.eE+]*|[a-z]{0,4}|\\u?[0-9a-fA-F]*)$/);
    }),
    { numRuns: 5_000 },
  );
});

function syntaxErrorOf(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (thrown) {
    return (thrown as Error).message;
  }
}
