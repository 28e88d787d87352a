import { randomBytes, randomUUID } from "node:crypto";
import type { App } from "../../src/app/app.ts";
import { openCloud } from "../../src/app/cloud.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { CALLBACK_QUEUE, CONTROL_QUEUE } from "../../src/core/messages.ts";
import type { QueueSettings } from "../../src/core/queues.ts";
import { dispatchesPerSecond, subscriptionName, taskQueueName, topicName } from "../../src/core/queues.ts";
import type { Logger, Tracer } from "../../src/ports/telemetry.ts";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";
import { type BigQueryServer, startBigQueryServer } from "../servers/bigquery/index.ts";
import { cloudTasksClient } from "../servers/cloud-tasks/client.ts";
import { type CloudTasksServer, startCloudTasksServer } from "../servers/cloud-tasks/server.ts";
import { type FirestoreServer, startFirestoreServer } from "../servers/firestore/server.ts";
import type { FaultPlan } from "../servers/kit/faults.ts";
import { startTokenIssuer, type TokenIssuer } from "../servers/oidc/issuer.ts";
import { pubSubClients } from "../servers/pubsub/clients.ts";
import { type PubSubServer, startPubSubServer } from "../servers/pubsub/server.ts";
import { publishTo } from "../servers/storage/notifications.ts";
import { type StorageServer, startStorageServer } from "../servers/storage/server.ts";
import { firestoreIndexes } from "./indexes.ts";

export const projectId = "test-project";
const prefix = "baton";
/** Where results, reports and dead letters are kept. */
export const resultBucket = "test-bucket";
/** Where files are dropped. Each drop sends a notification. */
export const inboxBucket = "test-inbox";
const pushAccount = "push@test-project.iam.gserviceaccount.com";
const usualAudience = "https://baton.example";

export interface CloudOptions {
  /** Where messages are pushed to. */
  readonly pushUrl: string;
  /** Queues of tasks beside `default`. */
  readonly queues?: readonly string[];
  /** Those that have limits of their own, as BATON_QUEUES has them: Cloud Tasks calls the function for these. */
  readonly limits?: string;
  /** Calls of every server meet these. */
  readonly faults?: FaultPlan;
  readonly lease?: string;
  /** Tables are BigQuery's too. Default: a DuckDB file of the function's. */
  readonly bigQuery?: true;
  readonly ackDeadlineSeconds?: number;
  /** `BATON_CALLBACK_SECRET`. Default: one that is made up. */
  readonly callbackSecret?: string;
  /** Records spans. */
  readonly tracer?: Tracer;
  /** More variables, such as those that name other servers in place of ours. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** All services of Google Cloud that Baton runs on, in this process, set up as a deployment is. */
export interface CloudWorld {
  readonly firestore: FirestoreServer;
  readonly pubsub: PubSubServer;
  readonly tasks: CloudTasksServer;
  readonly storage: StorageServer;
  readonly bigQuery: BigQueryServer | undefined;
  readonly issuer: TokenIssuer;
  /** For a function that runs in a process of its own. */
  readonly environment: Readonly<Record<string, string>>;
  /** Baton in this process, on these services. */
  open(workflows?: readonly BuiltWorkflow[], logger?: Logger): App;
  /** What Pub/Sub shows with its pushes. */
  pushToken(): Promise<string>;
  setFaults(plan: FaultPlan): void;
  /** The leases of processes that are dead are over. */
  passLeases(): void;
  /** Resolves when no message is under way or scheduled. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export async function startCloud(options: CloudOptions): Promise<CloudWorld> {
  process.env.METADATA_SERVER_DETECTION = "none";
  const { limits = "" } = options;
  // Cloud Tasks calls what its tokens are for.
  const audience = limits === "" ? usualAudience : options.pushUrl;
  const issuer = await startTokenIssuer();
  const firestore = await startFirestoreServer({ indexes: firestoreIndexes });
  const pubsub = await startPubSubServer({ oidc: issuer });
  const tasks = await startCloudTasksServer({ oidc: issuer });
  const control = `projects/${projectId}/topics/${topicName(prefix, CONTROL_QUEUE)}`;
  const storage = await startStorageServer({
    buckets: [resultBucket, inboxBucket],
    keepsVersions: true,
    onFinalize: async (notification) => {
      if (notification.attributes.bucketId === inboxBucket)
        await publishTo(pubsub.restUrl, control)(notification);
    },
  });
  const bigQuery =
    options.bigQuery &&
    (await startBigQueryServer({
      objects: (uri) => contentAt(options.variables?.STORAGE_EMULATOR_HOST ?? storage.url, uri),
    }));
  const environment = {
    BATON_ENGINE: "gcp",
    BATON_PROJECT: projectId,
    BATON_LOCATION: "europe-west1",
    BATON_PREFIX: prefix,
    BATON_BUCKET: resultBucket,
    BATON_INBOX_BUCKET: inboxBucket,
    BATON_SERVICE_ACCOUNT: "baton@test-project.iam.gserviceaccount.com",
    BATON_CALLBACK_SECRET: options.callbackSecret ?? `whsec_${randomBytes(32).toString("base64")}`,
    // No machine is so slow that a task outlives it; a test that kills a process moves the clock of the store.
    BATON_LEASE: options.lease ?? "10m",
    BATON_AUDIENCE: audience,
    BATON_CALLERS: pushAccount,
    BATON_QUEUES: limits,
    BATON_OIDC_ISSUER: issuer.issuer,
    BATON_OIDC_KEYS_URL: issuer.jwksUrl,
    ...(bigQuery ? { BIGQUERY_EMULATOR_HOST: bigQuery.url } : { BATON_WAREHOUSE: "duckdb" }),
    BATON_HTTP_ALLOW_PRIVATE: "true",
    FIRESTORE_EMULATOR_HOST: firestore.host,
    PUBSUB_EMULATOR_HOST: pubsub.host,
    BATON_PUBSUB_ENDPOINT: pubsub.restUrl,
    CLOUD_TASKS_EMULATOR_HOST: tasks.host,
    STORAGE_EMULATOR_HOST: storage.url,
    METADATA_SERVER_DETECTION: "none",
    ...options.variables,
  };
  Object.assign(process.env, environment);
  const limited = readConfiguration(environment).queues;
  await createTopics(
    environment.PUBSUB_EMULATOR_HOST,
    { ...options, queues: [...(options.queues ?? []), ...limited.keys()] },
    audience,
  );
  await createTaskQueues(tasks, limited);
  const servers = [firestore, pubsub, tasks, storage, ...(bigQuery ? [bigQuery] : [])];
  const setFaults = (plan: FaultPlan) => {
    for (const server of servers) server.setFaults(plan);
  };
  if (options.faults) setFaults(options.faults);
  const apps: App[] = [];
  const leaseMs = readConfiguration(environment).leaseSeconds * 1_000;
  return {
    firestore,
    pubsub,
    tasks,
    storage,
    bigQuery,
    issuer,
    environment,
    open(workflows, logger = silent) {
      const configuration = readConfiguration({ ...environment, BATON_DATA: `/tmp/baton-${randomUUID()}` });
      const app = openCloud({ configuration, logger, workflows, tracer: options.tracer });
      apps.push(app);
      return app;
    },
    pushToken: () => issuer.token({ audience, email: pushAccount }),
    setFaults,
    passLeases: () => firestore.advance(leaseMs + 60_000),
    async idle() {
      do {
        await pubsub.idle();
        await tasks.idle();
      } while (
        pubsub.subscriptions().some(({ queued, waiting, inFlight }) => queued + waiting + inFlight > 0)
      );
    },
    async close() {
      setFaults(() => undefined);
      await Promise.all(apps.map((app) => app.close()));
      await Promise.all([...servers, issuer].map((server) => server.close()));
      for (const name of Object.keys(environment)) delete process.env[name];
    },
  };
}

async function createTopics(host: string, options: CloudOptions, audience: string): Promise<void> {
  const clients = pubSubClients({ host }, projectId);
  const topicPath = (id: string) => `projects/${projectId}/topics/${id}`;
  const subscriptionPath = (id: string) => `projects/${projectId}/subscriptions/${id}`;
  const deadLetters = `${prefix}-dead-letters`;
  await clients.publisher.createTopic({ name: topicPath(deadLetters) });
  await clients.subscriber.createSubscription({
    name: subscriptionPath(deadLetters),
    topic: topicPath(deadLetters),
  });
  const queues = [CONTROL_QUEUE, CALLBACK_QUEUE, "default", ...(options.queues ?? [])];
  for (const id of queues.map((queue) => topicName(prefix, queue))) {
    await clients.publisher.createTopic({ name: topicPath(id) });
    await clients.subscriber.createSubscription({
      name: subscriptionPath(subscriptionName(id)),
      topic: topicPath(id),
      ackDeadlineSeconds: options.ackDeadlineSeconds ?? 60,
      pushConfig: {
        pushEndpoint: options.pushUrl,
        oidcToken: { serviceAccountEmail: pushAccount, audience },
      },
      retryPolicy: { minimumBackoff: { nanos: 100_000_000 }, maximumBackoff: { seconds: 1 } },
      deadLetterPolicy: { deadLetterTopic: topicPath(deadLetters), maxDeliveryAttempts: 100 },
    });
  }
  await clients.close();
}

async function createTaskQueues(
  server: CloudTasksServer,
  limited: ReadonlyMap<string, QueueSettings>,
): Promise<void> {
  const client = cloudTasksClient(server);
  const parent = `projects/${projectId}/locations/europe-west1`;
  await client.createQueue({ parent, queue: { name: `${parent}/queues/${prefix}-timers` } });
  for (const [queue, settings] of limited)
    await client.createQueue({
      parent,
      queue: {
        name: limitedQueuePath(queue),
        rateLimits: {
          maxConcurrentDispatches: settings.concurrency,
          maxDispatchesPerSecond: dispatchesPerSecond(settings),
        },
        // Sooner than in a deployment: a test waits for it.
        retryConfig: { maxAttempts: -1, minBackoff: { nanos: 100_000_000 }, maxBackoff: { seconds: 1 } },
      },
    });
  await client.close();
}

/** Full name of the Cloud Tasks queue of a queue that has limits. */
export function limitedQueuePath(queue: string): string {
  return `projects/${projectId}/locations/europe-west1/queues/${taskQueueName(prefix, queue)}`;
}

/** What BigQuery reads of a file. */
async function contentAt(storage: string, uri: string): Promise<Uint8Array | undefined> {
  const [, bucket = "", object = ""] = /^gs:\/\/([^/]+)\/(.+)$/s.exec(uri) ?? [];
  const answer = await fetch(`${storage}/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}?alt=media`);
  return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : undefined;
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
