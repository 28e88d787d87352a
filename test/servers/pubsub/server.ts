import { type FaultPlan, noFaults } from "../kit/faults.ts";
import { type GrpcServiceSpec, serveGrpc } from "../kit/grpc-server.ts";
import { HttpSender } from "../kit/http-sender.ts";
import { serveTestHttp } from "../kit/http-server.ts";
import { Meter } from "../kit/meter.ts";
import { packagedProtos } from "../kit/packaged-protos.ts";
import { Timeline } from "../kit/timeline.ts";
import type { TokenIssuer } from "../oidc/issuer.ts";
import { TokenCache } from "../oidc/token-cache.ts";
import { Exchange } from "./exchange.ts";
import type { PublishedMessage } from "./messages.ts";
import { publisherHandlers } from "./publisher-service.ts";
import { restHandler } from "./rest.ts";
import { subscriberHandlers } from "./subscriber-service.ts";
import type { DeliveryOptions } from "./subscription.ts";
import type { WireSubscription } from "./wire.ts";

export interface PubSubServerOptions {
  readonly faults?: FaultPlan;
  readonly meter?: Meter;
  /** Of gRPC; REST takes one that is free. */
  readonly port?: number;
  readonly restPort?: number;
  /** Signs the tokens of pushes. */
  readonly oidc?: TokenIssuer;
  /** Of everything that is left to chance. Default 1. */
  readonly seed?: number;
  readonly delivery?: Partial<DeliveryOptions>;
  /** How many seconds of ack deadlines, pauses and delays pass in one second. Default 1. */
  readonly clockScale?: number;
  /** What `TestIamPermissions` finds missing. */
  readonly deniedPermissions?: readonly string[];
}

/** What became of a subscription's messages so far. */
interface SubscriptionState {
  readonly name: string;
  readonly settings: WireSubscription;
  readonly queued: number;
  /** Held back, or pausing after a failed delivery. */
  readonly waiting: number;
  readonly inFlight: number;
  readonly acknowledged: number;
  /** Deliveries that were refused, or got no answer in time. */
  readonly rejected: number;
  readonly deadLettered: number;
}

export interface PubSubServer {
  /** Of gRPC: `127.0.0.1:port`, for `PUBSUB_EMULATOR_HOST`. */
  readonly host: string;
  /** `http://127.0.0.1:port`, in the place of `https://pubsub.googleapis.com`. */
  readonly restUrl: string;
  readonly meter: Meter;
  /** For calls of both; pushes have no faults but their endpoint's and those of `setDelivery`. */
  setFaults(plan: FaultPlan): void;
  setDelivery(options: Partial<DeliveryOptions>): void;
  /** Names. */
  topics(): readonly string[];
  subscriptions(): readonly SubscriptionState[];
  /** Everything that was published, dead letters included, in the order in which it came. */
  published(): readonly PublishedMessage[];
  /** Messages of a subscription (its full name) that are not acknowledged yet. */
  outstanding(subscription: string): number;
  /** Resolves when no subscription that pushes has anything queued, waiting or in flight. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Pub/Sub: topics, publishing, push and pull subscriptions over the wire of google.pubsub.v1, and publishing over REST.
 *
 * Left out: StreamingPull, ordered delivery (the key is carried), exactly-once delivery, schemas, snapshots, retention
 * and expiry (stored, never acted on), the slow start of pushes and the back-off of a whole subscription that has many
 * nacks, and who may do what (but for `TestIamPermissions`). Ids and tokens of pages are simpler than Google's.
 */
export async function startPubSubServer(options: PubSubServerOptions = {}): Promise<PubSubServer> {
  const { faults = noFaults, meter = new Meter(), clockScale = 1, deniedPermissions = [] } = options;
  let delivery: DeliveryOptions = {
    duplicateShare: 0,
    reorder: false,
    maxOutstanding: 200,
    ...options.delivery,
  };
  const timeline = new Timeline(clockScale);
  const sender = new HttpSender();
  const exchange = new Exchange({
    timeline,
    sender,
    meter,
    clockScale,
    seed: options.seed ?? 1,
    tokens: options.oidc && new TokenCache(options.oidc),
    options: () => delivery,
  });
  const grpc = await serveGrpc(services(exchange, meter, deniedPermissions), faults, options.port);
  const rest = await serveTestHttp({
    service: "pubsub",
    faults,
    handle: restHandler(exchange, meter),
    port: options.restPort ?? 0,
  });
  return {
    host: grpc.host,
    restUrl: rest.url,
    meter,
    setFaults(plan) {
      grpc.setFaults(plan);
      rest.setFaults(plan);
    },
    setDelivery(changes) {
      delivery = { ...delivery, ...changes };
      exchange.wakePushers();
    },
    topics: () => [...exchange.topics.keys()],
    subscriptions: () => [...exchange.subscriptions.keys()].map((name) => stateOf(exchange, name)),
    published: () => exchange.published,
    outstanding(name) {
      const { queued, waiting, inFlight } = stateOf(exchange, name);
      return queued + waiting + inFlight;
    },
    idle: () => exchange.idle(),
    async close() {
      for (const name of [...exchange.subscriptions.keys()]) exchange.deleteSubscription(name);
      timeline.close();
      await Promise.all([grpc.close(), rest.close(), sender.close()]);
    },
  };
}

function services(exchange: Exchange, meter: Meter, denied: readonly string[]): GrpcServiceSpec[] {
  const protos = packagedProtos("@google-cloud/pubsub", "build/protos/protos.json");
  const options = { defaults: true };
  return [
    {
      service: "google.pubsub.v1.Publisher",
      protos,
      options,
      handlers: publisherHandlers(exchange, meter),
    },
    {
      service: "google.pubsub.v1.Subscriber",
      protos,
      options,
      handlers: subscriberHandlers(exchange, meter),
    },
    {
      service: "google.iam.v1.IAMPolicy",
      protos: packagedProtos("google-gax", "build/protos/iam_service.json"),
      options,
      handlers: {
        TestIamPermissions: ({ permissions }: { permissions: readonly string[] }) => ({
          permissions: permissions.filter((permission) => !denied.includes(permission)),
        }),
      },
    },
  ];
}

function stateOf(exchange: Exchange, name: string): SubscriptionState {
  const { subscription } = exchange.subscribed(name);
  const { settings, queued, waiting, inFlight, acknowledged, rejected, deadLettered } = subscription;
  return { name, settings, queued, waiting, inFlight, acknowledged, rejected, deadLettered };
}
