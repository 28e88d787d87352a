import type { PubSub } from "@google-cloud/pubsub";
import * as z from "zod";
import { daySeconds } from "../../core/time.ts";
import type { BrokerChecks, SubscriptionSettings } from "../../ports/checks.ts";
import { unlessMissing } from "../remote/grpc.ts";

const DurationSchema = z
  .object({ seconds: z.coerce.number().nullish(), nanos: z.number().nullish() })
  .transform(({ seconds, nanos }) => (seconds ?? 0) + (nanos ?? 0) / 1e9);

const SubscriptionSchema = z.object({
  topic: z.string().nullish(),
  pushConfig: z
    .object({
      pushEndpoint: z.string().nullish(),
      oidcToken: z
        .object({ serviceAccountEmail: z.string().nullish(), audience: z.string().nullish() })
        .nullish(),
    })
    .nullish(),
  ackDeadlineSeconds: z.number().nullish(),
  retryPolicy: z.object({}).nullish(),
  deadLetterPolicy: z
    .object({ deadLetterTopic: z.string().nullish(), maxDeliveryAttempts: z.number().nullish() })
    .nullish(),
  expirationPolicy: z.object({ ttl: DurationSchema.nullish() }).nullish(),
  messageRetentionDuration: DurationSchema.nullish(),
});

/** What Pub/Sub does where a subscription says nothing: https://cloud.google.com/pubsub/docs/subscription-properties */
const defaults = {
  ackDeadlineSeconds: 10,
  deliveryAttempts: 5,
  expirySeconds: 31 * daySeconds,
  retentionSeconds: 7 * daySeconds,
};
const gaxOpts = { timeout: 15_000, maxRetries: 2 };

/** Looks at topics and subscriptions. Loaded and connected at its first use; heeds `PUBSUB_EMULATOR_HOST`. */
export class PubSubChecks implements BrokerChecks {
  readonly #projectId: string;
  #client: Promise<PubSub> | undefined;

  constructor(projectId: string) {
    this.#projectId = projectId;
  }

  async hasTopic(topic: string): Promise<boolean> {
    const client = await this.#open();
    return (await unlessMissing(() => client.topic(topic).getMetadata(gaxOpts))) !== undefined;
  }

  async subscription(subscription: string): Promise<SubscriptionSettings | undefined> {
    const client = await this.#open();
    const found = await unlessMissing(() => client.subscription(subscription).getMetadata(gaxOpts));
    return found && settingsOf(SubscriptionSchema.parse(found[0]));
  }

  async subscriptionsOf(topic: string): Promise<readonly string[] | undefined> {
    const client = await this.#open();
    const found = await unlessMissing(() => client.topic(topic).getSubscriptions({ gaxOpts }));
    return found?.[0].map(({ name }) => idOf(name));
  }

  async permissions(topic: string, asked: readonly string[]): Promise<readonly string[]> {
    const client = await this.#open();
    const [, { permissions }] = await client.topic(topic).iam.testPermissions([...asked], gaxOpts);
    return z.array(z.string()).parse(permissions ?? []);
  }

  async close(): Promise<void> {
    if (this.#client) await (await this.#client).close();
  }

  #open(): Promise<PubSub> {
    this.#client ??= import("@google-cloud/pubsub").then(
      ({ PubSub }) => new PubSub({ projectId: this.#projectId }),
    );
    return this.#client;
  }
}

function settingsOf(found: z.infer<typeof SubscriptionSchema>): SubscriptionSettings {
  const { pushConfig, expirationPolicy } = found;
  const pushEndpoint = pushConfig?.pushEndpoint || undefined;
  const expirySeconds = expirationPolicy ? (expirationPolicy.ttl ?? 0) : defaults.expirySeconds;
  return {
    topic: idOf(found.topic),
    pushEndpoint,
    token: pushConfig?.oidcToken?.serviceAccountEmail
      ? {
          serviceAccount: pushConfig.oidcToken.serviceAccountEmail,
          audience: pushConfig.oidcToken.audience || (pushEndpoint ?? ""),
        }
      : undefined,
    ackDeadlineSeconds: found.ackDeadlineSeconds || defaults.ackDeadlineSeconds,
    hasRetryPolicy: Boolean(found.retryPolicy),
    deadLetterTopic: idOf(found.deadLetterPolicy?.deadLetterTopic) || undefined,
    deliveryAttempts: found.deadLetterPolicy?.maxDeliveryAttempts || defaults.deliveryAttempts,
    expiresAfterSeconds: expirySeconds || undefined,
    retentionSeconds: found.messageRetentionDuration ?? defaults.retentionSeconds,
  };
}

function idOf(name: string | null | undefined): string {
  return name?.split("/").at(-1) ?? "";
}
