import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import type { Broker, OutgoingMessage, Timer } from "../../ports/broker.ts";
import type { Clock } from "../../ports/machine.ts";
import { grpcCode, grpcStatus, isDenied } from "../remote/grpc.ts";
import {
  CloudTasksConnection,
  type CloudTasksLocation,
  TaskQueue,
  taskName,
  toDueSecond,
} from "./task-queue.ts";

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
