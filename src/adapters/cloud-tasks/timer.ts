import { createHash } from "node:crypto";
import type { CloudTasksClient } from "@google-cloud/tasks";
import { BatonError, messageOf } from "../../core/errors.ts";
import { backoffWithin, grpcCodeOf, grpcStatus, isDenied } from "../../core/grpc.ts";
import { limits } from "../../core/limits.ts";
import type { Broker, OutgoingMessage, Timer } from "../../ports/broker.ts";
import type { Clock } from "../../ports/clock.ts";

export interface CloudTasksSettings {
  readonly projectId: string;
  readonly location: string;
  /** Id of the queue that holds what is to be sent later. */
  readonly queue: string;
  /** Host and port of a local server that speaks the protocol of Cloud Tasks, without TLS. */
  readonly emulatorHost: string | undefined;
}

/** The HTTP request that publishes a message. */
export interface PublishRequest {
  readonly url: string;
  readonly body: Buffer;
  /** Whose access token it carries; undefined: none. */
  readonly serviceAccount: string | undefined;
}

/**
 * Later messages as tasks of Cloud Tasks, each of which publishes its message to its topic when its time has come. A task
 * has a name made of its message and its second, so that a message that is delivered twice is scheduled once.
 */
export class CloudTasksTimer implements Timer {
  readonly #settings: CloudTasksSettings;
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #requestOf: (message: OutgoingMessage) => PublishRequest;
  #client: Promise<CloudTasksClient> | undefined;

  constructor(
    settings: CloudTasksSettings,
    broker: Broker,
    clock: Clock,
    requestOf: (message: OutgoingMessage) => PublishRequest,
  ) {
    this.#settings = settings;
    this.#broker = broker;
    this.#clock = clock;
    this.#requestOf = requestOf;
  }

  /** A delay beyond the horizon is cut to it: whoever gets the message then finds that it is early, and schedules it again. */
  async schedule(message: OutgoingMessage, delayMs: number): Promise<void> {
    if (delayMs <= 0) return this.#broker.publish([message]);
    const delay = Math.min(delayMs, limits.timerHorizonSeconds * 1_000);
    const dueSecond = Math.ceil((this.#clock.now() + delay) / 1_000);
    const request = this.#requestOf(message);
    const name = nameOf(request, dueSecond);
    try {
      await this.#create(request, dueSecond, name);
    } catch (thrown) {
      if (grpcCodeOf(thrown) !== grpcStatus.alreadyExists) throw timerError(this.#queuePath(), thrown);
      await this.#replace(request, dueSecond, name);
    }
  }

  async close(): Promise<void> {
    if (this.#client) await (await this.#client).close();
  }

  /** The name stays taken for hours after its task is gone; a task that is gone has to come again without a name. */
  async #replace(request: PublishRequest, dueSecond: number, name: string): Promise<void> {
    const client = await this.#open();
    try {
      const [task] = await client.getTask({ name: `${this.#queuePath()}/tasks/${name}` }, callOptions);
      // One that is being sent right now may be what brought the message that wants to come again.
      if (!task.dispatchCount) return;
    } catch (thrown) {
      if (grpcCodeOf(thrown) !== grpcStatus.notFound) throw timerError(this.#queuePath(), thrown);
    }
    await this.#create(request, dueSecond).catch((error: unknown) => {
      throw timerError(this.#queuePath(), error);
    });
  }

  async #create(request: PublishRequest, dueSecond: number, name?: string): Promise<void> {
    const client = await this.#open();
    const parent = this.#queuePath();
    const { url, body, serviceAccount } = request;
    const task = {
      ...(name !== undefined && { name: `${parent}/tasks/${name}` }),
      scheduleTime: { seconds: dueSecond },
      httpRequest: {
        httpMethod: "POST" as const,
        url,
        body,
        headers: { "Content-Type": "application/json" },
        ...(serviceAccount !== undefined && {
          oauthToken: { serviceAccountEmail: serviceAccount, scope: pubSubScope },
        }),
      },
    };
    await client.createTask({ parent, task }, callOptions);
  }

  #queuePath(): string {
    const { projectId, location, queue } = this.#settings;
    return `projects/${projectId}/locations/${location}/queues/${queue}`;
  }

  #open(): Promise<CloudTasksClient> {
    this.#client ??= this.#connect();
    return this.#client;
  }

  async #connect(): Promise<CloudTasksClient> {
    const { CloudTasksClient } = await import("@google-cloud/tasks");
    const { emulatorHost, projectId } = this.#settings;
    if (emulatorHost === undefined) return new CloudTasksClient({ projectId });
    const { grpc } = await import("google-gax");
    const [servicePath = "127.0.0.1", port] = emulatorHost.split(":");
    return new CloudTasksClient({
      projectId,
      servicePath,
      port: Number(port),
      sslCreds: grpc.credentials.createInsecure(),
    });
  }
}

const pubSubScope = "https://www.googleapis.com/auth/pubsub";

/** A task with a name may be created again without harm, one without a name at worst delivers its message twice. */
const callOptions = {
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

/** Hashed, since names that follow each other slow a queue down. */
function nameOf({ url, body }: PublishRequest, dueSecond: number): string {
  return createHash("sha256").update(`${dueSecond} ${url} `).update(body).digest("hex");
}

function timerError(queue: string, thrown: unknown): BatonError {
  const context = { where: queue, cause: thrown };
  const code = grpcCodeOf(thrown);
  if (code === grpcStatus.notFound) return new BatonError("TIMER_MISSING", "There is no such queue", context);
  return new BatonError(isDenied(code) ? "TIMER_DENIED" : "TIMER_FAILED", messageOf(thrown), context);
}
