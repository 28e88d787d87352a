import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Endpoint, startEndpoint } from "./kit/endpoint.ts";
import { type PubSubClients, pubSubClients } from "./pubsub/clients.ts";
import { compileFilter } from "./pubsub/filter.ts";
import { type PubSubServer, type PubSubServerOptions, startPubSubServer } from "./pubsub/server.ts";

const topic = "projects/p/topics/work";
const subscription = "projects/p/subscriptions/work";
let endpoint: Endpoint;
let server: PubSubServer | undefined;
let clients: PubSubClients | undefined;

beforeEach(async () => {
  endpoint = await startEndpoint();
});

afterEach(stop);
afterEach(() => endpoint.close());

async function stop(): Promise<void> {
  await clients?.close();
  await server?.close();
}

async function start(options: PubSubServerOptions, settings: object) {
  server = await startPubSubServer(options);
  clients = pubSubClients(server);
  await clients.publisher.createTopic({ name: topic });
  await clients.subscriber.createSubscription({ name: subscription, topic, ...settings });
  return { server, subscriber: clients.subscriber, publisher: clients.publisher };
}

async function startPushing(options: PubSubServerOptions, settings: object = {}, url = endpoint.url) {
  const started = await start(options, {
    pushConfig: { pushEndpoint: url },
    ackDeadlineSeconds: 600,
    ...settings,
  });
  const publish = (count: number) => {
    const messages = Array.from({ length: count }, (_, index) => ({ data: Buffer.from(String(index)) }));
    return started.publisher.publish({ topic, messages });
  };
  return { ...started, publish };
}

const delivered = () => endpoint.calls.map(({ body }) => Number(atob(JSON.parse(String(body)).message.data)));

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

test("One push at a time delivers in the order of publishing", async () => {
  const { server, publish } = await startPushing({ delivery: { maxOutstanding: 1 } });
  await publish(50);
  await server.idle();
  expect(delivered()).toEqual(numbers(50));
});

test("With reordering, every message is delivered once, in another order", async () => {
  const delivery = { reorder: true, maxOutstanding: 1 };
  const { server, publish } = await startPushing({ clockScale: 20, delivery });
  await publish(200);
  await server.idle();
  expect(delivered()).not.toEqual(numbers(200));
  expect(delivered().toSorted((one, other) => one - other)).toEqual(numbers(200));
});

test("The seed decides the order, and which messages are delayed", async () => {
  const orders: number[][] = [];
  for (const seed of [7, 7, 8]) {
    // Time nearly stands still: nothing that is held back comes in between.
    const delivery = { reorder: true, maxOutstanding: 1 };
    const { server, publish } = await startPushing({ seed, clockScale: 0.001, delivery });
    const from = endpoint.calls.length;
    await publish(200);
    await expect.poll(() => server.subscriptions()[0]).toMatchObject({ queued: 0, inFlight: 0 });
    const order = delivered().slice(from);
    expect(server.subscriptions()[0]?.waiting).toBe(200 - order.length);
    orders.push(order);
    await stop();
  }
  expect(orders[0]).toEqual(orders[1]);
  expect(orders[0]).not.toEqual(orders[2]);
  expect(orders[0]?.length).toBeLessThan(200);
});

test("A share of acknowledged messages, chosen by the seed, is delivered once more", async () => {
  const repeated: number[][] = [];
  for (const _ of ["first", "second"]) {
    const { server, publish } = await startPushing({
      seed: 5,
      clockScale: 20,
      delivery: { duplicateShare: 0.3 },
    });
    const from = endpoint.calls.length;
    await publish(200);
    await server.idle();
    const all = delivered().slice(from);
    const twice = numbers(200).filter((number) => all.filter((one) => one === number).length === 2);
    expect(all.length).toBe(200 + twice.length);
    repeated.push(twice);
    await stop();
  }
  expect(repeated[0]?.length).toBeGreaterThan(30);
  expect(repeated[0]?.length).toBeLessThan(90);
  expect(repeated[1]).toEqual(repeated[0]);
});

test("Deliveries can be made worse on the way", async () => {
  const { server, publish } = await startPushing({ clockScale: 20 });
  await publish(10);
  await server.idle();
  expect(endpoint.calls.length).toBe(10);
  server.setDelivery({ duplicateShare: 1 });
  await publish(10);
  await server.idle();
  expect(endpoint.calls.length).toBe(30);
});

test("Pushes run in parallel, but never more than the most", async () => {
  let running = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  const slow = await startEndpoint(async () => {
    most = Math.max(most, ++running);
    if (running === 20) gate.resolve();
    await gate.promise;
    running--;
    return 204;
  });
  const { server, publish } = await startPushing({ delivery: { maxOutstanding: 20 } }, {}, slow.url);
  await publish(100);
  await server.idle();
  expect(slow.calls.length).toBe(100);
  expect(most).toBe(20);
  await slow.close();
});

test("Every subscription gets its own copy, if its filter lets it through", async () => {
  const { server, publisher, subscriber } = await startPushing({});
  const filtered = "projects/p/subscriptions/filtered";
  await subscriber.createSubscription({ name: filtered, topic, filter: 'attributes.kind = "csv"' });
  const messages = ["csv", "json"].map((kind) => ({ data: Buffer.from("1"), attributes: { kind } }));
  await publisher.publish({ topic, messages });
  await server.idle();
  expect(endpoint.calls.length).toBe(2);
  expect(server.outstanding(filtered)).toBe(1);
});

test.each([
  ['attributes.a = "1"', true],
  ['attributes.a != "1"', false],
  ['attributes.missing != "1"', true],
  ["attributes:b", true],
  ["NOT attributes:c", true],
  ['attributes.a = "1" AND attributes.b = "x"', false],
  ['attributes.a = "2" OR hasPrefix(attributes.b, "obj")', true],
  ['NOT (attributes.a = "1" AND attributes."b" = "objects/x")', false],
])("The filter %s gives %s", (filter, expected) => {
  expect(compileFilter(filter)({ a: "1", b: "objects/x" })).toBe(expected);
});

test("A pulled message is delivered again unless it is acknowledged before its deadline", async () => {
  const settings = { retryPolicy: { minimumBackoff: { seconds: 0 }, maximumBackoff: { seconds: 1 } } };
  const { server, publisher, subscriber } = await start({ clockScale: 5 }, settings);
  await publisher.publish({ topic, messages: [{ data: Buffer.from("x") }] });
  const pull = async () => {
    const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: 10 });
    return receivedMessages?.map(({ ackId }) => ackId ?? "") ?? [];
  };
  const late = await pull();
  expect(late.length).toBe(1);
  expect(await pull()).toEqual([]);
  await expect.poll(() => server.subscriptions()[0]?.rejected).toBe(1);
  await subscriber.acknowledge({ subscription, ackIds: late });
  expect(server.outstanding(subscription)).toBe(1);

  await expect.poll(() => server.subscriptions()[0]?.queued).toBe(1);
  const again = await pull();
  await subscriber.modifyAckDeadline({ subscription, ackIds: again, ackDeadlineSeconds: 0 });
  expect(server.subscriptions()[0]?.rejected).toBe(2);

  await expect.poll(() => server.subscriptions()[0]?.queued).toBe(1);
  const extended = await pull();
  await subscriber.modifyAckDeadline({ subscription, ackIds: extended, ackDeadlineSeconds: 600 });
  await subscriber.acknowledge({ subscription, ackIds: extended });
  expect(server.outstanding(subscription)).toBe(0);
  expect(server.subscriptions()[0]).toMatchObject({ acknowledged: 1, rejected: 2 });

  // When the deadline of a later message has passed, so have all that were called off.
  await publisher.publish({ topic, messages: [{ data: Buffer.from("later") }] });
  await pull();
  await expect.poll(() => server.subscriptions()[0]?.queued).toBe(1);
  expect(server.subscriptions()[0]).toMatchObject({ acknowledged: 1, rejected: 3 });
  const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: 10 });
  expect(receivedMessages?.map(({ message }) => String(message?.data))).toEqual(["later"]);
});

test("A subscription that pushes can't be pulled from, until its endpoint is taken away", async () => {
  const { server, publisher, subscriber } = await startPushing({});
  await expect(subscriber.pull({ subscription, maxMessages: 1 })).rejects.toMatchObject({
    code: status.FAILED_PRECONDITION,
  });
  await subscriber.modifyPushConfig({ subscription, pushConfig: {} });
  await publisher.publish({ topic, messages: [{ data: Buffer.from("1") }] });
  await server.idle();
  expect(endpoint.calls).toEqual([]);
  await subscriber.modifyPushConfig({ subscription, pushConfig: { pushEndpoint: endpoint.url } });
  await server.idle();
  expect(delivered()).toEqual([1]);
});

test("Ten thousand messages are pushed", async () => {
  const { server, publish } = await startPushing({});
  for (const _ of numbers(10)) await publish(1_000);
  await server.idle();
  expect(endpoint.calls.length).toBe(10_000);
  expect(server.meter.of("pushes")).toBe(10_000);
});
