import type { PubSub, Topic } from "@google-cloud/pubsub";
import { BatonError, messageOf } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { topicOf } from "../../core/topics.ts";
import type { Broker, OutgoingMessage } from "../../ports/broker.ts";
import { backoffWithin, grpcCodeOf, grpcStatus, isDenied } from "../remote/grpc.ts";
import { type Seal, type TopicMessage, topicMessage } from "./message.ts";

export interface PubSubSettings {
  readonly projectId: string;
  /** First part of the names of all topics. */
  readonly topicPrefix: string;
}

/**
 * Publishes to one topic for each queue. Loaded and connected at the first publish; heeds `PUBSUB_EMULATOR_HOST`.
 * Throws `BROKER_FAILED`, `BROKER_DENIED`, `TOPIC_MISSING`; then some of the messages may be published.
 */
export class PubSubBroker implements Broker {
  readonly #settings: PubSubSettings;
  readonly #seal: Seal;
  readonly #topics = new Map<string, Topic>();
  /** Clients whose credentials were refused once. */
  readonly #forgotten: Promise<PubSub>[] = [];
  #client: Promise<PubSub> | undefined;

  constructor(settings: PubSubSettings, seal: Seal) {
    this.#settings = settings;
    this.#seal = seal;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const byTopic = Map.groupBy(messages, ({ queue }) => topicOf(this.#settings.topicPrefix, queue));
    await Promise.all(
      [...byTopic].map(([id, outgoing]) =>
        this.#publishTo(
          id,
          outgoing.map(({ message }) => topicMessage(message, this.#seal)),
        ),
      ),
    );
  }

  /** Loads the client ahead of its first use. */
  async load(): Promise<void> {
    await this.#connected();
  }

  async close(): Promise<void> {
    const clients = [...this.#forgotten, ...(this.#client ? [this.#client] : [])];
    await Promise.all(clients.map(async (client) => (await client).close()));
  }

  /** Requests fail one by one: only the messages of those that failed are published again. */
  async #publishTo(id: string, messages: readonly TopicMessage[]): Promise<void> {
    let rest = messages;
    for (let attempt = 1; ; attempt += 1) {
      const client = this.#connected();
      const topic = this.#topic(await client, id);
      const results = await publishAll(topic, rest);
      const failed = results.find((result) => result.status === "rejected");
      if (!failed) return;
      if (attempt >= limits.publishAttempts || !mayPass(failed.reason))
        throw publishError(topic.name, failed.reason);
      if (grpcCodeOf(failed.reason) === grpcStatus.unauthenticated) this.#forget(client);
      rest = rest.filter((_, index) => results[index]?.status === "rejected");
    }
  }

  #topic(client: PubSub, id: string): Topic {
    const known = this.#topics.get(id);
    if (known) return known;
    const topic = client.topic(id, publishOptions);
    this.#topics.set(id, topic);
    return topic;
  }

  /** The next client fetches credentials of its own. What others publish by this one goes on. */
  #forget(client: Promise<PubSub>): void {
    if (this.#client !== client) return;
    this.#forgotten.push(client);
    this.#client = undefined;
    this.#topics.clear();
  }

  #connected(): Promise<PubSub> {
    this.#client ??= import("@google-cloud/pubsub").then(
      ({ PubSub }) => new PubSub({ projectId: this.#settings.projectId }),
    );
    return this.#client;
  }
}

function publishAll(
  topic: Topic,
  messages: readonly TopicMessage[],
): Promise<readonly PromiseSettledResult<string>[]> {
  return Promise.allSettled(messages.map((message) => topic.publishMessage(message)));
}

/** What a topic may take the next time: a message that comes twice does no harm. */
const passing = [
  grpcStatus.aborted,
  grpcStatus.cancelled,
  grpcStatus.deadlineExceeded,
  grpcStatus.internal,
  grpcStatus.resourceExhausted,
  grpcStatus.unavailable,
  grpcStatus.unknown,
];

const publishOptions = {
  batching: {
    maxMessages: limits.messagesPerPublish,
    maxBytes: limits.bytesPerPublish,
    // How long the client waits for more messages to send along.
    maxMilliseconds: 1,
  },
  // By default the client goes on for ten minutes: longer than the message that wants to publish may take.
  gaxOpts: {
    timeout: limits.publishTimeoutMs,
    retry: { retryCodes: passing, backoffSettings: backoffWithin(limits.publishTimeoutMs) },
  },
};

function mayPass(thrown: unknown): boolean {
  const code = grpcCodeOf(thrown);
  return code !== grpcStatus.notFound && code !== grpcStatus.permissionDenied;
}

function publishError(topic: string, thrown: unknown): BatonError {
  const context = { where: topic, cause: thrown };
  const code = grpcCodeOf(thrown);
  if (code === grpcStatus.notFound) return new BatonError("TOPIC_MISSING", "There is no such topic", context);
  return new BatonError(isDenied(code) ? "BROKER_DENIED" : "BROKER_FAILED", messageOf(thrown), context);
}
