import type { CloudTasksClient } from "@google-cloud/tasks";
import { limits } from "../../core/limits.ts";
import { withFreshCredentials } from "../remote/google-credentials.ts";
import { backoffWithin, grpcCodeOf, grpcStatus } from "../remote/grpc.ts";

/** Where the queues are. */
export interface CloudTasksPlace {
  readonly projectId: string;
  readonly location: string;
  /** Host and port of a local server that speaks the protocol of Cloud Tasks, without TLS. */
  readonly emulatorHost: string | undefined;
}

export interface CloudTasksSettings extends CloudTasksPlace {
  /** Id of the queue. */
  readonly queue: string;
}

/** Google's client, loaded and connected at its first use. */
export class CloudTasksConnection {
  readonly #place: CloudTasksPlace;
  /** Clients whose credentials were refused once; other calls may still go through them. */
  readonly #forgotten: Promise<CloudTasksClient>[] = [];
  #client: Promise<CloudTasksClient> | undefined;

  constructor(place: CloudTasksPlace) {
    this.#place = place;
  }

  /** A call, once more with credentials that are fetched again when those of the client are not taken. */
  call<Answer>(ask: (client: CloudTasksClient) => Promise<Answer>): Promise<Answer> {
    return withFreshCredentials(async () => ask(await this.#open()), {
      isRefused: (thrown) => grpcCodeOf(thrown) === grpcStatus.unauthenticated,
      refresh: () => {
        if (this.#client) this.#forgotten.push(this.#client);
        this.#client = undefined;
      },
    });
  }

  /** Full name of a queue. */
  pathOf(queue: string): string {
    const { projectId, location } = this.#place;
    return `projects/${projectId}/locations/${location}/queues/${queue}`;
  }

  async close(): Promise<void> {
    const clients = [...this.#forgotten, ...(this.#client ? [this.#client] : [])];
    await Promise.all(clients.map(async (client) => (await client).close()));
  }

  #open(): Promise<CloudTasksClient> {
    this.#client ??= connect(this.#place);
    return this.#client;
  }
}

async function connect({ projectId, emulatorHost }: CloudTasksPlace): Promise<CloudTasksClient> {
  const { CloudTasksClient } = await import("@google-cloud/tasks");
  if (emulatorHost === undefined) return new CloudTasksClient({ projectId });
  const { grpc } = await import("google-gax");
  const [servicePath = "127.0.0.1", port] = emulatorHost.split(":");
  const sslCreds = grpc.credentials.createInsecure();
  return new CloudTasksClient({ projectId, servicePath, port: Number(port), sslCreds });
}

/** A task with a name may be created again without harm, one without a name at worst delivers its message twice. */
export const callOptions = {
  retry: {
    retryCodes: [
      grpcStatus.deadlineExceeded,
      grpcStatus.resourceExhausted,
      grpcStatus.internal,
      grpcStatus.unavailable,
      // What is no gRPC at all, such as the page of a proxy.
      grpcStatus.unknown,
    ],
    backoffSettings: backoffWithin(limits.publishTimeoutMs),
  },
};
