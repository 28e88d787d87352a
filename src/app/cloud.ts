import { DispatchQueues } from "../adapters/cloud-tasks/dispatch-queues.ts";
import { CloudTasksTimer } from "../adapters/cloud-tasks/task-queue.ts";
import { FirestoreDocumentStore } from "../adapters/firestore/document-store.ts";
import { OidcCallerCheck } from "../adapters/oidc/caller-check.ts";
import { PubSubBroker, type Seal, toPublishRequest, toPushBody } from "../adapters/pubsub/publisher.ts";
import { systemClock } from "../adapters/system/system.ts";
import type { Configuration } from "../configuration/configuration.ts";
import type { GoogleConfiguration } from "../configuration/google-configuration.ts";
import { BatonError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { computeSeal, isSealed, type SealKey } from "../core/messages.ts";
import { longestAttemptSeconds } from "../core/workflow/definition.ts";
import type { Broker, OutgoingMessage, Timer } from "../ports/broker.ts";
import type { Logger } from "../ports/telemetry.ts";
import { type App, buildEngine, type EngineOptions } from "./app.ts";
import { deploymentOf, googleOf, openObjects, openWarehouse } from "./services.ts";
import { PushWorker } from "./workers.ts";

/** How messages travel on Google Cloud. */
export interface CloudMessages {
  readonly broker: Broker;
  readonly timer: Timer;
  /** Loads what nearly every message needs ahead of its first use. */
  load(): Promise<void>;
  close(): Promise<void>;
}

/** Pub/Sub, with Cloud Tasks for what is to come later; queues that have limits of their own are in Cloud Tasks altogether. */
export function openMessages(configuration: Configuration, seal: Seal): CloudMessages {
  const google = googleOf(configuration);
  const { projectId, location, prefix, endpoints, serviceAccount } = google;
  const place = { projectId, location, emulatorHost: endpoints.cloudTasksHost };
  const topics = { projectId, topicPrefix: prefix };
  const broker = new PubSubBroker(topics, seal);
  const timer = new CloudTasksTimer(
    { ...place, queue: `${prefix}-timers` },
    broker,
    systemClock,
    (message: OutgoingMessage) => ({
      ...toPublishRequest(topics, endpoints.pubSub, message, seal),
      serviceAccount,
    }),
  );
  const usual = { broker, timer, load: () => broker.load() };
  const queues = new Set(configuration.queues.keys());
  if (queues.size === 0) return { ...usual, close: () => closeAll([broker, timer]) };
  const limited = new DispatchQueues(
    { ...place, prefix, ...functionOf(google) },
    systemClock,
    (message, publishedAt) => toPushBody(message, seal, publishedAt),
  );
  const routed = new QueueRouter({ queues, limited, others: { broker, timer } });
  const close = () => closeAll([broker, timer, limited]);
  return { ...usual, broker: routed, timer: routed, close };
}

/** Where the function is, and in whose name it may be called; `readConfiguration` has made sure that both are known. */
function functionOf({ callers }: GoogleConfiguration) {
  const [caller] = callers?.callers ?? [];
  if (!callers || caller === undefined)
    throw new BatonError("CONFIGURATION_INVALID", "BATON_QUEUES needs BATON_AUDIENCE and BATON_CALLERS");
  return { functionUrl: callers.audience, caller };
}

async function closeAll(parts: readonly { close(): Promise<void> }[]): Promise<void> {
  await Promise.all(parts.map((part) => part.close()));
}

interface Ways {
  /** The queues whose messages go the limited way. */
  readonly queues: ReadonlySet<string>;
  readonly limited: Broker & Timer;
  readonly others: { readonly broker: Broker; readonly timer: Timer };
}

/** Sends the messages of queues with limits of their own where those are kept, and all others their usual way. */
export class QueueRouter implements Broker, Timer {
  readonly #ways: Ways;

  constructor(ways: Ways) {
    this.#ways = ways;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const { queues, limited, others } = this.#ways;
    const of = Map.groupBy(messages, ({ queue }) => (queues.has(queue) ? limited : others.broker));
    await Promise.all([...of].map(([broker, outgoing]) => broker.publish(outgoing)));
  }

  schedule(message: OutgoingMessage, delayMs: number): Promise<void> {
    const { queues, limited, others } = this.#ways;
    return (queues.has(message.queue) ? limited : others.timer).schedule(message, delayMs);
  }
}

export interface CloudOptions extends EngineOptions {
  readonly configuration: Configuration;
  readonly logger: Logger;
}

/** Baton on the services of Google Cloud. Connects to nothing yet: each service is reached when it is first needed. */
export function openCloud(options: CloudOptions): App {
  const { configuration, logger } = options;
  const google = googleOf(configuration);
  const secrets = configuration.callbackSecret?.split(" ") ?? [];
  const deployment = deploymentOf(google);
  const keys = secrets.map((secret): SealKey => ({ secret, deployment }));
  const seal = sealWith(keys[0]);
  const store = new FirestoreDocumentStore(google, systemClock);
  const messages = openMessages(configuration, seal);
  const { broker, timer } = messages;
  const { warehouse, callbackArchive, close: closeWarehouse } = openWarehouse(configuration, logger);
  const ground = {
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
  const parts = buildEngine(configuration, ground, options);
  const { callers } = google;
  return {
    configuration,
    ...parts,
    broker,
    work: new PushWorker(parts.deliveries, parts.runner, systemClock, async () => {
      await store.load();
      await messages.load();
      await parts.folder.load();
    }),
    hasData: true,
    waiting: () => [],
    trust: {
      callers: callers && new OidcCallerCheck(callers),
      isSealed: (data, given) => given !== undefined && isSealed(keys, data, given),
    },
    async close() {
      await Promise.all([store.close(), messages.close(), closeWarehouse()]);
      await options.tracer?.close();
    },
  };
}

/** Without a secret, messages bear no seal: then what the engine knows is read anew by whoever gets them. */
function sealWith(key: SealKey | undefined): Seal {
  return (data) => key && computeSeal(key, data);
}

function missingSecret(): never {
  throw new BatonError("CALLBACK_SECRET_MISSING", "Callbacks can't be signed", {
    where: "BATON_CALLBACK_SECRET",
  });
}
