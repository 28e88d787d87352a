import { v1 } from "@google-cloud/firestore";
import { credentials, status } from "@grpc/grpc-js";
import { cloudTasksClient } from "../servers/cloud-tasks/client.ts";
import type { CloudTasksServer } from "../servers/cloud-tasks/server.ts";
import type { FirestoreServer } from "../servers/firestore/server.ts";
import { failure, type HttpCall, type HttpReply } from "../servers/kit/http-server.ts";
import type { PubSubClients } from "../servers/pubsub/clients.ts";

export interface BridgedServices {
  readonly firestore: FirestoreServer;
  readonly tasks: CloudTasksServer;
  readonly pubsub: PubSubClients;
}

export interface RestBridge {
  /** Undefined for what it does not know. */
  answer(call: HttpCall): Promise<HttpReply | undefined>;
  close(): Promise<void>;
}

type Route = readonly [RegExp, (name: string, call: HttpCall) => Promise<unknown>];

/** The REST interfaces of servers that speak gRPC, as Google's own services have both. */
export function restBridge({ firestore, tasks, pubsub }: BridgedServices): RestBridge {
  const [servicePath = "", port] = firestore.host.split(":");
  const place = { servicePath, port: Number(port), sslCreds: credentials.createInsecure(), projectId: "p" };
  const admin = new v1.FirestoreAdminClient(place);
  const documents = new v1.FirestoreClient(place);
  const queues = cloudTasksClient(tasks);
  const bodyOf = ({ body }: HttpCall) => JSON.parse(body.toString()) as Record<string, object>;
  const routes: readonly Route[] = [
    [
      /^GET \/v1\/(projects\/[^/]+\/databases\/[^/]+)$/,
      async (name) => (await admin.getDatabase({ name }))[0],
    ],
    [
      /^GET \/v1\/(projects\/[^/]+\/databases\/[^/]+\/collectionGroups\/-)\/fields$/,
      async (parent, { query }) => ({
        fields: (await admin.listFields({ parent, filter: query.get("filter") }))[0],
      }),
    ],
    [
      /^POST \/v1\/(projects\/[^/]+\/databases\/[^/]+\/documents):runQuery$/,
      async (parent, call) => {
        const { structuredQuery } = bodyOf(call);
        const limit = { value: 1 };
        const found: unknown[] = [];
        for await (const answer of documents.runQuery({
          parent,
          structuredQuery: { ...structuredQuery, limit },
        }))
          found.push(answer);
        return found.map(() => ({}));
      },
    ],
    [
      /^POST \/v1\/(projects\/[^/]+\/databases\/[^/]+)\/documents:commit$/,
      async (database, call) => {
        await documents.commit({ database, writes: bodyOf(call).writes as object[] });
        return {};
      },
    ],
    [
      /^GET \/v2\/(projects\/[^/]+\/locations\/[^/]+\/queues\/[^/]+)$/,
      async (name) => (await queues.getQueue({ name }))[0],
    ],
    [
      /^POST \/v2\/(projects\/[^/]+\/locations\/[^/]+\/queues\/[^/]+):testIamPermissions$/,
      async (resource, call) =>
        (await queues.testIamPermissions({ resource, permissions: bodyOf(call).permissions as string[] }))[0],
    ],
    [
      /^GET \/v1\/(projects\/[^/]+\/topics\/[^/]+)$/,
      async (topic) => (await pubsub.publisher.getTopic({ topic }))[0],
    ],
    [
      /^GET \/v1\/(projects\/[^/]+\/topics\/[^/]+)\/subscriptions$/,
      async (topic) => ({ subscriptions: (await pubsub.publisher.listTopicSubscriptions({ topic }))[0] }),
    ],
    [
      /^GET \/v1\/(projects\/[^/]+\/subscriptions\/[^/]+)$/,
      async (subscription) => (await pubsub.subscriber.getSubscription({ subscription }))[0],
    ],
    [
      /^POST \/v1\/(projects\/[^/]+\/topics\/[^/]+):testIamPermissions$/,
      async (topic, call) => {
        await pubsub.publisher.getTopic({ topic });
        return { permissions: bodyOf(call).permissions };
      },
    ],
  ];
  return {
    async answer(call) {
      const line = `${call.method} ${decodeURIComponent(call.path)}`;
      for (const [pattern, ask] of routes) {
        const name = pattern.exec(line)?.[1];
        if (name === undefined) continue;
        return ask(name, call).then((found) => ({ status: 200, body: toJson(found) }), refusal);
      }
      return undefined;
    },
    async close() {
      await Promise.all([admin.close(), documents.close(), queues.close()]);
    },
  };
}

const httpStatus: Partial<Record<number, number>> = {
  [status.INVALID_ARGUMENT]: 400,
  [status.NOT_FOUND]: 404,
  [status.PERMISSION_DENIED]: 403,
  [status.UNIMPLEMENTED]: 501,
};

function refusal(error: Error & { readonly code?: number }): HttpReply {
  return failure(httpStatus[error.code ?? -1] ?? 500, error.message);
}

/** Messages as REST has them: durations are texts, and what is not set is left out. */
function toJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== null && field !== "");
  const names = fields.map(([name]) => name);
  if (names.includes("seconds") && names.every((name) => name === "seconds" || name === "nanos"))
    return `${Number(Reflect.get(value, "seconds")) + Number(Reflect.get(value, "nanos") ?? 0) / 1e9}s`;
  return Object.fromEntries(fields.map(([name, field]) => [name, toJson(field)]));
}
