import type { HttpSender } from "../kit/http-sender.ts";
import type { Meter } from "../kit/meter.ts";
import type { TokenCache } from "../oidc/token-cache.ts";
import { billedBytes, bytesOf } from "./messages.ts";
import type { Delivery, DeliveryOptions, Subscription } from "./subscription.ts";
import type { WirePushConfig } from "./wire.ts";

const acknowledging = [102, 200, 201, 202, 204];

export interface PusherParts {
  readonly sender: HttpSender;
  readonly meter: Meter;
  /** Undefined: push configurations with an `oidcToken` were refused. */
  readonly tokens: TokenCache | undefined;
  readonly clockScale: number;
  options(): DeliveryOptions;
}

/** Pushes the messages of a subscription to its endpoint, several at a time. */
export class Pusher {
  readonly #subscription: Subscription;
  readonly #parts: PusherParts;
  #pushing = 0;
  #isWoken = false;

  constructor(subscription: Subscription, parts: PusherParts) {
    this.#subscription = subscription;
    this.#parts = parts;
  }

  /** Looks for work soon: not at once, so that there is something to choose from. */
  wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    setImmediate(() => {
      this.#isWoken = false;
      this.#begin();
    });
  }

  #begin(): void {
    for (;;) {
      const config = this.#subscription.settings.pushConfig;
      if (!config || this.#pushing >= this.#parts.options().maxOutstanding) return;
      const delivery = this.#subscription.take();
      if (!delivery) return;
      this.#pushing++;
      void this.#push(config, delivery);
    }
  }

  async #push(config: WirePushConfig, delivery: Delivery): Promise<void> {
    const { sender, meter, clockScale } = this.#parts;
    const { ackDeadlineSeconds } = this.#subscription.settings;
    meter.add("pushes");
    meter.add("delivered_bytes", billedBytes(bytesOf(delivery.message)));
    const authorization = await this.#authorization(config);
    const outcome = await sender.send({
      url: config.pushEndpoint,
      method: "POST",
      ...pushed(config, delivery, this.#subscription, authorization),
      timeoutMs: (ackDeadlineSeconds * 1_000) / clockScale,
    });
    this.#pushing--;
    const isAcknowledged = outcome.kind === "answer" && acknowledging.includes(outcome.status);
    if (isAcknowledged) this.#subscription.acknowledge(delivery);
    else this.#subscription.reject(delivery);
    this.wake();
  }

  async #authorization({ oidcToken, pushEndpoint }: WirePushConfig): Promise<Record<string, string>> {
    if (!oidcToken || !this.#parts.tokens) return {};
    const { serviceAccountEmail, audience } = oidcToken;
    return {
      authorization: await this.#parts.tokens.authorization(serviceAccountEmail, audience || pushEndpoint),
    };
  }
}

interface Pushed {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

const userAgent = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)";

function pushed(
  { noWrapper }: WirePushConfig,
  delivery: Delivery,
  { settings }: Subscription,
  authorization: Record<string, string>,
): Pushed {
  const headers = { "user-agent": userAgent, "content-type": "application/json", ...authorization };
  const deliveryAttempt = settings.deadLetterPolicy ? delivery.attempt : undefined;
  if (!noWrapper) return { headers, body: wrapped(delivery, settings.name, deliveryAttempt) };
  if (!noWrapper.writeMetadata) return { headers, body: delivery.message.data };
  return {
    headers: { ...headers, ...metadataOf(delivery, settings.name, deliveryAttempt) },
    body: delivery.message.data,
  };
}

/** Both spellings of two of the fields, as Google sends them; what is empty is left out. */
function wrapped({ message }: Delivery, subscription: string, deliveryAttempt: number | undefined): string {
  const { attributes, data, messageId, orderingKey, publishedAt } = message;
  const publishTime = publishedAt.toISOString();
  return JSON.stringify({
    ...(deliveryAttempt !== undefined && { deliveryAttempt }),
    message: {
      ...(Object.keys(attributes).length > 0 && { attributes }),
      ...(data.length > 0 && { data: data.toString("base64") }),
      messageId,
      message_id: messageId,
      ...(orderingKey && { orderingKey }),
      publishTime,
      publish_time: publishTime,
    },
    subscription,
  });
}

function metadataOf(
  { message }: Delivery,
  subscription: string,
  deliveryAttempt: number | undefined,
): Record<string, string> {
  const { attributes, messageId, orderingKey, publishedAt } = message;
  return {
    ...attributes,
    "x-goog-pubsub-subscription-name": subscription,
    "x-goog-pubsub-message-id": messageId,
    "x-goog-pubsub-publish-time": publishedAt.toISOString(),
    ...(orderingKey && { "x-goog-pubsub-ordering-key": orderingKey }),
    ...(deliveryAttempt !== undefined && { "x-goog-pubsub-delivery-attempt": String(deliveryAttempt) }),
  };
}
