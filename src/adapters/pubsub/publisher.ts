import type { PubSub, Topic } from "@google-cloud/pubsub";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { type Message, sealAttribute } from "../../core/messages.ts";
import { topicName, viaQueueAttribute } from "../../core/queues.ts";
import type { Broker, OutgoingMessage } from "../../ports/broker.ts";
import { backoffSettings, grpcCode, grpcStatus, isDenied } from "../remote/grpc.ts";

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
    const byTopic = Map.groupBy(messages, ({ queue }) => topicName(this.#settings.topicPrefix, queue));
    await Promise.all(
      [...byTopic].map(([id, outgoing]) =>
        this.#publishTo(
          id,
          outgoing.map(({ message }) => toTopicMessage(message, this.#seal)),
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
      if (attempt >= publishLimits.publishAttempts || !isRetryable(failed.reason))
        throw toBrokerError(topic.name, failed.reason);
      if (grpcCode(failed.reason) === grpcStatus.unauthenticated) this.#forget(client);
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
    // How long the client waits for more messages to send along.
    maxMilliseconds: 1,
  },
  // By default the client goes on for ten minutes: longer than the message that wants to publish may take.
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

/** A message as a topic carries it. */
interface TopicMessage {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Makes the seal of a message's data; undefined: there is none to be had. */
export type Seal = (data: Uint8Array) => string | undefined;

/** Attributes say what a subscription may filter by; the seal shows that Baton sent it. */
function toTopicMessage(message: Message, seal: Seal): TopicMessage {
  const data = Buffer.from(JSON.stringify(message));
  const attributes = toAttributes(message);
  const sealed = seal(data);
  return { data, attributes: sealed === undefined ? attributes : { ...attributes, [sealAttribute]: sealed } };
}

function toAttributes(message: Message): Record<string, string> {
  const attributes: Record<string, string> = { kind: message.kind };
  if ("batchId" in message) attributes.batchId = message.batchId;
  if ("workflowId" in message) attributes.workflowId = message.workflowId;
  if (message.kind === "task") attributes.taskId = message.previousTaskId ?? message.taskId;
  return attributes;
}

/** The request by which somebody else publishes a message, through the REST interface of Pub/Sub at the endpoint. */
export function toPublishRequest(
  { projectId, topicPrefix }: PubSubSettings,
  endpoint: string,
  { queue, message }: OutgoingMessage,
  seal: Seal,
): { readonly url: string; readonly body: Buffer } {
  const topic = `projects/${projectId}/topics/${topicName(topicPrefix, queue)}`;
  const { data, attributes } = toTopicMessage(message, seal);
  const body = { messages: [{ data: data.toString("base64"), attributes }] };
  return { url: `${endpoint}/v1/${topic}:publish`, body: Buffer.from(JSON.stringify(body)) };
}

/**
 * The body that a push of the message would have, for whoever calls the function in Pub/Sub's place; it tells which queue it
 * came through. `publishedAt`: milliseconds since 1970.
 */
export function toPushBody({ message, queue }: OutgoingMessage, seal: Seal, publishedAt: number): Buffer {
  const { data, attributes: usual } = toTopicMessage(message, seal);
  const attributes = { ...usual, [viaQueueAttribute]: queue };
  const publishTime = new Date(publishedAt).toISOString();
  return Buffer.from(JSON.stringify({ message: { data: data.toString("base64"), attributes, publishTime } }));
}
