import type { CloudTasksClient } from "@google-cloud/tasks";
import { limits } from "../../core/limits.ts";
import { backoffWithin, grpcStatus } from "../remote/grpc.ts";

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
  #client: Promise<CloudTasksClient> | undefined;

  constructor(place: CloudTasksPlace) {
    this.#place = place;
  }

  open(): Promise<CloudTasksClient> {
    this.#client ??= connect(this.#place);
    return this.#client;
  }

  /** Full name of a queue. */
  pathOf(queue: string): string {
    const { projectId, location } = this.#place;
    return `projects/${projectId}/locations/${location}/queues/${queue}`;
  }

  async close(): Promise<void> {
    if (this.#client) await (await this.#client).close();
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
    ],
    backoffSettings: backoffWithin(limits.publishTimeoutMs),
  },
};
