import { onTestFinished } from "vitest";
import { type DispatchBody, DispatchQueues } from "../../src/adapters/cloud-tasks/dispatch-queues.ts";
import { toPushBody } from "../../src/adapters/pubsub/publisher.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import { computeSeal, isSealed } from "../../src/core/messages.ts";
import { parseRequest } from "../../src/entry/parse-request.ts";
import type { Delivery, OutgoingMessage } from "../../src/ports/broker.ts";
import type { Clock } from "../../src/ports/machine.ts";
import { cloudTasksClient } from "../servers/cloud-tasks/client.ts";
import { startCloudTasksServer } from "../servers/cloud-tasks/server.ts";
import { wireTimeOf } from "../servers/cloud-tasks/wire.ts";
import { startEndpoint } from "../servers/kit/endpoint.ts";
import { startTokenIssuer } from "../servers/oidc/issuer.ts";

export const caller = "push@p.iam.gserviceaccount.com";
const key = { secret: "whsec_secret", deployment: "p/baton" };
const seal = (data: Uint8Array) => computeSeal(key, data);
export const place = { projectId: "p", location: "l", prefix: "baton" };
export const parent = "projects/p/locations/l";
export const queuePath = `${parent}/queues/baton-queue-documents`;

export const run = (taskId: string, queue = "documents"): OutgoingMessage => ({
  queue,
  message: { kind: "task", batchId: "b-1", taskId, ready: true },
});

export const runs = (count: number) => Array.from({ length: count }, (_, index) => run(`t${index}`));

/** As the sweep publishes it. */
export const missed = (taskId: string, queue = "documents"): OutgoingMessage => ({
  queue,
  message: { kind: "task", batchId: "b-1", taskId, ready: true, redrive: true },
});

export const bodyOf: DispatchBody = (message, publishedAt) => toPushBody(message, seal, publishedAt);

interface Options {
  /** How many run at once. Default 100. */
  readonly concurrency?: number;
  /** Status of the function's answer to a delivery. Default 200. */
  readonly answer?: (delivery: Delivery) => number | Promise<number>;
  readonly clock?: Clock;
  /** Least time between two tries. Default 0.05. */
  readonly backoffSeconds?: number;
}

/** A function, and a queue that calls it. */
export async function openDispatch(options: Options = {}) {
  const { concurrency = 100, answer = () => 200, clock = systemClock, backoffSeconds = 0.05 } = options;
  const issuer = await startTokenIssuer();
  const server = await startCloudTasksServer({ oidc: issuer });
  const client = cloudTasksClient(server);
  const queue = {
    name: queuePath,
    rateLimits: { maxConcurrentDispatches: concurrency },
    retryConfig: { maxAttempts: -1, minBackoff: wireTimeOf(backoffSeconds * 1_000) },
  };
  await client.createQueue({ parent, queue });
  await client.close();
  const deliveries: Delivery[] = [];
  const endpoint = await startEndpoint(({ headers, body }) => {
    const given = Object.entries(headers).map(([name, value]) => [name, String(value)]);
    const parsed = parseRequest({ headers: Object.fromEntries(given), body }, (data, sealed) =>
      isSealed([key], data, sealed ?? ""),
    );
    if ("ignored" in parsed) return 200;
    deliveries.push(parsed);
    return answer(parsed);
  });
  const queues = new DispatchQueues(
    { ...place, emulatorHost: server.host, functionUrl: endpoint.url, caller },
    clock,
    bodyOf,
  );
  onTestFinished(async () => {
    await queues.close();
    await Promise.all([server.close(), endpoint.close(), issuer.close()]);
  });
  const taskIds = () => deliveries.map(({ message }) => message.kind === "task" && message.taskId);
  return { queues, server, endpoint, issuer, deliveries, taskIds };
}
