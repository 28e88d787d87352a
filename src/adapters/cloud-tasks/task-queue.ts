import { createHash } from "node:crypto";
import type { CloudTasksClient } from "@google-cloud/tasks";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { daySeconds } from "../../core/values/time.ts";
import type { Broker, OutgoingMessage, Timer } from "../../ports/broker.ts";
import type { Clock } from "../../ports/machine.ts";
import { withFreshCredentials } from "../remote/google-credentials.ts";
import {
  backoffSettings,
  grpcCode,
  grpcStatus,
  isDenied,
  undefinedIfNotFound,
} from "../remote/service-response.ts";

/** What bounds requests to Cloud Tasks. */
export const taskQueueLimits = {
  /**
   * A message that is due later is delivered after this time and scheduled again: Cloud Tasks accepts 30 days, by its
   * own clock.
   */
  timerHorizonSeconds: 29 * daySeconds,
  /** Cloud Tasks that one publish creates at the same time: each is a request of its own. */
  parallelTaskCreations: 50,
  /**
   * Numbered names that are tried for a message in a queue of Cloud Tasks. Cloud Tasks refuses a used name for hours.
   * After these the name is random.
   */
  numberedTaskNames: 5,
  /** Tasks a page when a queue of Cloud Tasks is listed: the service's maximum. */
  queuedTasksPage: 1_000,
  /** A task of Cloud Tasks that is due within this time is not created again. */
  dueSoonSeconds: 60,
} as const;

export interface CloudTasksLocation {
  readonly projectId: string;
  readonly location: string;
  /** Host and port of a local server with the protocol of Cloud Tasks, without TLS. */
  readonly emulatorHost: string | undefined;
}

/** Google's client, loaded and connected at its first use. */
export class CloudTasksConnection {
  readonly #location: CloudTasksLocation;
  /** Clients whose credentials were refused. Other calls may still use them, so only `close` closes them. */
  readonly #retiredClients: Promise<CloudTasksClient>[] = [];
  #client: Promise<CloudTasksClient> | undefined;

  constructor(location: CloudTasksLocation) {
    this.#location = location;
  }

  /** After refused credentials, repeats the call once with a new client, which fetches its own. */
  call<Result>(call: (client: CloudTasksClient) => Promise<Result>): Promise<Result> {
    return withFreshCredentials(async () => call(await this.#open()), {
      isRefused: (thrown) => grpcCode(thrown) === grpcStatus.unauthenticated,
      refresh: () => {
        if (this.#client) this.#retiredClients.push(this.#client);
        this.#client = undefined;
      },
    });
  }

  /** Full name of a queue. */
  queuePath(queue: string): string {
    const { projectId, location } = this.#location;
    return `projects/${projectId}/locations/${location}/queues/${queue}`;
  }

  async close(): Promise<void> {
    const clients = [...this.#retiredClients, ...(this.#client ? [this.#client] : [])];
    await Promise.all(clients.map(async (client) => (await client).close()));
  }

  #open(): Promise<CloudTasksClient> {
    this.#client ??= connect(this.#location);
    return this.#client;
  }
}

async function connect({ projectId, emulatorHost }: CloudTasksLocation): Promise<CloudTasksClient> {
  const { CloudTasksClient } = await import("@google-cloud/tasks");
  if (emulatorHost === undefined) return new CloudTasksClient({ projectId });
  const { grpc } = await import("google-gax");
  const [servicePath = "127.0.0.1", port] = emulatorHost.split(":");
  const sslCreds = grpc.credentials.createInsecure();
  return new CloudTasksClient({ projectId, servicePath, port: Number(port), sslCreds });
}

/** Creating a task again does no harm: with a name it is refused, without one it may deliver its message twice. */
export const callOptions = {
  retry: {
    retryCodes: [
      grpcStatus.deadlineExceeded,
      grpcStatus.resourceExhausted,
      grpcStatus.internal,
      grpcStatus.unavailable,
      // A response that is not gRPC, such as the page of a proxy.
      grpcStatus.unknown,
    ],
    backoffSettings: backoffSettings(limits.publishTimeoutMs),
  },
};

/** The HTTP request that a task makes. */
export interface TaskRequest {
  readonly url: string;
  readonly body: Buffer;
  readonly token: TaskToken | undefined;
  /** How long Cloud Tasks waits for the response. Default: its own, ten minutes. */
  readonly deadlineSeconds?: number;
}

/** An access token for Google's services, or an identity token for a receiver that checks the account. */
type TaskToken =
  | { readonly kind: "access"; readonly serviceAccount: string; readonly scope: string }
  | { readonly kind: "identity"; readonly serviceAccount: string; readonly audience: string };

/** When a task is due, in seconds since 1970. Undefined: at once. */
type DueSecond = number | undefined;

/** Creates tasks in one queue of Cloud Tasks. Throws what the client throws. */
export class TaskQueue {
  readonly #connection: CloudTasksConnection;
  /** Full name of the queue. */
  readonly path: string;

  constructor(connection: CloudTasksConnection, queue: string) {
    this.#connection = connection;
    this.path = connection.queuePath(queue);
  }

  /**
   * Creates a task under the first free name, unless a task with one of these names is still waiting: that one does the
   * same. Cloud Tasks keeps a name for hours after its task is gone. If all are taken, the task is created without one.
   */
  async createOnce(request: TaskRequest, names: readonly string[], dueSecond: DueSecond): Promise<void> {
    for (const name of names) {
      if (await this.#isCreated(request, name, dueSecond)) return;
      if (await this.#isWaiting(name)) return;
    }
    await this.#create(request, undefined, dueSecond);
  }

  async #isCreated(request: TaskRequest, name: string, dueSecond: DueSecond): Promise<boolean> {
    try {
      await this.#create(request, name, dueSecond);
      return true;
    } catch (thrown) {
      if (grpcCode(thrown) === grpcStatus.alreadyExists) return false;
      throw thrown;
    }
  }

  /** A task that is being dispatched does not count: it may carry the very message that is scheduled again here. */
  async #isWaiting(name: string): Promise<boolean> {
    const response = await undefinedIfNotFound(() =>
      this.#connection.call((client) => client.getTask({ name: this.#taskPath(name) }, callOptions)),
    );
    return response !== undefined && !response[0].dispatchCount;
  }

  async #create(request: TaskRequest, name: string | undefined, dueSecond: DueSecond): Promise<void> {
    const { url, body, token, deadlineSeconds } = request;
    const task = {
      ...(name !== undefined && { name: this.#taskPath(name) }),
      ...(dueSecond !== undefined && { scheduleTime: { seconds: dueSecond } }),
      ...(deadlineSeconds !== undefined && { dispatchDeadline: { seconds: deadlineSeconds } }),
      httpRequest: {
        httpMethod: "POST" as const,
        url,
        body,
        headers: { "Content-Type": "application/json" },
        ...(token && toTokenFields(token)),
      },
    };
    await this.#connection.call((client) => client.createTask({ parent: this.path, task }, callOptions));
  }

  #taskPath(name: string): string {
    return `${this.path}/tasks/${name}`;
  }
}

/** Hashed, because consecutive names slow a queue down. */
export function taskName(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** The second in which a delay ends, at most `taskQueueLimits.timerHorizonSeconds` ahead. */
export function toDueSecond(now: number, delayMs: number): number {
  const delay = Math.min(delayMs, taskQueueLimits.timerHorizonSeconds * 1_000);
  return Math.ceil((now + delay) / 1_000);
}

function toTokenFields(token: TaskToken) {
  const { serviceAccount: serviceAccountEmail } = token;
  return token.kind === "access"
    ? { oauthToken: { serviceAccountEmail, scope: token.scope } }
    : { oidcToken: { serviceAccountEmail, audience: token.audience } };
}

interface CloudTasksSettings extends CloudTasksLocation {
  /** Id of the queue. */
  readonly queue: string;
}

/** The HTTP request that publishes a message. */
export interface PublishRequest {
  readonly url: string;
  readonly body: Buffer;
  /** Whose access token it carries. Undefined: no token. */
  readonly serviceAccount: string | undefined;
}

/**
 * Schedules messages as tasks of Cloud Tasks. A task publishes its message to the message's topic when it is due. Its
 * name is made of the message and the due second, so a message that is handled twice is scheduled once.
 */
export class CloudTasksTimer implements Timer {
  readonly #connection: CloudTasksConnection;
  readonly #queue: TaskQueue;
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #toRequest: (message: OutgoingMessage) => PublishRequest;

  constructor(
    settings: CloudTasksSettings,
    broker: Broker,
    clock: Clock,
    toRequest: (message: OutgoingMessage) => PublishRequest,
  ) {
    this.#connection = new CloudTasksConnection(settings);
    this.#queue = new TaskQueue(this.#connection, settings.queue);
    this.#broker = broker;
    this.#clock = clock;
    this.#toRequest = toRequest;
  }

  /** Delays are cut to `taskQueueLimits.timerHorizonSeconds`. The handler of an early message schedules it again. */
  async schedule(message: OutgoingMessage, delayMs: number): Promise<void> {
    if (delayMs <= 0) return this.#broker.publish([message]);
    const dueSecond = toDueSecond(this.#clock.now(), delayMs);
    const { url, body, serviceAccount } = this.#toRequest(message);
    const token =
      serviceAccount === undefined
        ? undefined
        : { kind: "access" as const, serviceAccount, scope: pubSubScope };
    const name = taskName(`${dueSecond} ${url} `, body);
    try {
      await this.#queue.createOnce({ url, body, token }, [name], dueSecond);
    } catch (thrown) {
      throw toTimerError(this.#queue.path, thrown);
    }
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

const pubSubScope = "https://www.googleapis.com/auth/pubsub";

function toTimerError(queue: string, thrown: unknown): BatonError {
  const context = { where: queue, cause: thrown };
  const code = grpcCode(thrown);
  if (code === grpcStatus.notFound) return new BatonError("TIMER_MISSING", "There is no such queue", context);
  return new BatonError(isDenied(code) ? "TIMER_DENIED" : "TIMER_FAILED", errorMessage(thrown), context);
}
