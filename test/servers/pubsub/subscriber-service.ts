import { status } from "@grpc/grpc-js";
import { GrpcError, type GrpcServiceSpec } from "../kit/grpc-server.ts";
import type { Meter } from "../kit/meter.ts";
import type { Exchange } from "./exchange.ts";
import { billedBytes, bytesOf } from "./messages.ts";
import { updated } from "./settings.ts";
import {
  type PageRequest,
  pageOf,
  toWireMessage,
  type WirePushConfig,
  type WireSubscription,
} from "./wire.ts";

interface Named {
  readonly subscription: string;
}

interface PullRequest extends Named {
  readonly maxMessages: number;
  readonly returnImmediately: boolean;
}

interface Update {
  readonly subscription: WireSubscription;
  readonly updateMask: { readonly paths: readonly string[] } | null;
}

/** google.pubsub.v1.Subscriber. */
export function subscriberHandlers(exchange: Exchange, meter: Meter): GrpcServiceSpec["handlers"] {
  const change = (name: string, settings: WireSubscription, paths: readonly string[]): WireSubscription => {
    const { subscription, pusher } = exchange.subscribed(name);
    subscription.settings = exchange.checked(updated(subscription.settings, settings, paths));
    pusher.wake();
    return subscription.settings;
  };
  return {
    CreateSubscription: (subscription: WireSubscription) => exchange.createSubscription(subscription),
    GetSubscription: ({ subscription }: Named) => exchange.subscribed(subscription).subscription.settings,
    UpdateSubscription: ({ subscription, updateMask }: Update) =>
      change(subscription.name, subscription, updateMask?.paths ?? []),
    ModifyPushConfig: ({ subscription, pushConfig }: Named & { pushConfig: WirePushConfig | null }) => {
      const { settings } = exchange.subscribed(subscription).subscription;
      change(subscription, { ...settings, pushConfig }, ["push_config"]);
      return {};
    },
    DeleteSubscription: ({ subscription }: Named) => {
      exchange.deleteSubscription(subscription);
      return {};
    },
    ListSubscriptions: ({ project, ...request }: PageRequest & { project: string }) => {
      const ofProject = [...exchange.subscriptions.values()]
        .map(({ subscription }) => subscription.settings)
        .filter(({ name }) => name.startsWith(`${project}/`));
      const { page, nextPageToken } = pageOf(ofProject, request);
      return { subscriptions: page, nextPageToken };
    },
    Pull: (request: PullRequest) => pull(exchange, meter, request),
    Acknowledge: ({ subscription, ackIds }: Named & { ackIds: readonly string[] }) => {
      exchange.subscribed(subscription).puller.acknowledge(ackIds);
      return {};
    },
    ModifyAckDeadline: (request: Named & { ackIds: readonly string[]; ackDeadlineSeconds: number }) => {
      const { subscription, ackIds, ackDeadlineSeconds } = request;
      if (ackDeadlineSeconds < 0 || ackDeadlineSeconds > 600) {
        throw new GrpcError(status.INVALID_ARGUMENT, "The ack deadline must be between 0 s and 600 s");
      }
      exchange.subscribed(subscription).puller.setDeadline(ackIds, ackDeadlineSeconds);
      return {};
    },
  };
}

async function pull(exchange: Exchange, meter: Meter, request: PullRequest): Promise<object> {
  const { subscription, puller } = exchange.subscribed(request.subscription);
  if (subscription.settings.pushConfig) {
    throw new GrpcError(
      status.FAILED_PRECONDITION,
      `${request.subscription} pushes: it can't be pulled from`,
    );
  }
  if (request.maxMessages < 1)
    throw new GrpcError(status.INVALID_ARGUMENT, "max_messages must be at least 1");
  const pulled = await puller.pull(request.maxMessages, request.returnImmediately);
  if (pulled.length > 0) {
    const bytes = pulled.reduce((sum, { message }) => sum + bytesOf(message), 0);
    meter.add("delivered_bytes", billedBytes(bytes));
  }
  const isCounted = subscription.settings.deadLetterPolicy !== null;
  return {
    receivedMessages: pulled.map(({ ackId, message, attempt }) => ({
      ackId,
      message: toWireMessage(message),
      deliveryAttempt: isCounted ? attempt : 0,
    })),
  };
}
