import { DispatchQueues } from "../adapters/cloud-tasks/dispatch-queues.ts";
import { CloudTasksTimer } from "../adapters/cloud-tasks/timer.ts";
import { PubSubBroker, publishRequest, pushBody, type Seal } from "../adapters/pubsub/broker.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { BatonError } from "../core/errors.ts";
import type { Broker, OutgoingMessage, Timer } from "../ports/broker.ts";
import type { Configuration } from "./configuration.ts";
import { googleOf } from "./data-services.ts";
import type { GoogleConfiguration } from "./google-configuration.ts";

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
      ...publishRequest(topics, endpoints.pubSub, message, seal),
      serviceAccount,
    }),
  );
  const usual = { broker, timer, load: () => broker.load() };
  const queues = new Set(configuration.queues.keys());
  if (queues.size === 0) return { ...usual, close: () => closeAll([broker, timer]) };
  const limited = new DispatchQueues(
    { ...place, prefix, ...functionOf(google) },
    systemClock,
    (message, publishedAt) => pushBody(message, seal, publishedAt),
  );
  const routed = new RoutedMessages({ queues, limited, others: { broker, timer } });
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
export class RoutedMessages implements Broker, Timer {
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
