import * as z from "zod";
import type { TaskQueueSettings, TimerChecks } from "../../ports/checks.ts";
import { unlessMissing } from "../remote/grpc.ts";
import { CloudTasksConnection, type CloudTasksSettings } from "./client.ts";

const DurationSchema = z
  .object({ seconds: z.coerce.number().nullish(), nanos: z.number().nullish() })
  .transform(({ seconds, nanos }) => (seconds ?? 0) + (nanos ?? 0) / 1e9);

const QueueSchema = z.object({
  state: z.string().nullish(),
  rateLimits: z
    .object({
      maxConcurrentDispatches: z.number().nullish(),
      maxDispatchesPerSecond: z.number().nullish(),
    })
    .nullish(),
  retryConfig: z
    .object({
      maxAttempts: z.number().nullish(),
      maxRetryDuration: DurationSchema.nullish(),
      maxBackoff: DurationSchema.nullish(),
    })
    .nullish(),
});

/** Of a queue that was made without saying: https://cloud.google.com/tasks/docs/configuring-queues */
const defaults = {
  maxAttempts: 100,
  maxBackoffSeconds: 3_600,
  maxConcurrentDispatches: 1_000,
  maxDispatchesPerSecond: 500,
};
const callOptions = { timeout: 15_000, maxRetries: 2 };

/** Looks at one queue. Loaded and connected at its first use. */
export class CloudTasksChecks implements TimerChecks {
  readonly #connection: CloudTasksConnection;
  readonly #name: string;

  constructor(settings: CloudTasksSettings) {
    this.#connection = new CloudTasksConnection(settings);
    this.#name = this.#connection.pathOf(settings.queue);
  }

  async queue(): Promise<TaskQueueSettings | undefined> {
    const found = await unlessMissing(() =>
      this.#connection.call((client) => client.getQueue({ name: this.#name }, callOptions)),
    );
    return found && settingsOf(QueueSchema.parse(found[0]));
  }

  async permissions(asked: readonly string[]): Promise<readonly string[]> {
    const request = { resource: this.#name, permissions: [...asked] };
    const [{ permissions }] = await this.#connection.call((client) =>
      client.testIamPermissions(request, callOptions),
    );
    return permissions ?? [];
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

function settingsOf({ state, rateLimits, retryConfig }: z.infer<typeof QueueSchema>): TaskQueueSettings {
  return {
    state: state ?? "",
    maxAttempts: retryConfig?.maxAttempts || defaults.maxAttempts,
    maxRetrySeconds: retryConfig?.maxRetryDuration ?? 0,
    maxBackoffSeconds: retryConfig?.maxBackoff || defaults.maxBackoffSeconds,
    maxConcurrentDispatches: rateLimits?.maxConcurrentDispatches || defaults.maxConcurrentDispatches,
    maxDispatchesPerSecond: rateLimits?.maxDispatchesPerSecond || defaults.maxDispatchesPerSecond,
  };
}
