import { DispatchQueues } from "../adapters/cloud-tasks/dispatch-queues.ts";
import { CloudTasksTimer } from "../adapters/cloud-tasks/task-queue.ts";
import { FirestoreDocumentStore } from "../adapters/firestore/document-store.ts";
import { OidcCallerCheck } from "../adapters/oidc/caller-check.ts";
import { PubSubBroker, type Sealer, toPublishRequest, toPushBody } from "../adapters/pubsub/publisher.ts";
import { systemClock } from "../adapters/system/system.ts";
import type { Configuration } from "../configuration/configuration.ts";
import type { GoogleConfiguration } from "../configuration/google-configuration.ts";
import { BatonError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { computeSeal, isSealed, type SealKey } from "../core/messages.ts";
import { longestAttemptSeconds } from "../core/workflow/definition.ts";
import type { Broker, OutgoingMessage, Timer } from "../ports/broker.ts";
import type { MaybePromise } from "../ports/store.ts";
import type { Logger } from "../ports/telemetry.ts";
import { type App, buildEngine, type EngineOptions } from "./app.ts";
import { deploymentId, openObjects, openWarehouse, requireGoogle } from "./services.ts";
import { PushWorker } from "./workers.ts";

/** The broker and the timer on Google Cloud. */
export interface CloudMessages {
  readonly broker: Broker;
  readonly timer: Timer;
  /** Loads the clients that nearly every message needs, before the first message. */
  load(): Promise<void>;
  close(): Promise<void>;
}

/** Pub/Sub, with Cloud Tasks for delayed messages and for all messages of queues with limits. */
export function openMessages(configuration: Configuration, seal: Sealer): CloudMessages {
  const google = requireGoogle(configuration);
  const { projectId, location, prefix, endpoints, serviceAccount } = google;
  const region = { projectId, location, emulatorHost: endpoints.cloudTasksHost };
  const topics = { projectId, topicPrefix: prefix };
  const broker = new PubSubBroker(topics, seal);
  const timer = new CloudTasksTimer(
    { ...region, queue: `${prefix}-timers` },
    broker,
    systemClock,
    (message: OutgoingMessage) => ({
      ...toPublishRequest(topics, endpoints.pubSub, message, seal),
      serviceAccount,
    }),
  );
  const unlimited = { broker, timer, load: () => broker.load() };
  const queues = new Set(configuration.queues.keys());
  if (queues.size === 0) return { ...unlimited, close: () => closeAll([broker, timer]) };
  const limited = new DispatchQueues(
    { ...region, prefix, ...functionTarget(google) },
    systemClock,
    (message, publishedAt) => toPushBody(message, seal, publishedAt),
  );
  const router = new QueueRouter({ queues, limited, others: { broker, timer } });
  const close = () => closeAll([broker, timer, limited]);
  return { ...unlimited, broker: router, timer: router, close };
}

/** The URL of the function and the account that may call it. `readConfiguration` has checked both. */
function functionTarget({ callers }: GoogleConfiguration) {
  const [caller] = callers?.callers ?? [];
  if (!callers || caller === undefined)
    throw new BatonError("CONFIGURATION_INVALID", "BATON_QUEUES needs BATON_AUDIENCE and BATON_CALLERS");
  return { functionUrl: callers.audience, caller };
}

async function closeAll(clients: readonly { close(): Promise<void> }[]): Promise<void> {
  await Promise.all(clients.map((client) => client.close()));
}

interface Routes {
  /** The queues with limits. */
  readonly queues: ReadonlySet<string>;
  readonly limited: Broker & Timer;
  readonly others: { readonly broker: Broker; readonly timer: Timer };
}

/** Sends the messages of queues with limits to Cloud Tasks, and all others to Pub/Sub. */
export class QueueRouter implements Broker, Timer {
  readonly #routes: Routes;

  constructor(routes: Routes) {
    this.#routes = routes;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const { queues, limited, others } = this.#routes;
    const byBroker = Map.groupBy(messages, ({ queue }) => (queues.has(queue) ? limited : others.broker));
    await Promise.all([...byBroker].map(([broker, outgoing]) => broker.publish(outgoing)));
  }

  schedule(message: OutgoingMessage, delayMs: number): MaybePromise<void> {
    const { queues, limited, others } = this.#routes;
    return (queues.has(message.queue) ? limited : others.timer).schedule(message, delayMs);
  }
}

export interface CloudOptions extends EngineOptions {
  readonly configuration: Configuration;
  readonly logger: Logger;
}

/** Baton on the services of Google Cloud. Each client connects at its first call. */
export function openCloud(options: CloudOptions): App {
  const { configuration, logger } = options;
  const google = requireGoogle(configuration);
  const secrets = configuration.callbackSecret?.split(" ") ?? [];
  const deployment = deploymentId(google);
  const keys = secrets.map((secret): SealKey => ({ secret, deployment }));
  const seal = sealWith(keys[0]);
  const store = new FirestoreDocumentStore(google, systemClock);
  const messages = openMessages(configuration, seal);
  const { broker, timer } = messages;
  const { warehouse, callbackArchive, close: closeWarehouse } = openWarehouse(configuration, logger);
  const ports = {
    store,
    broker,
    timer,
    objects: openObjects(configuration),
    warehouse,
    callbackArchive,
    clock: systemClock,
    logger,
    callbackSecret: () => secrets.join(" ") || missingSecret(),
    deliveryAttempts: limits.pushedDeliveryAttempts,
    settings: {
      leaseSeconds: configuration.leaseSeconds,
      completions: google.completions,
      retentionSeconds: google.retentionSeconds,
      sweepSeconds: configuration.sweepSeconds,
      limitedQueues: new Set(configuration.queues.keys()),
      attemptSeconds: longestAttemptSeconds(google.functionTimeoutSeconds),
    },
  };
  const built = buildEngine(configuration, ports, options);
  const { callers } = google;
  return {
    configuration,
    ...built,
    broker,
    work: new PushWorker(built.deliveries, built.runner, systemClock, async () => {
      await store.load();
      await messages.load();
      await built.folder.load();
    }),
    hasData: true,
    waiting: () => [],
    trust: {
      callers: callers && new OidcCallerCheck(callers),
      isSealed: (data, seal) => seal !== undefined && isSealed(keys, data, seal),
    },
    async close() {
      await Promise.all([store.close(), messages.close(), closeWarehouse()]);
      await options.tracer?.close();
    },
  };
}

/** Without a secret, messages have no seal: then their handler reads the state from the store. */
function sealWith(key: SealKey | undefined): Sealer {
  return (data) => key && computeSeal(key, data);
}

function missingSecret(): never {
  throw new BatonError("CALLBACK_SECRET_MISSING", "Callbacks can't be signed", {
    where: "BATON_CALLBACK_SECRET",
  });
}
