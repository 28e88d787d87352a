import { PubSub, v1 } from "@google-cloud/pubsub";
import { credentials } from "@grpc/grpc-js";
import type { PubSubServer } from "./server.ts";

export interface PubSubClients {
  readonly pubsub: PubSub;
  readonly publisher: v1.PublisherClient;
  readonly subscriber: v1.SubscriberClient;
  close(): Promise<void>;
}

/** Google's own clients, unchanged, at a local server. */
export function pubSubClients({ host }: Pick<PubSubServer, "host">, projectId = "p"): PubSubClients {
  process.env.METADATA_SERVER_DETECTION = "none";
  process.env.PUBSUB_EMULATOR_HOST = host;
  const [servicePath = "", port = ""] = host.split(":");
  const options = { servicePath, port: Number(port), sslCreds: credentials.createInsecure(), projectId };
  const pubsub = new PubSub({ projectId });
  const publisher = new v1.PublisherClient(options);
  const subscriber = new v1.SubscriberClient(options);
  return {
    pubsub,
    publisher,
    subscriber,
    async close() {
      await Promise.all([pubsub.close(), publisher.close(), subscriber.close()]);
    },
  };
}
