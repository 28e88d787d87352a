import { status } from "@grpc/grpc-js";
import { GrpcError } from "../kit/grpc-server.ts";
import type { Timeline } from "../kit/timeline.ts";
import type { NewMessage, PublishedMessage } from "./messages.ts";
import { Puller } from "./pull.ts";
import { Pusher, type PusherParts } from "./push.ts";
import { checkName, withDefaults } from "./settings.ts";
import { type Delivery, type DeliveryOptions, Subscription } from "./subscription.ts";
import type { WireSubscription, WireTopic } from "./wire.ts";

/** What Google calls the topic of a subscription whose topic is gone. */
const deletedTopic = "_deleted-topic_";
const sourceAttribute = "CloudPubSubDeadLetterSource";

export interface Subscribed {
  readonly subscription: Subscription;
  readonly puller: Puller;
  readonly pusher: Pusher;
}

export interface ExchangeParts extends PusherParts {
  readonly timeline: Timeline;
  readonly seed: number;
  options(): DeliveryOptions;
}

/** The topics, their subscriptions, and every message that was ever published. */
export class Exchange {
  readonly topics = new Map<string, WireTopic>();
  readonly subscriptions = new Map<string, Subscribed>();
  readonly published: PublishedMessage[] = [];
  readonly #parts: ExchangeParts;
  readonly #idlers = new Set<() => void>();
  #created = 0;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
  }

  createTopic(topic: WireTopic): WireTopic {
    checkName(topic.name, "topics");
    if (this.topics.has(topic.name)) throw existing(topic.name);
    this.topics.set(topic.name, topic);
    return topic;
  }

  topic(name: string): WireTopic {
    const topic = this.topics.get(name);
    if (!topic) throw missing(name);
    return topic;
  }

  deleteTopic(name: string): void {
    this.topic(name);
    this.topics.delete(name);
    for (const subscription of this.subscriptionsOf(name)) {
      subscription.settings = { ...subscription.settings, topic: deletedTopic };
    }
  }

  /** Gives the ids of the messages, in their order. They must have been checked. */
  publish(topic: string, messages: readonly NewMessage[]): string[] {
    this.topic(topic);
    const subscriptions = this.subscriptionsOf(topic);
    return messages.map((message) => {
      const messageId = String(10_000_000_000_000 + this.published.length);
      const published: PublishedMessage = { ...message, messageId, publishedAt: new Date(), topic };
      this.published.push(published);
      for (const subscription of subscriptions) subscription.offer(published);
      return messageId;
    });
  }

  createSubscription(wanted: WireSubscription): WireSubscription {
    checkName(wanted.name, "subscriptions");
    const settings = this.checked(withDefaults(wanted));
    if (this.subscriptions.has(settings.name)) throw existing(settings.name);
    this.topic(settings.topic);
    const subscription = new Subscription(settings, {
      timeline: this.#parts.timeline,
      seed: this.#parts.seed + this.#created++,
      options: this.#parts.options,
      forward: (topic, delivery, name) => this.#forward(topic, delivery, name),
      onProgress: () => this.#release(),
    });
    const puller = new Puller(subscription, this.#parts.timeline);
    const pusher = new Pusher(subscription, this.#parts);
    subscription.onReady = () => {
      puller.wake();
      pusher.wake();
    };
    this.subscriptions.set(settings.name, { subscription, puller, pusher });
    return settings;
  }

  /** Throws NOT_FOUND when the topic for dead letters is missing. */
  checked(settings: WireSubscription): WireSubscription {
    if (settings.deadLetterPolicy) this.topic(settings.deadLetterPolicy.deadLetterTopic);
    if (settings.pushConfig?.oidcToken && !this.#parts.tokens) {
      throw new GrpcError(
        status.FAILED_PRECONDITION,
        "This server was started without `oidc`: it has no tokens",
      );
    }
    return settings;
  }

  subscribed(name: string): Subscribed {
    const subscribed = this.subscriptions.get(name);
    if (!subscribed) throw missing(name);
    return subscribed;
  }

  deleteSubscription(name: string): void {
    const { subscription } = this.subscribed(name);
    this.subscriptions.delete(name);
    subscription.close();
  }

  subscriptionsOf(topic: string): Subscription[] {
    return [...this.subscriptions.values()]
      .map(({ subscription }) => subscription)
      .filter(({ settings }) => settings.topic === topic);
  }

  wakePushers(): void {
    for (const { pusher } of this.subscriptions.values()) pusher.wake();
  }

  /** Resolves when no subscription that pushes has anything left to do. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idlers.add(resolve);
      this.#release();
    });
  }

  #release(): void {
    if (this.#idlers.size === 0 || this.#isBusy()) return;
    for (const resolve of this.#idlers) resolve();
    this.#idlers.clear();
  }

  #isBusy(): boolean {
    return [...this.subscriptions.values()].some(
      ({ subscription: { settings, queued, waiting, inFlight } }) =>
        settings.pushConfig !== null && queued + waiting + inFlight > 0,
    );
  }

  #forward(topic: string, { message, attempt }: Delivery, subscription: string): boolean {
    if (!this.topics.has(topic)) return false;
    const [, project = "", , name = ""] = subscription.split("/");
    const attributes = {
      ...message.attributes,
      [`${sourceAttribute}DeliveryCount`]: String(attempt),
      [`${sourceAttribute}Subscription`]: name,
      [`${sourceAttribute}SubscriptionProject`]: project,
      [`${sourceAttribute}TopicPublishTime`]: message.publishedAt.toISOString(),
    };
    this.publish(topic, [{ data: message.data, attributes, orderingKey: message.orderingKey }]);
    this.#parts.meter.add("messages_dead_lettered");
    return true;
  }
}

function missing(name: string): GrpcError {
  return new GrpcError(status.NOT_FOUND, `Resource not found (resource=${name})`);
}

function existing(name: string): GrpcError {
  return new GrpcError(status.ALREADY_EXISTS, `Resource already exists in the project (resource=${name})`);
}
