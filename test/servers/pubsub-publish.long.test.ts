import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Fault } from "./kit/faults.ts";
import { type PubSubClients, pubSubClients } from "./pubsub/clients.ts";
import { type PubSubServer, startPubSubServer } from "./pubsub/server.ts";

const topic = "projects/p/topics/work";
let server: PubSubServer;
let clients: PubSubClients;

beforeEach(async () => {
  server = await startPubSubServer({ deniedPermissions: ["pubsub.topics.publish"] });
  clients = pubSubClients(server);
  await clients.publisher.createTopic({ name: topic });
});

afterEach(async () => {
  await clients.close();
  await server.close();
});

test("The high-level client publishes to the emulator's host, in batches that cost one request", async () => {
  const batched = clients.pubsub.topic("work", { batching: { maxMessages: 50, maxMilliseconds: 1_000 } });
  const ids = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      batched.publishMessage({ json: { index }, attributes: { key: "value" } }),
    ),
  );
  expect(new Set(ids).size).toBe(50);
  expect(server.published().map(({ messageId }) => messageId)).toEqual(ids);
  expect(server.published()[7]).toMatchObject({ topic, attributes: { key: "value" } });
  expect(String(server.published()[7]?.data)).toBe('{"index":7}');
  expect(server.meter.of("messages_published")).toBe(50);
  expect(server.meter.of("publish_requests")).toBe(1);
});

test("A request is billed by data and attributes, and as 1,000 bytes at least", async () => {
  await clients.publisher.publish({ topic, messages: [{ data: Buffer.from("x") }] });
  expect(server.meter.of("published_bytes")).toBe(1_000);
  await clients.publisher.publish({
    topic,
    messages: [{ data: Buffer.alloc(1_500), attributes: { key: "value" } }],
  });
  expect(server.meter.of("published_bytes")).toBe(1_000 + 1_508);
});

const attributes = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "v"]));

test.each([
  ["no message", []],
  ["more than 1,000 messages", Array.from({ length: 1_001 }, () => ({ data: Buffer.from("x") }))],
  ["an empty message", [{ data: Buffer.from("x") }, {}]],
  ["more than 100 attributes", [{ attributes: attributes(101) }]],
  ["an attribute of Google's", [{ attributes: { google: "x" } }]],
  ["a long attribute", [{ attributes: { key: "x".repeat(1_025) } }]],
  ["more than 10 MB", [{ data: Buffer.alloc(6_000_000) }, { data: Buffer.alloc(4_000_001) }]],
])("A request with %s is refused whole", async (_, messages) => {
  await expect(clients.publisher.publish({ topic, messages })).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
  });
  expect(server.published()).toEqual([]);
  expect(server.meter.of("publish_requests")).toBe(0);
});

test("The largest requests are accepted", async () => {
  const messages = Array.from({ length: 1_000 }, () => ({ attributes: attributes(100) }));
  await clients.publisher.publish({ topic, messages });
  await clients.publisher.publish({ topic, messages: [{ data: Buffer.alloc(10_000_000) }] });
  expect(server.published().length).toBe(1_001);
});

test("A topic that is missing is not found; one that exists can't be created again", async () => {
  const missing = "projects/p/topics/missing";
  const messages = [{ data: Buffer.from("x") }];
  await expect(clients.publisher.publish({ topic: missing, messages })).rejects.toMatchObject({
    code: status.NOT_FOUND,
  });
  await expect(clients.publisher.createTopic({ name: topic })).rejects.toMatchObject({
    code: status.ALREADY_EXISTS,
  });
  await expect(clients.publisher.createTopic({ name: "projects/p/topics/1" })).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
  });
  await clients.publisher.createTopic({ name: "projects/other/topics/work" });
  const [listed] = await clients.publisher.listTopics({ project: "projects/p" });
  expect(listed.map(({ name }) => name)).toEqual([topic]);
  await clients.publisher.deleteTopic({ topic });
  await expect(clients.publisher.getTopic({ topic })).rejects.toMatchObject({ code: status.NOT_FOUND });
});

test.each<[Fault, number]>([
  [{ kind: "not_sent" }, 1],
  [{ kind: "reply_lost" }, 2],
  [{ kind: "error_after" }, 2],
  [{ kind: "slow", delayMs: 50 }, 1],
  [{ kind: "duplicated" }, 2],
])("A publish with the fault %o gives an id in the end, and %i messages", async (fault, count) => {
  server.setFaults(({ method, index }) => (method === "Publish" && index === 1 ? fault : undefined));
  const id = await clients.pubsub.topic("work").publishMessage({ data: Buffer.from("x") });
  expect(server.published().length).toBe(count);
  expect(server.published().at(-1)?.messageId).toBe(id);
});

test("REST publishes for every caller with a token", async () => {
  const url = `${server.restUrl}/v1/${topic}:publish`;
  const body = JSON.stringify({ messages: [{ data: btoa("hello"), attributes: { from: "tasks" } }] });
  const post = (address: string, headers: Record<string, string>, text = body) =>
    fetch(address, { method: "POST", headers, body: text });
  const headers = { authorization: "Bearer ya29.caller", "content-type": "application/json" };
  expect((await post(url, {})).status).toBe(401);
  expect((await post(url.replace("work", "missing"), headers)).status).toBe(404);
  expect((await post(url, headers, '{"messages":[{}]}')).status).toBe(400);
  expect((await post(url, headers, "no json")).status).toBe(400);
  expect((await post(url, { ...headers, "content-type": "text/plain" })).status).toBe(400);
  expect(server.published()).toEqual([]);

  const answer = await post(url, headers);
  expect(await answer.json()).toEqual({ messageIds: [server.published()[0]?.messageId] });
  expect(server.published()[0]).toMatchObject({ attributes: { from: "tasks" } });
  expect(String(server.published()[0]?.data)).toBe("hello");
  expect(server.meter.of("messages_published")).toBe(1);
});

test("REST has faults too", async () => {
  server.setFaults(() => ({ kind: "reply_lost" }));
  const publishing = fetch(`${server.restUrl}/v1/${topic}:publish`, {
    method: "POST",
    headers: { authorization: "Bearer ya29.caller", "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ data: btoa("hello") }] }),
  });
  await expect(publishing).rejects.toThrow();
  expect(server.published().length).toBe(1);
});

test("Permissions are held unless they are denied", async () => {
  const [held] = await clients.pubsub
    .topic("work")
    .iam.testPermissions(["pubsub.topics.publish", "pubsub.topics.get"]);
  expect(held).toEqual({ "pubsub.topics.publish": false, "pubsub.topics.get": true });
});
