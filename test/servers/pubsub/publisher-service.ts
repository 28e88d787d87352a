import type { GrpcServiceSpec } from "../kit/grpc-server.ts";
import type { Meter } from "../kit/meter.ts";
import type { Exchange } from "./exchange.ts";
import { billPublish, checkMessages, type NewMessage } from "./messages.ts";
import { type PageRequest, pageOf, type WireTopic } from "./wire.ts";

interface PublishRequest {
  readonly topic: string;
  readonly messages: readonly NewMessage[];
}

/** Checks, bills and publishes; gives the ids. */
export function publish(exchange: Exchange, meter: Meter, { topic, messages }: PublishRequest): string[] {
  exchange.topic(topic);
  checkMessages(messages);
  const published = messages.map(({ data, attributes, orderingKey }) => ({ data, attributes, orderingKey }));
  billPublish(meter, published);
  return exchange.publish(topic, published);
}

/** google.pubsub.v1.Publisher. */
export function publisherHandlers(exchange: Exchange, meter: Meter): GrpcServiceSpec["handlers"] {
  return {
    CreateTopic: (topic: WireTopic) => exchange.createTopic(topic),
    GetTopic: ({ topic }: { topic: string }) => exchange.topic(topic),
    DeleteTopic: ({ topic }: { topic: string }) => {
      exchange.deleteTopic(topic);
      return {};
    },
    ListTopics: ({ project, ...request }: PageRequest & { project: string }) => {
      const ofProject = [...exchange.topics.values()].filter(({ name }) => name.startsWith(`${project}/`));
      const { page, nextPageToken } = pageOf(ofProject, request);
      return { topics: page, nextPageToken };
    },
    ListTopicSubscriptions: ({ topic, ...request }: PageRequest & { topic: string }) => {
      exchange.topic(topic);
      const settings = exchange.subscriptionsOf(topic).map((subscription) => subscription.settings);
      const { page, nextPageToken } = pageOf(settings, request);
      return { subscriptions: page.map(({ name }) => name), nextPageToken };
    },
    Publish: (request: PublishRequest) => ({ messageIds: publish(exchange, meter, request) }),
  };
}
