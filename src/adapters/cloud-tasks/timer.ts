import { BatonError, messageOf } from "../../core/errors.ts";
import type { Broker, OutgoingMessage, Timer } from "../../ports/broker.ts";
import type { Clock } from "../../ports/clock.ts";
import { grpcCodeOf, grpcStatus, isDenied } from "../remote/grpc.ts";
import { CloudTasksConnection, type CloudTasksSettings } from "./client.ts";
import { dueSecondOf, TaskQueue, taskName } from "./task-queue.ts";

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
  readonly #connection: CloudTasksConnection;
  readonly #queue: TaskQueue;
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #requestOf: (message: OutgoingMessage) => PublishRequest;

  constructor(
    settings: CloudTasksSettings,
    broker: Broker,
    clock: Clock,
    requestOf: (message: OutgoingMessage) => PublishRequest,
  ) {
    this.#connection = new CloudTasksConnection(settings);
    this.#queue = new TaskQueue(this.#connection, settings.queue);
    this.#broker = broker;
    this.#clock = clock;
    this.#requestOf = requestOf;
  }

  /** A delay beyond the horizon is cut to it: whoever gets the message then finds that it is early, and schedules it again. */
  async schedule(message: OutgoingMessage, delayMs: number): Promise<void> {
    if (delayMs <= 0) return this.#broker.publish([message]);
    const dueSecond = dueSecondOf(this.#clock.now(), delayMs);
    const { url, body, serviceAccount } = this.#requestOf(message);
    const token =
      serviceAccount === undefined
        ? undefined
        : { kind: "access" as const, serviceAccount, scope: pubSubScope };
    const name = taskName(`${dueSecond} ${url} `, body);
    try {
      await this.#queue.createOnce({ url, body, token }, [name], dueSecond);
    } catch (thrown) {
      throw timerError(this.#queue.path, thrown);
    }
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

const pubSubScope = "https://www.googleapis.com/auth/pubsub";

function timerError(queue: string, thrown: unknown): BatonError {
  const context = { where: queue, cause: thrown };
  const code = grpcCodeOf(thrown);
  if (code === grpcStatus.notFound) return new BatonError("TIMER_MISSING", "There is no such queue", context);
  return new BatonError(isDenied(code) ? "TIMER_DENIED" : "TIMER_FAILED", messageOf(thrown), context);
}
