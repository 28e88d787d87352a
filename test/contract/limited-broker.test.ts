import { describe, onTestFinished } from "vitest";
import { DispatchQueues } from "../../src/adapters/cloud-tasks/dispatch-queues.ts";
import { CloudTasksTimer } from "../../src/adapters/cloud-tasks/task-queue.ts";
import { PubSubBroker, toPublishRequest, toPushBody } from "../../src/adapters/pubsub/publisher.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import { QueueRouter } from "../../src/app/cloud.ts";
import {
  CALLBACK_QUEUE,
  CONTROL_QUEUE,
  computeSeal,
  isSealed,
  type Message,
} from "../../src/core/messages.ts";
import { subscriptionName, taskQueueName, topicName } from "../../src/core/queues.ts";
import { parseRequest } from "../../src/entry/parse-request.ts";
import { cloudTasksClient } from "../servers/cloud-tasks/client.ts";
import { type CloudTasksServer, startCloudTasksServer } from "../servers/cloud-tasks/server.ts";
import { startEndpoint } from "../servers/kit/endpoint.ts";
import { startTokenIssuer } from "../servers/oidc/issuer.ts";
import { pubSubClients } from "../servers/pubsub/clients.ts";
import { type PubSubServer, startPubSubServer } from "../servers/pubsub/server.ts";
import { type BrokerUnderTest, describeBroker } from "./broker-contract.ts";

const projectId = "p";
const location = "l";
const prefix = "baton";
const caller = "push@p.iam.gserviceaccount.com";
const key = { secret: "whsec_secret", deployment: "p/baton" };
const seal = (data: Uint8Array) => computeSeal(key, data);
const limited = ["default", "documents"];

async function open(): Promise<BrokerUnderTest> {
  const issuer = await startTokenIssuer();
  const pubsub = await startPubSubServer();
  const tasks = await startCloudTasksServer({ oidc: issuer });
  const deliveries: { message: Message; at: number }[] = [];
  let refusals = 0;
  const endpoint = await startEndpoint(({ headers, body }) => {
    const parsed = parseRequest({ headers: onlyText(headers), body }, (data, given) =>
      isSealed([key], data, given ?? ""),
    );
    if ("message" in parsed) deliveries.push({ message: parsed.message, at: Date.now() });
    refusals -= 1;
    return refusals >= 0 ? 503 : 204;
  });
  await createTopics(pubsub, endpoint.url);
  await createQueues(tasks);
  const place = { projectId, location, emulatorHost: tasks.host };
  const topics = { projectId, topicPrefix: prefix };
  const broker = new PubSubBroker(topics, seal);
  const timer = new CloudTasksTimer({ ...place, queue: "timers" }, broker, systemClock, (message) => ({
    ...toPublishRequest(topics, pubsub.restUrl, message, seal),
    serviceAccount: caller,
  }));
  const queues = new DispatchQueues(
    { ...place, prefix, functionUrl: endpoint.url, caller },
    systemClock,
    (message, publishedAt) => toPushBody(message, seal, publishedAt),
  );
  const routed = new QueueRouter({
    queues: new Set(limited),
    limited: queues,
    others: { broker, timer },
  });
  onTestFinished(async () => {
    await Promise.all([broker.close(), timer.close(), queues.close()]);
    await Promise.all([pubsub.close(), tasks.close(), endpoint.close(), issuer.close()]);
  });
  return {
    broker: routed,
    timer: routed,
    deliveries,
    refuse(times) {
      refusals = times;
    },
  };
}

/** Queues with limits have no topic here: what took that way would be lost. */
async function createTopics({ host }: PubSubServer, pushEndpoint: string): Promise<void> {
  const clients = pubSubClients({ host }, projectId);
  for (const id of [CONTROL_QUEUE, CALLBACK_QUEUE].map((queue) => topicName(prefix, queue))) {
    const topic = `projects/${projectId}/topics/${id}`;
    await clients.publisher.createTopic({ name: topic });
    const name = `projects/${projectId}/subscriptions/${subscriptionName(id)}`;
    await clients.subscriber.createSubscription({ name, topic, pushConfig: { pushEndpoint } });
  }
  await clients.close();
}

async function createQueues(server: CloudTasksServer): Promise<void> {
  const client = cloudTasksClient(server);
  const parent = `projects/${projectId}/locations/${location}`;
  for (const id of ["timers", ...limited.map((queue) => taskQueueName(prefix, queue))])
    await client.createQueue({ parent, queue: { name: `${parent}/queues/${id}` } });
  await client.close();
}

function onlyText(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

describe("queues with limits in Cloud Tasks, and the others in Pub/Sub, keep the contract", () =>
  describeBroker(open));
