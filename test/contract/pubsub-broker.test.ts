import { randomUUID } from "node:crypto";
import { describe, expect, onTestFinished, test } from "vitest";
import { CloudTasksTimer } from "../../src/adapters/cloud-tasks/task-queue.ts";
import { PubSubBroker, toPublishRequest } from "../../src/adapters/pubsub/publisher.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import {
  CALLBACK_QUEUE,
  CONTROL_QUEUE,
  computeSeal,
  isSealed,
  type Message,
} from "../../src/core/messages.ts";
import { subscriptionName, topicName } from "../../src/core/queues.ts";
import { parseRequest } from "../../src/entry/parse-request.ts";
import type { OutgoingMessage } from "../../src/ports/broker.ts";
import type { Clock } from "../../src/ports/machine.ts";
import { cloudTasksClient } from "../servers/cloud-tasks/client.ts";
import { type CloudTasksServer, startCloudTasksServer } from "../servers/cloud-tasks/server.ts";
import { startEndpoint } from "../servers/kit/endpoint.ts";
import type { Fault } from "../servers/kit/faults.ts";
import { startTokenIssuer } from "../servers/oidc/issuer.ts";
import { pubSubClients } from "../servers/pubsub/clients.ts";
import { type PubSubServer, startPubSubServer } from "../servers/pubsub/server.ts";
import { casesOfToday } from "../support/cases-of-today.ts";
import { type BrokerUnderTest, describeBroker } from "./broker-contract.ts";

/** Another server, when one is named from outside. It takes HTTP where it takes gRPC, unless another place is named. */
const foreign = process.env.PUBSUB_EMULATOR_HOST;
const foreignRest = process.env.BATON_PUBSUB_ENDPOINT ?? `http://${foreign}`;
const topicPrefix = "baton";
const key = { secret: "whsec_secret", deployment: "p/baton" };
const queues = [CONTROL_QUEUE, CALLBACK_QUEUE, "default", "documents"];

interface PubSubUnderTest extends BrokerUnderTest {
  readonly pubsub: PubSubServer;
  readonly tasks: CloudTasksServer;
}

async function open(clock: Clock = systemClock): Promise<PubSubUnderTest> {
  const issuer = await startTokenIssuer();
  // Each on a project of its own: they may share the server.
  const projectId = `p-${randomUUID().slice(0, 8)}`;
  const pubsub = await startPubSubServer();
  const host = foreign ?? pubsub.host;
  const restUrl = foreign === undefined ? pubsub.restUrl : foreignRest;
  const tasks = await startCloudTasksServer({ oidc: issuer });
  const deliveries: { message: Message; at: number }[] = [];
  let refusals = 0;
  const endpoint = await startEndpoint(({ headers, body }) => {
    const parsed = parseRequest({ headers: onlyText(headers), body }, (data, seal) =>
      isSealed([key], data, seal ?? ""),
    );
    if ("message" in parsed) deliveries.push({ message: parsed.message, at: Date.now() });
    refusals -= 1;
    return refusals >= 0 ? 503 : 204;
  });
  await subscribe(host, projectId, endpoint.url);
  const client = cloudTasksClient(tasks);
  const parent = `projects/${projectId}/locations/l`;
  await client.createQueue({ parent, queue: { name: `${parent}/queues/timers` } });
  await client.close();
  const seal = (data: Uint8Array) => computeSeal(key, data);
  const settings = { projectId, topicPrefix };
  const broker = new PubSubBroker(settings, seal);
  const timer = new CloudTasksTimer(
    { projectId, location: "l", queue: "timers", emulatorHost: tasks.host },
    broker,
    clock,
    (message) => ({ ...toPublishRequest(settings, restUrl, message, seal), serviceAccount: "a@b.c" }),
  );
  onTestFinished(async () => {
    await Promise.all([broker.close(), timer.close()]);
    await Promise.all([pubsub.close(), tasks.close(), endpoint.close(), issuer.close()]);
  });
  return {
    broker,
    timer,
    deliveries,
    pubsub,
    tasks,
    refuse(times) {
      refusals = times;
    },
  };
}

async function subscribe(host: string, projectId: string, pushEndpoint: string): Promise<void> {
  const clients = pubSubClients({ host }, projectId);
  for (const id of queues.map((queue) => topicName(topicPrefix, queue))) {
    const topic = `projects/${projectId}/topics/${id}`;
    await clients.publisher.createTopic({ name: topic });
    await clients.subscriber.createSubscription({
      name: `projects/${projectId}/subscriptions/${subscriptionName(id)}`,
      topic,
      ackDeadlineSeconds: 60,
      pushConfig: { pushEndpoint },
    });
  }
  await clients.close();
}

function onlyText(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

describe("Pub/Sub with Cloud Tasks keeps the contract", () => describeBroker(() => open()));

const start = (key: string): OutgoingMessage => ({
  queue: CONTROL_QUEUE,
  message: { kind: "start", workflowId: "flow", key },
});

const faults: readonly Fault[] = [
  { kind: "not_sent" },
  { kind: "reply_lost" },
  { kind: "error_after" },
  { kind: "duplicated" },
  { kind: "slow", delayMs: 50 },
  { kind: "unauthenticated" },
  { kind: "strange", answer: "page", isApplied: false },
];

describe.skipIf(foreign !== undefined).each(faults)("under the fault $kind", (fault) => {
  // Each day some of the faults: thousands of messages cost time.
  test.runIf(casesOfToday(faults, 2).includes(fault))(
    "all messages of three requests are delivered, though one request fails",
    async () => {
      const under = await open();
      let publishes = 0;
      under.pubsub.setFaults(({ method }) => {
        if (method === "Publish") publishes += 1;
        return method === "Publish" && publishes === 2 ? fault : undefined;
      });
      const keys = Array.from({ length: 2_500 }, (_, index) => `k${index}`);
      await under.broker.publish(keys.map(start));
      await expect
        .poll(
          () => new Set(under.deliveries.map(({ message }) => message.kind === "start" && message.key)).size,
        )
        .toBe(keys.length);
      // Only what one request carried was published once more.
      expect(under.pubsub.meter.of("messages_published")).toBeLessThanOrEqual(keys.length + 1_000);
    },
  );

  test("a scheduled message is delivered, and rarely twice", async () => {
    const under = await open();
    let isMet = false;
    under.tasks.setFaults(({ method }) => {
      if (method !== "CreateTask" || isMet) return undefined;
      isMet = true;
      return fault;
    });
    // So late that it is not sent while it is still asked for.
    await under.timer.schedule(start("later"), 3_600_000);
    expect(isMet).toBe(true);
    expect(under.tasks.meter.of("tasks_created")).toBe(1);
    expect(under.tasks.runDueNow()).toBe(1);
    await expect.poll(() => under.deliveries.length).toBe(1);
  });
});

test("a message that several deliveries schedule is scheduled once", async () => {
  const under = await open();
  await Promise.all(Array.from({ length: 5 }, () => under.timer.schedule(start("held"), 60_000)));
  expect(under.tasks.meter.of("tasks_created")).toBeLessThanOrEqual(2);
});

test("a delivered message can be scheduled again, although its name stays in use", async () => {
  const stoppedAt = Date.now();
  const under = await open({ ...systemClock, now: () => stoppedAt });
  await under.timer.schedule(start("same"), 300);
  await expect.poll(() => under.deliveries.length).toBe(1);
  await under.timer.schedule(start("same"), 300);
  await expect.poll(() => under.deliveries.length).toBe(2);
});

test("a topic that is missing is named, with what to do", async () => {
  const { broker } = await open();
  const message: Message = { kind: "task", batchId: "b", taskId: "t" };
  await expect(broker.publish([{ queue: "unknown", message }])).rejects.toMatchObject({
    code: "TOPIC_MISSING",
    message: expect.stringContaining("baton-queue-unknown"),
    remedy: expect.stringContaining("baton doctor"),
  });
});

test.skipIf(foreign !== undefined)(
  "a publish that can't succeed is tried once, and one that may succeed is tried again",
  async () => {
    const { broker, pubsub } = await open();
    let publishes = 0;
    const countWith = async (queue: string, fault: Fault | undefined) => {
      publishes = 0;
      pubsub.setFaults(({ method }) => {
        if (method !== "Publish") return undefined;
        publishes += 1;
        return publishes === 1 ? fault : undefined;
      });
      const message: Message = { kind: "task", batchId: "b", taskId: "t" };
      await Promise.resolve(broker.publish([{ queue, message }])).catch(() => undefined);
      return publishes;
    };
    expect(await countWith("unknown", undefined)).toBe(1);
    expect(await countWith("default", { kind: "error_after" })).toBe(2);
  },
);

test.skipIf(foreign !== undefined)(
  "a publish that is not answered is given up after its time in all, with all its repetitions",
  async () => {
    const { broker, pubsub } = await open();
    let publishes = 0;
    pubsub.setFaults(({ method }) => {
      if (method === "Publish") publishes += 1;
      return method === "Publish" ? { kind: "not_sent" } : undefined;
    });
    const message: Message = { kind: "task", batchId: "b", taskId: "t" };
    // Google's client retries for ten minutes by itself, longer than this test may take.
    await expect(broker.publish([{ queue: "default", message }])).rejects.toMatchObject({
      code: "BROKER_FAILED",
    });
    expect(publishes).toBeGreaterThan(2);
  },
);
