import { status } from "@grpc/grpc-js";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterEach, expect, test } from "vitest";
import { startTokenIssuer } from "./oidc/issuer.ts";
import { type PubSubClients, pubSubClients } from "./pubsub/clients.ts";
import { startPubSubServer } from "./pubsub/server.ts";

const topic = "projects/p/topics/work";
const subscription = "projects/p/subscriptions/push";
const deadTopic = "projects/p/topics/dead";

type Settings = Parameters<PubSubClients["subscriber"]["createSubscription"]>[0];

let closing: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const open of closing.reverse()) await open.close();
  closing = [];
});

function closed<Open extends { close(): Promise<void> }>(open: Open): Open {
  closing.push(open);
  return open;
}

test("Wrong settings are refused, missing ones get defaults, and a mask selects what changes", async () => {
  const server = closed(await startPubSubServer());
  const { publisher, subscriber } = closed(pubSubClients(server));
  await publisher.createTopic({ name: topic });
  await publisher.createTopic({ name: deadTopic });
  const pushConfig = { pushEndpoint: "http://127.0.0.1:1/push" };
  const wrong: Settings[] = [
    { ackDeadlineSeconds: 9 },
    { ackDeadlineSeconds: 601 },
    { deadLetterPolicy: { deadLetterTopic: deadTopic, maxDeliveryAttempts: 4 } },
    { retryPolicy: { minimumBackoff: { seconds: 5 }, maximumBackoff: { seconds: 1 } } },
    { pushConfig: { pushEndpoint: "no url" } },
    { filter: "attributes.x > 3" },
  ];
  for (const settings of wrong) {
    await expect(
      subscriber.createSubscription({ name: subscription, topic, ...settings }),
    ).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  }
  const oidcToken = { serviceAccountEmail: "pusher@p" };
  await expect(
    subscriber.createSubscription({ name: subscription, topic, pushConfig: { ...pushConfig, oidcToken } }),
  ).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
  await expect(
    subscriber.createSubscription({ name: subscription, topic: "projects/p/topics/missing" }),
  ).rejects.toMatchObject({ code: status.NOT_FOUND });

  const [created] = await subscriber.createSubscription({ name: subscription, topic, pushConfig });
  expect(created).toMatchObject({
    ackDeadlineSeconds: 10,
    expirationPolicy: { ttl: { seconds: "2678400" } },
  });
  await subscriber.updateSubscription({
    subscription: { name: subscription, ackDeadlineSeconds: 60, expirationPolicy: {}, pushConfig: {} },
    updateMask: { paths: ["ack_deadline_seconds", "expiration_policy"] },
  });
  const [found] = await subscriber.getSubscription({ subscription });
  expect(found).toMatchObject({ ackDeadlineSeconds: 60, expirationPolicy: { ttl: null }, pushConfig });
  await expect(
    subscriber.updateSubscription({ subscription: { name: subscription }, updateMask: { paths: ["topic"] } }),
  ).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  const [listed] = await subscriber.listSubscriptions({ project: "projects/p" });
  expect(listed.map(({ name }) => name)).toEqual([subscription]);
  await subscriber.deleteSubscription({ subscription });
  await expect(subscriber.getSubscription({ subscription })).rejects.toMatchObject({
    code: status.NOT_FOUND,
  });
});

test("Tokens that are forged, late, or another issuer's do not verify", async () => {
  const oidc = closed(await startTokenIssuer());
  const keys = createRemoteJWKSet(new URL(oidc.jwksUrl));
  const wanted = { issuer: oidc.issuer, audience: "baton" };
  const request = { audience: "baton", email: "caller@p" };
  await jwtVerify(await oidc.token(request), keys, wanted);
  const wrong = [
    [{ ...request, key: "other" as const }, "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
    [{ ...request, expiresInSeconds: -60 }, "ERR_JWT_EXPIRED"],
    [{ ...request, issuer: "https://elsewhere" }, "ERR_JWT_CLAIM_VALIDATION_FAILED"],
    [{ ...request, audience: "other" }, "ERR_JWT_CLAIM_VALIDATION_FAILED"],
  ] as const;
  for (const [forged, code] of wrong) {
    await expect(jwtVerify(await oidc.token(forged), keys, wanted)).rejects.toMatchObject({ code });
  }
});
