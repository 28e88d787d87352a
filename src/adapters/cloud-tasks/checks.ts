import type { CloudTasksClient } from "@google-cloud/tasks";
import * as z from "zod";
import type { TaskQueueSettings, TimerChecks } from "../../ports/checks.ts";
import type { CloudTasksSettings } from "./timer.ts";

const DurationSchema = z
  .object({ seconds: z.coerce.number().nullish(), nanos: z.number().nullish() })
  .transform(({ seconds, nanos }) => (seconds ?? 0) + (nanos ?? 0) / 1e9);

const QueueSchema = z.object({
  state: z.string().nullish(),
  retryConfig: z
    .object({
      maxAttempts: z.number().nullish(),
      maxRetryDuration: DurationSchema.nullish(),
      maxBackoff: DurationSchema.nullish(),
    })
    .nullish(),
});

/** Of a queue that was made without saying: https://cloud.google.com/tasks/docs/configuring-queues */
const defaults = { maxAttempts: 100, maxBackoffSeconds: 3_600 };
const notFound = 5;
const callOptions = { timeout: 15_000, maxRetries: 2 };

/** Looks at the queue of what is to be sent later. Loaded and connected at its first use. */
export class CloudTasksChecks implements TimerChecks {
  readonly #settings: CloudTasksSettings;
  #client: Promise<CloudTasksClient> | undefined;

  constructor(settings: CloudTasksSettings) {
    this.#settings = settings;
  }

  async queue(): Promise<TaskQueueSettings | undefined> {
    const client = await this.#open();
    try {
      const [queue] = await client.getQueue({ name: this.#name() }, callOptions);
      const { state, retryConfig } = QueueSchema.parse(queue);
      return {
        state: state ?? "",
        maxAttempts: retryConfig?.maxAttempts || defaults.maxAttempts,
        maxRetrySeconds: retryConfig?.maxRetryDuration ?? 0,
        maxBackoffSeconds: retryConfig?.maxBackoff || defaults.maxBackoffSeconds,
      };
    } catch (thrown) {
      if (thrown instanceof Error && "code" in thrown && thrown.code === notFound) return undefined;
      throw thrown;
    }
  }

  async permissions(asked: readonly string[]): Promise<readonly string[]> {
    const client = await this.#open();
    const request = { resource: this.#name(), permissions: [...asked] };
    const [{ permissions }] = await client.testIamPermissions(request, callOptions);
    return permissions ?? [];
  }

  async close(): Promise<void> {
    if (this.#client) await (await this.#client).close();
  }

  #name(): string {
    const { projectId, location, queue } = this.#settings;
    return `projects/${projectId}/locations/${location}/queues/${queue}`;
  }

  #open(): Promise<CloudTasksClient> {
    this.#client ??= connect(this.#settings);
    return this.#client;
  }
}

async function connect({ projectId, emulatorHost }: CloudTasksSettings): Promise<CloudTasksClient> {
  const { CloudTasksClient } = await import("@google-cloud/tasks");
  if (emulatorHost === undefined) return new CloudTasksClient({ projectId });
  const { grpc } = await import("google-gax");
  const [servicePath = "127.0.0.1", port] = emulatorHost.split(":");
  const sslCreds = grpc.credentials.createInsecure();
  return new CloudTasksClient({ projectId, servicePath, port: Number(port), sslCreds });
}
