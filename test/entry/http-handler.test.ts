import { describe, expect, test } from "vitest";
import { BatonError } from "../../src/core/errors/errors.ts";
import { createHttpHandler, type DeliveryReport } from "../../src/entry/http-handler.ts";
import { RecordingIntake, RecordingLogger } from "./recording-intake.ts";
import { base64, notification, post, push } from "./requests.ts";

const start = post({ workflowId: "sales" });

function setUp() {
  const intake = new RecordingIntake();
  const logger = new RecordingLogger();
  return { intake, logger, handle: createHttpHandler(intake, logger) };
}

describe("deliveries", () => {
  const because = { code: "WORKFLOW_UNKNOWN", message: "no such workflow", remedy: "list them" } as const;
  test.each<[string, DeliveryReport, number, object]>([
    ["done", { outcome: "done" }, 200, { status: "done" }],
    ["batch started", { outcome: "done", batchId: "b1" }, 200, { status: "done", batchId: "b1" }],
    [
      "dead letter",
      { outcome: "dead-lettered", deadLetterId: "d2", batchId: undefined, ...because },
      404,
      { status: "dead-letter", deadLetterId: "d2", ...because },
    ],
  ])("%s", async (_name, report, status, body) => {
    const { intake, handle } = setUp();
    intake.onDeliver = async () => report;
    expect(await handle(start)).toStrictEqual({ status, body });
    expect(intake.deliveries).toEqual([
      { message: { kind: "start", workflowId: "sales" }, deliveryAttempt: 1 },
    ]);
  });

  test("an error with a code gets a response that causes a redelivery", async () => {
    const { intake, handle, logger } = setUp();
    intake.onDeliver = async () => {
      throw new BatonError("STORE_LOCKED", "the store is locked");
    };
    const answer = await handle(start);
    expect(answer).toMatchObject({ status: 503, body: { status: "error", code: "STORE_LOCKED" } });
    expect(answer.body.remedy).toBeTypeOf("string");
    expect(logger.lines).toHaveLength(1);
  });

  test("the response to an error without a code shows no details", async () => {
    const { intake, handle, logger } = setUp();
    intake.onDeliver = async () => {
      throw new TypeError("secret of /srv/x");
    };
    const answer = await handle(start);
    expect(answer).toMatchObject({ status: 503, body: { code: "INTERNAL" } });
    expect(JSON.stringify(answer)).not.toMatch(/secret|\bat\b.*\.ts/);
    expect(logger.lines[0]?.fields.error).toBe("secret of /srv/x");
  });

  test("an ignored delivery is acknowledged and not handled", async () => {
    const { intake, handle } = setUp();
    const request = post(push({ attributes: { ...notification, eventType: "OBJECT_DELETE" } }));
    expect(await handle(request)).toMatchObject({ status: 200, body: { status: "ignored" } });
    expect([...intake.deliveries, ...intake.refused]).toEqual([]);
  });
});

describe("bodies that are no message", () => {
  test("are stored unchanged, and acknowledged", async () => {
    const { intake, handle } = setUp();
    const request = post("{oops");
    expect(await handle(request)).toMatchObject({
      status: 400,
      body: { status: "dead-letter", deadLetterId: "d1", code: "BODY_NOT_JSON", message: expect.any(String) },
    });
    expect(intake.refused).toMatchObject([{ body: request.body, error: { code: "BODY_NOT_JSON" } }]);
    expect(intake.deliveries).toEqual([]);
  });

  test("must be sent again if they can't be stored", async () => {
    const { intake, handle } = setUp();
    intake.onRefuse = async () => {
      throw new BatonError("STORE_DISK_FULL", "the disk is full");
    };
    expect(await handle(post("{oops"))).toMatchObject({ status: 503, body: { code: "STORE_DISK_FULL" } });
  });

  const wrong = { workflowId: "sales", input: 1, key: "" };
  const cloudTasks = { "x-cloudtasks-queuename": "q", "x-cloudtasks-taskretrycount": "3" };
  const cloudEvent = { "ce-type": "google.cloud.pubsub.topic.v1.messagePublished", "ce-specversion": "1.0" };
  const structured = { specversion: "1.0", type: "com.example.other" };
  test.each([
    ["plain JSON", post(wrong), 400],
    ["plain text", post("{oops"), 400],
    ["plain JSON with a message that is no push", post({ ...wrong, message: "hello" }), 400],
    ["a push", post(push({ data: base64(wrong) })), 202],
    ["a push of what is not JSON", post(push({ data: base64("{oops") })), 202],
    ["an unwrapped push", post(wrong, { "x-goog-pubsub-message-id": "1" }), 202],
    ["an unwrapped push without metadata", post("{oops", { "user-agent": "APIs-Google; (+https://…)" }), 202],
    ["a task of Cloud Tasks", post(wrong, cloudTasks), 202],
    ["a binary CloudEvent", post("{oops", cloudEvent), 202],
    ["a structured CloudEvent", post(structured), 202],
    ["what says it is one", post("{oops", { "content-type": "application/cloudevents+json" }), 202],
  ])(
    "%s: a client hears of it by the status, what delivers again has it acknowledged",
    async (_name, request, status) => {
      const { handle } = setUp();
      expect(await handle(request)).toMatchObject({
        status,
        body: { status: "dead-letter", deadLetterId: "d1", remedy: expect.any(String) },
      });
    },
  );

  test.each([
    ["WORKFLOW_UNKNOWN", 404],
    ["BATCH_UNKNOWN", 404],
    ["TASK_UNKNOWN", 404],
    ["BATCH_EXPIRED", 410],
    ["DEFINITION_MISSING", 410],
    ["INPUT_TOO_LARGE", 413],
    ["INPUT_INVALID", 422],
    ["NUMBER_NOT_EXACT", 400],
    ["KEY_REPEATED", 400],
  ] as const)("posted as plain JSON, %s is answered %i, in a push 202", async (code, status) => {
    const { intake, handle } = setUp();
    intake.onDeliver = async () => ({ outcome: "dead-lettered", deadLetterId: "d2", code });
    expect(await handle(start)).toMatchObject({ status, body: { deadLetterId: "d2", code } });
    const pushed = post(push({ data: base64({ workflowId: "sales" }) }));
    expect(await handle(pushed)).toMatchObject({ status: 202, body: { deadLetterId: "d2", code } });
  });

  test("that only a defect of Baton can explain are dead letters too", async () => {
    const { intake, handle } = setUp();
    const broken = (_target: object, name: string | symbol) => {
      if (name === "origin") return undefined;
      throw new RangeError("Maximum call stack size exceeded");
    };
    const headers = new Proxy({}, { get: broken });
    expect(await handle({ ...start, headers })).toMatchObject({ status: 202, body: { code: "INTERNAL" } });
    expect(intake.refused).toMatchObject([{ body: start.body, error: { code: "INTERNAL" } }]);
  });
});

describe("requests without a message", () => {
  test.each([
    ["GET", "/", 200],
    ["GET", "/healthz", 200],
    ["GET", "/other", 405],
    ["HEAD", "/", 405],
    ["PUT", "/", 405],
    ["DELETE", "/healthz", 405],
  ])("%s %s: %i", async (method, path, status) => {
    const { intake, handle } = setUp();
    const answer = await handle({ ...start, method, path });
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject(status === 200 ? { status: "ok" } : { code: "METHOD_NOT_ALLOWED" });
    expect(intake.deliveries).toEqual([]);
  });
});

test.each([
  ["of another origin", { origin: "http://evil.example", host: "localhost:8080" }, 403],
  ["without one", { origin: "null", host: "localhost:8080" }, 403],
  ["of this origin", { origin: "http://localhost:8080", host: "localhost:8080" }, 200],
])("a post by a web page %s", async (_name, headers, status) => {
  const { intake, handle } = setUp();
  intake.onDeliver = async () => ({ outcome: "done" });
  expect(await handle({ ...start, headers: { ...start.headers, ...headers } })).toMatchObject({ status });
  expect(intake.deliveries).toHaveLength(status === 200 ? 1 : 0);
});
