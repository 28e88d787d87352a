import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterEach, expect, test } from "vitest";
import * as z from "zod";
import { startEndpoint } from "./kit/endpoint.ts";
import type { HttpCall } from "./kit/http-server.ts";
import { startTokenIssuer } from "./oidc/issuer.ts";
import { type PubSubClients, pubSubClients } from "./pubsub/clients.ts";
import { type PubSubServer, type PubSubServerOptions, startPubSubServer } from "./pubsub/server.ts";

const topic = "projects/p/topics/work";
const subscription = "projects/p/subscriptions/push";
const deadTopic = "projects/p/topics/dead";
const deadSubscription = "projects/p/subscriptions/dead";
const noPause = { minimumBackoff: { seconds: 0 }, maximumBackoff: { seconds: 1 } };

type Settings = Parameters<PubSubClients["subscriber"]["createSubscription"]>[0];

const pushBody = z.strictObject({
  deliveryAttempt: z.int().optional(),
  subscription: z.string(),
  message: z.strictObject({
    attributes: z.record(z.string(), z.string()).optional(),
    data: z.string().optional(),
    messageId: z.string(),
    message_id: z.string(),
    orderingKey: z.string().optional(),
    publishTime: z.iso.datetime(),
    publish_time: z.iso.datetime(),
  }),
});

const bodyOf = (call: HttpCall | undefined) => pushBody.parse(JSON.parse(String(call?.body)));

let closing: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const open of closing.reverse()) await open.close();
  closing = [];
});

function closed<Open extends { close(): Promise<void> }>(open: Open): Open {
  closing.push(open);
  return open;
}

async function start(
  options: PubSubServerOptions,
): Promise<{ server: PubSubServer; clients: PubSubClients }> {
  const server = closed(await startPubSubServer(options));
  const clients = closed(pubSubClients(server));
  await clients.publisher.createTopic({ name: topic });
  await clients.publisher.createTopic({ name: deadTopic });
  return { server, clients };
}

async function startPushing(
  pushEndpoint: string,
  settings: Settings = {},
  options: PubSubServerOptions = {},
) {
  const started = await start(options);
  await started.clients.subscriber.createSubscription({
    name: subscription,
    topic,
    pushConfig: { pushEndpoint },
    retryPolicy: noPause,
    ...settings,
  });
  const publish = (...texts: string[]) =>
    started.clients.publisher.publish({
      topic,
      messages: texts.map((text) => ({ data: Buffer.from(text) })),
    });
  return { ...started, publish };
}

test("A push wraps the message as Google does", async () => {
  const endpoint = closed(await startEndpoint());
  const { server, clients } = await startPushing(endpoint.url);
  await clients.publisher.publish({
    topic,
    messages: [{ data: Buffer.from("hello"), attributes: { a: "b" } }, { attributes: { only: "this" } }],
  });
  await server.idle();
  const [first, second] = server.published();
  expect(endpoint.calls[0]).toMatchObject({
    method: "POST",
    headers: { "content-type": "application/json" },
  });
  const bodies = endpoint.calls.map(bodyOf);
  expect(bodies.find(({ message }) => message.messageId === first?.messageId)).toEqual({
    subscription,
    message: {
      data: btoa("hello"),
      attributes: { a: "b" },
      messageId: first?.messageId,
      message_id: first?.messageId,
      publishTime: first?.publishedAt.toISOString(),
      publish_time: first?.publishedAt.toISOString(),
    },
  });
  const other = bodies.find(({ message }) => message.messageId === second?.messageId);
  expect(other?.message).not.toHaveProperty("data");
  expect(server.meter.of("pushes")).toBe(2);
  expect(server.meter.of("delivered_bytes")).toBe(2_000);
});

test("Without a wrapper the data is the body, and the rest is in headers if it is asked for", async () => {
  const endpoint = closed(await startEndpoint());
  const pushConfig = { pushEndpoint: endpoint.url, noWrapper: { writeMetadata: true } };
  const { server, clients } = await startPushing(endpoint.url, { pushConfig });
  await clients.publisher.publish({
    topic,
    messages: [{ data: Buffer.from("hello"), attributes: { a: "b" } }],
  });
  await server.idle();
  expect(String(endpoint.calls[0]?.body)).toBe("hello");
  expect(endpoint.calls[0]?.headers).toMatchObject({
    a: "b",
    "x-goog-pubsub-subscription-name": subscription,
    "x-goog-pubsub-message-id": server.published()[0]?.messageId,
    "x-goog-pubsub-publish-time": server.published()[0]?.publishedAt.toISOString(),
  });
  await clients.subscriber.modifyPushConfig({
    subscription,
    pushConfig: { pushEndpoint: endpoint.url, noWrapper: { writeMetadata: false } },
  });
  await clients.publisher.publish({ topic, messages: [{ data: Buffer.from("bare") }] });
  await server.idle();
  expect(String(endpoint.calls[1]?.body)).toBe("bare");
  expect(endpoint.calls[1]?.headers).not.toHaveProperty("x-goog-pubsub-message-id");
});

test.each([200, 201, 202, 204])("%i acknowledges", async (code) => {
  const endpoint = closed(await startEndpoint(() => code));
  const { server, publish } = await startPushing(endpoint.url);
  await publish("x");
  await server.idle();
  expect(endpoint.calls.length).toBe(1);
  expect(server.subscriptions()[0]).toMatchObject({ acknowledged: 1, rejected: 0 });
});

test.each([203, 301, 400, 404, 429, 500, 503])("%i does not acknowledge", async (code) => {
  const endpoint = closed(await startEndpoint((_, index) => (index === 0 ? code : 204)));
  const { server, publish } = await startPushing(endpoint.url);
  await publish("x");
  await server.idle();
  expect(endpoint.calls.length).toBe(2);
  expect(bodyOf(endpoint.calls[1]).message.messageId).toBe(bodyOf(endpoint.calls[0]).message.messageId);
  expect(bodyOf(endpoint.calls[0])).not.toHaveProperty("deliveryAttempt");
  expect(server.subscriptions()[0]).toMatchObject({ acknowledged: 1, rejected: 1 });
});

test("Redelivery pauses longer each time, from the policy's minimum up to its maximum", async () => {
  const times: number[] = [];
  const endpoint = closed(
    await startEndpoint(() => {
      times.push(performance.now());
      return times.length <= 4 ? 500 : 204;
    }),
  );
  const retryPolicy = { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 3 } };
  const { server, publish } = await startPushing(endpoint.url, { retryPolicy }, { clockScale: 10 });
  await publish("x");
  await server.idle();
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  // A timer may be a millisecond early by the other clock.
  for (const [index, least] of [100, 200, 300, 300].entries()) {
    expect(pauses[index]).toBeGreaterThanOrEqual(least - 2);
  }
});

test("An endpoint that is down gets its messages when it is back", async () => {
  const first = await startEndpoint();
  await first.close();
  const { server, publish } = await startPushing(first.url);
  await publish("x");
  await expect.poll(() => server.subscriptions()[0]?.rejected).toBeGreaterThan(1);
  expect(server.outstanding(subscription)).toBe(1);
  const second = closed(await startEndpoint(undefined, first.port));
  await server.idle();
  expect(second.calls.length).toBe(1);
  expect(server.outstanding(subscription)).toBe(0);
});

test("An answer that takes longer than the ack deadline is none", async () => {
  const never = new Promise<number>(() => {});
  const endpoint = closed(await startEndpoint((_, index) => (index === 0 ? never : 204)));
  const { server, publish } = await startPushing(
    endpoint.url,
    { ackDeadlineSeconds: 10 },
    { clockScale: 10 },
  );
  await publish("x");
  await server.idle();
  expect(endpoint.calls.length).toBe(2);
  expect(server.subscriptions()[0]).toMatchObject({ acknowledged: 1, rejected: 1 });
});

test("A message that is never acknowledged ends in the dead-letter topic", async () => {
  const endpoint = closed(
    await startEndpoint((call) => (bodyOf(call).message.data === btoa("bad") ? 500 : 204)),
  );
  const settings = { deadLetterPolicy: { deadLetterTopic: deadTopic, maxDeliveryAttempts: 5 } };
  const { server, clients, publish } = await startPushing(endpoint.url, settings, { clockScale: 10 });
  await clients.subscriber.createSubscription({ name: deadSubscription, topic: deadTopic });
  await publish("good", "bad");
  await server.idle();
  const attempts = endpoint.calls
    .map(bodyOf)
    .filter(({ message }) => message.data === btoa("bad"))
    .map(({ deliveryAttempt }) => deliveryAttempt);
  expect(attempts).toEqual([1, 2, 3, 4, 5]);

  const [{ receivedMessages }] = await clients.subscriber.pull({
    subscription: deadSubscription,
    maxMessages: 9,
  });
  expect(receivedMessages?.map(({ message }) => [String(message?.data), message?.attributes])).toEqual([
    [
      "bad",
      {
        CloudPubSubDeadLetterSourceDeliveryCount: "5",
        CloudPubSubDeadLetterSourceSubscription: "push",
        CloudPubSubDeadLetterSourceSubscriptionProject: "p",
        CloudPubSubDeadLetterSourceTopicPublishTime: server.published()[1]?.publishedAt.toISOString(),
      },
    ],
  ]);
  expect(server.meter.of("messages_dead_lettered")).toBe(1);
});

test("A dead letter whose topic has no subscription is lost; one whose topic is gone is tried again", async () => {
  const endpoint = closed(await startEndpoint(() => 500));
  const settings = { deadLetterPolicy: { deadLetterTopic: deadTopic, maxDeliveryAttempts: 5 } };
  const { server, clients, publish } = await startPushing(endpoint.url, settings, { clockScale: 50 });
  await publish("lost");
  await server.idle();
  await clients.subscriber.createSubscription({ name: deadSubscription, topic: deadTopic });
  expect(server.outstanding(deadSubscription)).toBe(0);

  await clients.publisher.deleteTopic({ topic: deadTopic });
  await publish("kept");
  await expect.poll(() => endpoint.calls.length).toBeGreaterThan(5 + 6);
  expect(server.outstanding(subscription)).toBe(1);
});

test("Pushes carry a token of the service account for the audience, by default the endpoint", async () => {
  const oidc = closed(await startTokenIssuer());
  const endpoint = closed(await startEndpoint());
  const serviceAccountEmail = "pusher@p.iam.gserviceaccount.com";
  const pushConfig = { pushEndpoint: `${endpoint.url}/push`, oidcToken: { serviceAccountEmail } };
  const { server, clients, publish } = await startPushing(endpoint.url, { pushConfig }, { oidc });
  await publish("x");
  await server.idle();
  await clients.subscriber.modifyPushConfig({
    subscription,
    pushConfig: { ...pushConfig, oidcToken: { serviceAccountEmail, audience: "baton" } },
  });
  await publish("y");
  await server.idle();
  const keys = createRemoteJWKSet(new URL(oidc.jwksUrl));
  for (const [index, audience] of [pushConfig.pushEndpoint, "baton"].entries()) {
    const token = endpoint.calls[index]?.headers.authorization?.replace(/^Bearer /, "") ?? "";
    const { payload } = await jwtVerify(token, keys, { issuer: oidc.issuer, audience });
    expect(payload).toMatchObject({ email: serviceAccountEmail, email_verified: true });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3_600);
  }
});
