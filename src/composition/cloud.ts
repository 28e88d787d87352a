import { FirestoreDocumentStore } from "../adapters/firestore/document-store.ts";
import { OidcCallerCheck } from "../adapters/oidc/caller-check.ts";
import type { Seal } from "../adapters/pubsub/broker.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { attemptSecondsOf } from "../core/attempt-time.ts";
import { BatonError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { isSealed, type SealKey, sealOf } from "../core/seal.ts";
import type { Logger } from "../ports/logger.ts";
import type { App } from "./app.ts";
import { openMessages } from "./cloud-messages.ts";
import type { Configuration } from "./configuration.ts";
import { deploymentOf, googleOf, openObjects, openWarehouse } from "./data-services.ts";
import { buildEngine, type EngineOptions } from "./engine-parts.ts";
import { PushedWork } from "./work.ts";

export interface CloudOptions extends EngineOptions {
  readonly configuration: Configuration;
  readonly logger: Logger;
}

/** Baton on the services of Google Cloud. Connects to nothing yet: each service is reached when it is first needed. */
export function openCloud(options: CloudOptions): App {
  const { configuration, logger } = options;
  const google = googleOf(configuration);
  const secrets = configuration.callbackSecret?.split(" ") ?? [];
  const deployment = deploymentOf(google);
  const keys = secrets.map((secret): SealKey => ({ secret, deployment }));
  const seal = sealWith(keys[0]);
  const store = new FirestoreDocumentStore(google, systemClock);
  const messages = openMessages(configuration, seal);
  const { broker, timer } = messages;
  const { warehouse, callbackArchive, close: closeWarehouse } = openWarehouse(configuration, logger);
  const ground = {
    store,
    broker,
    timer,
    objects: openObjects(configuration),
    warehouse,
    callbackArchive,
    clock: systemClock,
    logger,
    callbackSecret: () => secrets.join(" ") || missingSecret(),
    deliveryAttempts: limits.pushedDeliveryAttempts,
    settings: {
      leaseSeconds: configuration.leaseSeconds,
      completions: google.completions,
      retentionSeconds: google.retentionSeconds,
      sweepSeconds: configuration.sweepSeconds,
      limitedQueues: new Set(configuration.queues.keys()),
      attemptSeconds: attemptSecondsOf(google.functionTimeoutSeconds),
    },
  };
  const parts = buildEngine(configuration, ground, options);
  const { callers } = google;
  return {
    configuration,
    ...parts,
    broker,
    work: new PushedWork(parts.deliveries, parts.runner, systemClock, async () => {
      await store.load();
      await messages.load();
      await parts.folder.load();
    }),
    hasData: true,
    waiting: () => [],
    trust: {
      callers: callers && new OidcCallerCheck(callers),
      isSealed: (data, given) => given !== undefined && isSealed(keys, data, given),
    },
    async close() {
      await Promise.all([store.close(), messages.close(), closeWarehouse()]);
      await options.tracer?.close();
    },
  };
}

/** Without a secret, messages bear no seal: then what the engine knows is read anew by whoever gets them. */
function sealWith(key: SealKey | undefined): Seal {
  return (data) => key && sealOf(key, data);
}

function missingSecret(): never {
  throw new BatonError("CALLBACK_SECRET_MISSING", "Callbacks can't be signed", {
    where: "BATON_CALLBACK_SECRET",
  });
}
