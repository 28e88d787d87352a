import { BatonError, messageOf } from "../../core/errors.ts";
import { grpcCodeOf, grpcStatus, isDenied } from "../../core/grpc.ts";
import { limits } from "../../core/limits.ts";
import { messageKey } from "../../core/messages.ts";
import { taskQueueOf } from "../../core/topics.ts";
import type { Broker, OutgoingMessage, Timer } from "../../ports/broker.ts";
import type { Clock } from "../../ports/clock.ts";
import { CloudTasksConnection, type CloudTasksPlace } from "./client.ts";
import { dueSecondOf, TaskQueue, type TaskRequest, taskName } from "./task-queue.ts";

export interface DispatchSettings extends CloudTasksPlace {
  /** First part of the names of the queues. */
  readonly prefix: string;
  /** Where the function takes messages, which is what the tokens are for, too. */
  readonly functionUrl: string;
  /** In whose name it is called. */
  readonly caller: string;
}

/** The body by which the function gets a message. Times are milliseconds since 1970. */
export type DispatchBody = (message: OutgoingMessage, publishedAt: number) => Buffer;

/**
 * Messages as tasks of Cloud Tasks that call the function themselves, one queue for each queue of Baton: so many of them run
 * at once, so many begin in a second, and those that are due later are among them. A message that still waits in its queue
 * is not put there again, however often the sweep publishes it.
 * Throws `QUEUE_MISSING`, `QUEUE_DENIED`, `QUEUE_FAILED`; then some of the messages may be published.
 */
export class DispatchQueues implements Broker, Timer {
  readonly #settings: DispatchSettings;
  readonly #connection: CloudTasksConnection;
  readonly #clock: Clock;
  readonly #bodyOf: DispatchBody;

  constructor(settings: DispatchSettings, clock: Clock, bodyOf: DispatchBody) {
    this.#settings = settings;
    this.#connection = new CloudTasksConnection(settings);
    this.#clock = clock;
    this.#bodyOf = bodyOf;
  }

  /** A request for each message, some at a time. After one that failed, no other begins. */
  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const rest = messages.values();
    const failures: unknown[] = [];
    const work = async () => {
      for (const message of rest) {
        if (failures.length > 0) return;
        await this.#publish(message).catch((error: unknown) => failures.push(error));
      }
    };
    const workers = Math.min(messages.length, limits.tasksCreatedAtOnce);
    await Promise.all(Array.from({ length: workers }, work));
    if (failures.length > 0) throw failures[0];
  }

  /** A delay beyond the horizon is cut to it: whoever gets the message then finds that it is early, and schedules it again. */
  async schedule(message: OutgoingMessage, delayMs: number): Promise<void> {
    if (delayMs <= 0) return this.publish([message]);
    const dueSecond = dueSecondOf(this.#clock.now(), delayMs);
    const name = this.#nameOf(`due ${dueSecond}`, message);
    await this.#create(message, dueSecond * 1_000, [name], dueSecond);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** A task may be run several times in the life of its batch, each time under a name of its own. */
  async #publish(message: OutgoingMessage): Promise<void> {
    const names = Array.from({ length: limits.namesOfDispatch }, (_, index) =>
      this.#nameOf(`now ${index}`, message),
    );
    await this.#create(message, this.#clock.now(), names, undefined);
  }

  /** A task that calls another address does not stand for one that calls this. */
  #nameOf(when: string, { message }: OutgoingMessage): string {
    return taskName(`${when} ${this.#settings.functionUrl} ${messageKey(message)}`);
  }

  async #create(
    message: OutgoingMessage,
    publishedAt: number,
    names: readonly string[],
    dueSecond: number | undefined,
  ): Promise<void> {
    const { prefix, functionUrl, caller } = this.#settings;
    const queue = new TaskQueue(this.#connection, taskQueueOf(prefix, message.queue));
    const request: TaskRequest = {
      url: functionUrl,
      body: this.#bodyOf(message, publishedAt),
      token: { kind: "identity", serviceAccount: caller, audience: functionUrl },
      deadlineSeconds: limits.deliveryDeadlineSeconds,
    };
    try {
      await queue.createOnce(request, names, dueSecond);
    } catch (thrown) {
      throw queueError(queue.path, thrown);
    }
  }
}

function queueError(queue: string, thrown: unknown): BatonError {
  const context = { where: queue, cause: thrown };
  const code = grpcCodeOf(thrown);
  if (code === grpcStatus.notFound)
    return new BatonError(
      "QUEUE_MISSING",
      "BATON_QUEUES names a queue that Cloud Tasks does not have",
      context,
    );
  return new BatonError(isDenied(code) ? "QUEUE_DENIED" : "QUEUE_FAILED", messageOf(thrown), context);
}
