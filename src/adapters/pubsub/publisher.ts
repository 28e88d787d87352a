import type { PubSub, Topic } from "@google-cloud/pubsub";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { type Message, sealAttribute } from "../../core/messages.ts";
import { topicName, viaQueueAttribute } from "../../core/queues.ts";
import type { Broker, OutgoingMessage } from "../../ports/broker.ts";
import { backoffSettings, grpcCode, grpcStatus, isDenied } from "../remote/service-response.ts";

/** What bounds requests to Pub/Sub. */
export const publishLimits = {
  /** Messages, and their bytes, in one request to a topic: the limits of Pub/Sub, less room for the envelope. */
  messagesPerPublish: 1_000,
  bytesPerPublish: 9 * 1024 * 1024,
  /** Publishes of messages that a topic refuses. */
  publishAttempts: 2,
} as const;

export interface PubSubSettings {
  readonly projectId: string;
  /** First part of the names of all topics. */
  readonly topicPrefix: string;
}

/**
 * Publishes each message to the topic of its queue. Google's client is loaded at the first publish, and follows
 * `PUBSUB_EMULATOR_HOST`. Throws `BROKER_FAILED`, `BROKER_DENIED` and `TOPIC_MISSING`; some of the messages may have
 * been published then.
 */
export class PubSubBroker implements Broker {
  readonly #settings: PubSubSettings;
  readonly #sealer: Sealer;
  readonly #topics = new Map<string, Topic>();
  /** Clients whose credentials were refused. Other calls may still use them, so only `close` closes them. */
  readonly #retiredClients: Promise<PubSub>[] = [];
  #client: Promise<PubSub> | undefined;

  constructor(settings: PubSubSettings, sealer: Sealer) {
    this.#settings = settings;
    this.#sealer = sealer;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const byTopic = Map.groupBy(messages, ({ queue }) => topicName(this.#settings.topicPrefix, queue));
    await Promise.all(
      [...byTopic].map(([id, outgoing]) =>
        this.#publishTo(
          id,
          outgoing.map(({ message }) => toTopicMessage(message, this.#sealer)),
        ),
      ),
    );
  }

  /** Loads the client ahead of its first use. */
  async load(): Promise<void> {
    await this.#connect();
  }

  async close(): Promise<void> {
    const clients = [...this.#retiredClients, ...(this.#client ? [this.#client] : [])];
    await Promise.all(clients.map(async (client) => (await client).close()));
  }

  /** The client sends several requests. Only the messages of failed requests are published again. */
  async #publishTo(id: string, messages: readonly TopicMessage[]): Promise<void> {
    let pending = messages;
    for (let attempt = 1; ; attempt += 1) {
      const client = this.#connect();
      const topic = this.#topic(await client, id);
      const results = await publishAll(topic, pending);
      const failed = results.find((result) => result.status === "rejected");
      if (!failed) return;
      if (attempt >= publishLimits.publishAttempts || !isRetryable(failed.reason))
        throw toBrokerError(topic.name, failed.reason);
      if (grpcCode(failed.reason) === grpcStatus.unauthenticated) this.#retire(client);
      pending = pending.filter((_, index) => results[index]?.status === "rejected");
    }
  }

  #topic(client: PubSub, id: string): Topic {
    const existing = this.#topics.get(id);
    if (existing) return existing;
    const topic = client.topic(id, publishOptions);
    this.#topics.set(id, topic);
    return topic;
  }

  /** The next publish creates a client with fresh credentials. Calls in flight keep this one. */
  #retire(client: Promise<PubSub>): void {
    if (this.#client !== client) return;
    this.#retiredClients.push(client);
    this.#client = undefined;
    this.#topics.clear();
  }

  #connect(): Promise<PubSub> {
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

/** Errors that a retry may solve, and after which the message may have been published: a duplicate does no harm. */
const retryCodes = [
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
    maxMessages: publishLimits.messagesPerPublish,
    maxBytes: publishLimits.bytesPerPublish,
    // How long the client waits for more messages of the same request.
    maxMilliseconds: 1,
  },
  // By default the client retries for ten minutes, longer than the handling of a message may take.
  gaxOpts: {
    timeout: limits.publishTimeoutMs,
    retry: { retryCodes: retryCodes, backoffSettings: backoffSettings(limits.publishTimeoutMs) },
  },
};

function isRetryable(thrown: unknown): boolean {
  const code = grpcCode(thrown);
  return code !== grpcStatus.notFound && code !== grpcStatus.permissionDenied;
}

function toBrokerError(topic: string, thrown: unknown): BatonError {
  const context = { where: topic, cause: thrown };
  const code = grpcCode(thrown);
  if (code === grpcStatus.notFound) return new BatonError("TOPIC_MISSING", "There is no such topic", context);
  return new BatonError(isDenied(code) ? "BROKER_DENIED" : "BROKER_FAILED", errorMessage(thrown), context);
}

/** A message in the form of Pub/Sub. */
interface TopicMessage {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Computes the seal of a message's data. Undefined if this process has no key. */
export type Sealer = (data: Uint8Array) => string | undefined;

/** Subscriptions may filter by the attributes. The seal proves that Baton sent the message. */
function toTopicMessage(message: Message, sealer: Sealer): TopicMessage {
  const data = Buffer.from(JSON.stringify(message));
  const attributes = toAttributes(message);
  const seal = sealer(data);
  return { data, attributes: seal === undefined ? attributes : { ...attributes, [sealAttribute]: seal } };
}

function toAttributes(message: Message): Record<string, string> {
  const attributes: Record<string, string> = { kind: message.kind };
  if ("batchId" in message) attributes.batchId = message.batchId;
  if ("workflowId" in message) attributes.workflowId = message.workflowId;
  if (message.kind === "task") attributes.taskId = message.previousTaskId ?? message.taskId;
  return attributes;
}

/** The REST request by which another service, such as Cloud Tasks, publishes a message. */
export function toPublishRequest(
  { projectId, topicPrefix }: PubSubSettings,
  endpoint: string,
  { queue, message }: OutgoingMessage,
  sealer: Sealer,
): { readonly url: string; readonly body: Buffer } {
  const topic = `projects/${projectId}/topics/${topicName(topicPrefix, queue)}`;
  const { data, attributes } = toTopicMessage(message, sealer);
  const body = { messages: [{ data: data.toString("base64"), attributes }] };
  return { url: `${endpoint}/v1/${topic}:publish`, body: Buffer.from(JSON.stringify(body)) };
}

/**
 * The body of a push, for a service that calls the function directly instead of Pub/Sub. It names the queue that the
 * message came through. `publishedAt` is in milliseconds since 1970.
 */
export function toPushBody({ message, queue }: OutgoingMessage, sealer: Sealer, publishedAt: number): Buffer {
  const { data, attributes: common } = toTopicMessage(message, sealer);
  const attributes = { ...common, [viaQueueAttribute]: queue };
  const publishTime = new Date(publishedAt).toISOString();
  return Buffer.from(JSON.stringify({ message: { data: data.toString("base64"), attributes, publishTime } }));
}
