import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { createHttpHandler } from "../../src/entry/http-handler.ts";
import { type HttpService, serveHttp } from "../../src/entry/http-server.ts";
import { RecordingIntake, RecordingLogger } from "./recording-intake.ts";
import { base64, push } from "./requests.ts";
import { send, sendRaw } from "./wire.ts";

const task = JSON.stringify({ batchId: "b1", taskId: "load" });
const json = { "content-type": "application/json" };

let intake: RecordingIntake;
let service: HttpService;
const handler = () => createHttpHandler(intake, new RecordingLogger());

beforeEach(async () => {
  intake = new RecordingIntake();
  service = await serveHttp(handler(), { port: 0 });
});
afterEach(() => service.close());

describe("bodies reach the handler as sent", () => {
  test.each([
    ["application/json"],
    ["application/json; charset=latin-9"],
    ["application/cloudevents+json"],
    ["application/octet-stream"],
    ["application/x-www-form-urlencoded"],
    ["text/plain"],
    ["not a type at all; ;"],
    [undefined],
  ])("content-type %s", async (type) => {
    const headers: Record<string, string> = type === undefined ? {} : { "content-type": type };
    const body = type === "application/cloudevents+json" ? '{"type":"x","specversion":"1.0"}' : task;
    const answer = await send(service.url, { headers, body });
    if (body === task) expect(answer).toMatchObject({ status: 200, json: { status: "done" } });
    else expect(answer).toMatchObject({ status: 202, json: { code: "EVENT_TYPE_UNKNOWN" } });
    expect(intake.deliveries.length + intake.refused.length).toBe(1);
  });

  test.each([
    ["bad JSON", '{"a": nope}', "BODY_NOT_JSON"],
    ["an empty body", "", "BODY_NOT_JSON"],
    ["a push whose data is not base64", JSON.stringify(push({ data: "*" })), "BODY_NOT_BASE64"],
    ["nesting without end", "[".repeat(5_000_000), "BODY_NOT_AN_EVENT"],
  ])("%s is a dead letter", async (_name, body, code) => {
    const answer = await send(service.url, { headers: json, body });
    const status = code === "BODY_NOT_BASE64" ? 202 : 400;
    expect(answer).toMatchObject({ status, json: { status: "dead-letter", deadLetterId: "d1", code } });
    expect(Buffer.from(intake.refused[0]?.body ?? []).toString()).toBe(body);
  });

  test("ten megabytes of message data, in its envelope, in bounded memory", async () => {
    const data = JSON.stringify({ kind: "sweep", filler: "x".repeat(limits.messageBytes - 40) });
    const body = JSON.stringify(push({ data: base64(data) }));
    expect(body.length).toBeGreaterThan(13_300_000);
    const before = process.memoryUsage().rss;
    const answer = await send(service.url, { headers: json, body });
    expect(answer).toMatchObject({ status: 202, json: { code: "BODY_NOT_AN_EVENT" } });
    expect(intake.refused[0]?.body.length).toBe(body.length);
    expect(process.memoryUsage().rss - before).toBeLessThan(400_000_000);
  });
});

describe("the server rejects a request before it reads the body", () => {
  test.each([
    ["15 MB", { body: Buffer.alloc(15 * 1024 * 1024, "x") }, 413, "BODY_TOO_LARGE"],
    ["one byte too many", { body: Buffer.alloc(limits.requestBodyBytes + 1) }, 413, "BODY_TOO_LARGE"],
    ["gzip", { body: gzipSync(task), headers: { ...json, "content-encoding": "gzip" } }, 415, "BODY_ENCODED"],
    ["an unknown encoding", { body: task, headers: { "content-encoding": "x" } }, 415, "BODY_ENCODED"],
    ["chunks", { body: task, headers: json, chunked: true }, 411, "BODY_UNSIZED"],
  ])("%s", async (_name, options, status, code) => {
    const answer = await send(service.url, options);
    expect(answer).toMatchObject({ status, json: { status: "error", code, remedy: expect.any(String) } });
    expect([...intake.deliveries, ...intake.refused]).toEqual([]);
    expect(await send(service.url, { headers: json, body: task })).toMatchObject({ status: 200 });
  });

  test("a sender that reads only after it has sent everything gets the response", async () => {
    const size = 20 * 1024 * 1024;
    const head = `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${size}\r\n\r\n`;
    const sent = sendRaw(service.url, head + "x".repeat(size), { readAfterwards: true });
    expect(await sent.answer).toMatch(/^HTTP\/1.1 413 .*BODY_TOO_LARGE/s);
  });

  test("a content-length larger than the body", async () => {
    const sent = sendRaw(service.url, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\nabc");
    expect(await sent.answer).toMatch(/^HTTP\/1.1 413 .*BODY_TOO_LARGE/s);
  });

  test("exactly the limit is read", async () => {
    const answer = await send(service.url, { body: Buffer.alloc(limits.requestBodyBytes, " ") });
    expect(answer).toMatchObject({ status: 400, json: { code: "BODY_NOT_JSON" } });
  });
});

describe("requests of other kinds", () => {
  test.each([
    ["GET", "/", 200, { status: "ok" }],
    ["GET", "/healthz", 200, { status: "ok" }],
    ["GET", "/nothing", 405, { code: "METHOD_NOT_ALLOWED" }],
    ["DELETE", "/", 405, { code: "METHOD_NOT_ALLOWED" }],
    ["GET", "/%E0%A4%A", 405, { code: "METHOD_NOT_ALLOWED" }],
    ["POST", "/%zz?a=%", 200, { status: "done" }],
  ])("%s %s", async (method, path, status, body) => {
    const answer = await send(service.url + path, { method, body: method === "POST" ? task : "" });
    expect(answer).toMatchObject({ status, json: body });
    expect(answer.headers.allow).toBe(status === 405 ? "GET, POST" : undefined);
  });

  test("an unfinished body holds its connection for a limited time only", async () => {
    await service.close();
    service = await serveHttp(handler(), { port: 0, requestSeconds: 0.2 });
    const half = `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${task.length}\r\n\r\n${task.slice(0, 5)}`;
    const sent = sendRaw(service.url, half);
    expect(await sent.answer).toMatch(/^HTTP\/1.1 408 /);
    expect([...intake.deliveries, ...intake.refused]).toEqual([]);
    expect(await send(service.url, { body: task })).toMatchObject({ status: 200 });
  });

  test("a sender that disconnects during the body leaves nothing behind", async () => {
    const sent = sendRaw(service.url, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{");
    await send(service.url, { body: task });
    sent.end();
    await sent.answer;
    expect(await send(service.url, { body: task })).toMatchObject({ status: 200 });
    expect(intake.refused).toEqual([]);
  });
});
