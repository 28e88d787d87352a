import { onTestFinished } from "vitest";
import type { CheckId, CheckResult } from "../../src/doctor/check.ts";
import { diagnose } from "../../src/doctor/diagnose.ts";
import { startBigQueryServer } from "../servers/bigquery/index.ts";
import {
  type FirestoreServer,
  type FirestoreServerOptions,
  startFirestoreServer,
} from "../servers/firestore/server.ts";
import type { HttpCall, HttpReply } from "../servers/kit/http-server.ts";
import { type PubSubClients, pubSubClients } from "../servers/pubsub/clients.ts";
import { folderWith } from "../workflow/temp-folder.ts";
import { type GoogleApis, startGoogleApis } from "./doctor-apis.ts";
import { firestoreIndexes } from "./indexes.ts";
import { type CloudWorld, projectId, startCloud } from "./world.ts";

const pushUrl = "https://function.example";
const workflow = `workflow: import
tasks:
  - id: fetch
    type: http
    queue: imports
    with: { url: "https://example.com/" }
`;

export interface Deployment {
  readonly cloud: CloudWorld;
  /** The database that is looked at: not that of `cloud`. */
  readonly firestore: FirestoreServer;
  readonly pubsub: PubSubClients;
  readonly apis: GoogleApis;
  readonly environment: Readonly<Record<string, string>>;
  /** Full names. */
  topic(id: string): string;
  subscription(id: string): string;
  /** Changes fields of a subscription, by the names of the service. */
  change(id: string, fields: Readonly<Record<string, unknown>>): Promise<void>;
  /** What the doctor says; with other variables, where there are some. */
  diagnose(variables?: Readonly<Record<string, string | undefined>>): Promise<Findings>;
}

/** What the doctor says, by the ids of checks. */
class Findings {
  readonly results: readonly CheckResult[];

  constructor(results: readonly CheckResult[]) {
    this.results = results;
  }

  /** All that is not well. */
  get wrong(): readonly string[] {
    return this.results
      .filter(({ status }) => status === "failed" || status === "warning")
      .map(({ id, subject, status }) => `${status} ${id} ${subject}`);
  }

  get unknown(): readonly string[] {
    return this.results
      .filter(({ status }) => status === "unknown")
      .map(({ id, subject }) => `${id} ${subject}`);
  }

  /** Of one thing that was looked at. */
  of(id: CheckId, subject: string): CheckResult {
    const found = this.results.find((result) => result.id === id && result.subject === subject);
    if (!found) throw new Error(`Nothing is said of ${id} ${subject}`);
    return found;
  }
}

export interface DeploymentOptions {
  readonly lease?: string;
  readonly firestore?: FirestoreServerOptions;
  /** Queues of tasks that have topics. */
  readonly queues?: readonly string[];
}

/** A deployment without problems, except those that a test adds. */
export async function deployment(options: DeploymentOptions = {}): Promise<Deployment> {
  const { lease = "660s", queues = ["imports"] } = options;
  const cloud = await startCloud({ pushUrl, queues, lease, ackDeadlineSeconds: 570 });
  const pubsub = pubSubClients(cloud.pubsub, projectId);
  const firestore = await startFirestoreServer({
    indexes: firestoreIndexes,
    admin: sound,
    ...options.firestore,
  });
  const bigQuery = await startBigQueryServer();
  await makeDataset(bigQuery.url);
  const services = { firestore, tasks: cloud.tasks, pubsub };
  const apis = await startGoogleApis([job("baton-sweep", "sweep"), job("baton-tick", "tick")], services);
  cloud.storage.setRefusals(storageAnswers);
  onTestFinished(async () => {
    await Promise.all([pubsub, firestore, bigQuery, apis, cloud].map((part) => part.close()));
  });
  const environment = {
    ...cloud.environment,
    FIRESTORE_EMULATOR_HOST: firestore.host,
    BATON_PUBSUB_ENDPOINT: apis.url,
    CLOUD_TASKS_EMULATOR_HOST: new URL(apis.url).host,
    BATON_WAREHOUSE: "bigquery",
    BIGQUERY_EMULATOR_HOST: bigQuery.url,
    BATON_WORKFLOWS: await folderWith({ "import.yaml": workflow }),
  };
  process.env.FIRESTORE_EMULATOR_HOST = firestore.host;
  const change: Deployment["change"] = async (id, fields) => {
    const paths = Object.keys(fields).map((name) =>
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    );
    const subscription = { name: `projects/${projectId}/subscriptions/${id}`, ...fields };
    await pubsub.subscriber.updateSubscription({ subscription, updateMask: { paths } });
  };
  for (const { name } of cloud.pubsub.subscriptions())
    await change(name.split("/").at(-1) ?? "", { expirationPolicy: {} });
  return {
    cloud,
    firestore,
    pubsub,
    apis,
    environment,
    change,
    topic: (id) => `projects/${projectId}/topics/${id}`,
    subscription: (id) => `projects/${projectId}/subscriptions/${id}`,
    async diagnose(variables = {}) {
      const endpoints = {
        firestore: apis.url,
        scheduler: apis.url,
        resourceManager: apis.url,
        iam: apis.url,
      };
      const { results } = await diagnose({ ...environment, ...variables }, { endpoints, timeoutMs: 40_000 });
      return new Findings(results);
    },
  };
}

/** The settings of a database without problems. */
export const sound = {
  locationId: "europe-west1",
  pointInTimeRecoveryEnablement: "POINT_IN_TIME_RECOVERY_ENABLED",
  deleteProtectionState: "DELETE_PROTECTION_ENABLED",
} as const;

export function job(id: string, kind: string, state = "ENABLED", schedule = "* * * * *") {
  const data = Buffer.from(JSON.stringify({ kind })).toString("base64");
  const topicName = `projects/${projectId}/topics/baton-control`;
  const name = `projects/${projectId}/locations/europe-west1/jobs/${id}`;
  return { name, schedule, state, pubsubTarget: { topicName, data } };
}

/** What the local server leaves out: how a bucket is set up, and where it sends its notifications. */
export function storageAnswers({ method, path }: HttpCall): HttpReply | undefined {
  const place = path.replace(/^\/storage\/v1/, "");
  const name = place.slice("/b/".length);
  if (method === "GET" && /^\/b\/(test-bucket|test-inbox)$/.test(place))
    return {
      status: 200,
      body: {
        kind: "storage#bucket",
        name,
        location: "EUROPE-WEST1",
        iamConfiguration: { uniformBucketLevelAccess: { enabled: true } },
      },
    };
  if (method === "GET" && place === "/b/test-inbox/notificationConfigs")
    return {
      status: 200,
      body: {
        kind: "storage#notifications",
        items: [
          {
            topic: `//pubsub.googleapis.com/projects/${projectId}/topics/baton-control`,
            event_types: ["OBJECT_FINALIZE"],
          },
        ],
      },
    };
  return undefined;
}

async function makeDataset(url: string): Promise<void> {
  await fetch(`${url}/bigquery/v2/projects/${projectId}/datasets`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ datasetReference: { datasetId: "baton" }, location: "EU" }),
  });
}
