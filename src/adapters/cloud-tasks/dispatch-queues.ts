import { randomUUID } from "node:crypto";
import * as z from "zod";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { messageKey } from "../../core/messages.ts";
import { taskQueueName } from "../../core/queues.ts";
import type { Broker, OutgoingMessage, Timer } from "../../ports/broker.ts";
import type { Clock } from "../../ports/machine.ts";
import { grpcCode, grpcStatus, isDenied } from "../remote/grpc.ts";
import {
  CloudTasksConnection,
  type CloudTasksLocation,
  callOptions,
  TaskQueue,
  type TaskRequest,
  taskName,
  taskQueueLimits,
  toDueSecond,
} from "./task-queue.ts";

export interface DispatchSettings extends CloudTasksLocation {
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
 * at once, so many begin in a second, and those that are due later are among them. The name of a task begins with what it is
 * for, so that whoever looks through a queue knows which messages it holds.
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

  /**
   * A request for each message, some at a time. When one of a queue fails, no other of that queue begins, and those of the other
   * queues go out. What the sweep finds missing is looked for first, and not put there again.
   */
  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const rest = messages.values();
    const looks = new Map<string, Promise<ReadonlySet<string>>>();
    const failures = new Map<string, unknown>();
    const work = async () => {
      for (const message of rest) {
        if (failures.has(message.queue)) continue;
        await this.#publish(message, looks).catch((error: unknown) => failures.set(message.queue, error));
      }
    };
    const workers = Math.min(messages.length, taskQueueLimits.parallelTaskCreations);
    await Promise.all(Array.from({ length: workers }, work));
    for (const failure of failures.values()) throw failure;
  }

  /** A delay beyond the horizon is cut to it: whoever gets the message then finds that it is early, and schedules it again. */
  async schedule(message: OutgoingMessage, delayMs: number): Promise<void> {
    if (delayMs <= 0) return this.publish([message]);
    const dueSecond = toDueSecond(this.#clock.now(), delayMs);
    await this.#create(message, dueSecond * 1_000, [String(dueSecond)], dueSecond);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** A task may be run several times in the life of its batch, each time under a name of its own. */
  async #publish(message: OutgoingMessage, looks: Map<string, Promise<ReadonlySet<string>>>): Promise<void> {
    if (isRedriven(message) && (await this.#look(message.queue, looks)).has(this.#subjectOf(message))) return;
    const suffixes = Array.from({ length: taskQueueLimits.numberedTaskNames }, (_, index) => `now-${index}`);
    await this.#create(message, this.#clock.now(), suffixes, undefined);
  }

  /** One look for each queue, whoever of a publish needs it first. */
  #look(queue: string, looks: Map<string, Promise<ReadonlySet<string>>>): Promise<ReadonlySet<string>> {
    const known = looks.get(queue);
    if (known) return known;
    const look = this.#standing(queue);
    looks.set(queue, look);
    return look;
  }

  /** What the queue holds tasks for. One that ends during the look may be among them: the next look of the sweep finds it gone. */
  async #standing(queue: string): Promise<ReadonlySet<string>> {
    const now = this.#clock.now();
    const names = await this.#in(queue, ({ path }) => pendingTaskNames(this.#connection, path, now));
    return new Set(names.map(subjectFromName));
  }

  /** What a task is for. One that calls another address, or in another name, does not stand for one that calls this. */
  #subjectOf({ message }: OutgoingMessage): string {
    const { functionUrl, caller } = this.#settings;
    return taskName(`${functionUrl} ${caller} ${messageKey(message)}`);
  }

  /** Under the first of the names that is free, then under one that nobody else has. */
  async #create(
    message: OutgoingMessage,
    publishedAt: number,
    suffixes: readonly string[],
    dueSecond: number | undefined,
  ): Promise<void> {
    const { functionUrl, caller } = this.#settings;
    const subject = this.#subjectOf(message);
    const names = [...suffixes, randomUUID()].map((suffix) => `${subject}-${suffix}`);
    const request: TaskRequest = {
      url: functionUrl,
      body: this.#bodyOf(message, publishedAt),
      token: { kind: "identity", serviceAccount: caller, audience: functionUrl },
      deadlineSeconds: limits.deliveryDeadlineSeconds,
    };
    await this.#in(message.queue, (tasks) => tasks.createOnce(request, names, dueSecond));
  }

  async #in<Result>(queue: string, action: (tasks: TaskQueue) => Promise<Result>): Promise<Result> {
    const tasks = new TaskQueue(this.#connection, taskQueueName(this.#settings.prefix, queue));
    try {
      return await action(tasks);
    } catch (thrown) {
      throw toQueueError(tasks.path, thrown);
    }
  }
}

/** Published since it should be under way, by somebody who does not know whether it is. */
function isRedriven({ message }: OutgoingMessage): boolean {
  return message.kind === "task" && message.redrive === true;
}

function subjectFromName(name: string): string {
  return name.slice(0, name.indexOf("-"));
}

function toQueueError(queue: string, thrown: unknown): BatonError {
  const context = { where: queue, cause: thrown };
  const code = grpcCode(thrown);
  if (code === grpcStatus.notFound)
    return new BatonError(
      "QUEUE_MISSING",
      "BATON_QUEUES names a queue that Cloud Tasks does not have",
      context,
    );
  return new BatonError(isDenied(code) ? "QUEUE_DENIED" : "QUEUE_FAILED", errorMessage(thrown), context);
}

/** A task that is in a queue. */
interface QueuedTask {
  /** The last part of its full name. */
  readonly name: string;
  /** Milliseconds since 1970; moves with every try that failed. */
  readonly dueAt: number;
  /** Whether it has been sent: it is under way, or has failed and comes again. */
  readonly isTried: boolean;
}

/**
 * Names of the tasks of a queue that come without anybody's doing: at their turn, again after a failure, or soon. One that is
 * due later stands for nothing: what it waits for may have come. `now`: milliseconds since 1970. Throws what the client throws.
 */
async function pendingTaskNames(
  connection: CloudTasksConnection,
  queuePath: string,
  now: number,
): Promise<string[]> {
  const soon = now + taskQueueLimits.dueSoonSeconds * 1_000;
  const names: string[] = [];
  for await (const { name, dueAt, isTried } of queuedTasks(connection, queuePath))
    if (isTried || dueAt <= soon) names.push(name);
  return names;
}

/** Page by page, in no order. What comes and goes meanwhile may be among them or not. */
async function* queuedTasks(connection: CloudTasksConnection, parent: string): AsyncGenerator<QueuedTask> {
  const options = { ...callOptions, autoPaginate: false };
  const request = { parent, pageSize: taskQueueLimits.queuedTasksPage, responseView: "BASIC" as const };
  let pageToken = "";
  do {
    const token = pageToken;
    const [, , response] = await connection.call((client) =>
      client.listTasks({ ...request, pageToken: token }, options),
    );
    const page = TaskPageSchema.parse(response);
    for (const task of page.tasks ?? []) yield toQueuedTask(task);
    pageToken = page.nextPageToken ?? "";
  } while (pageToken !== "");
}

const ListedTaskSchema = z.object({
  name: z.string(),
  scheduleTime: z.object({ seconds: z.coerce.number().nullish(), nanos: z.number().nullish() }).nullish(),
  dispatchCount: z.number().nullish(),
});
const TaskPageSchema = z.object({
  tasks: z.array(ListedTaskSchema).nullish(),
  nextPageToken: z.string().nullish(),
});

function toQueuedTask({ name, scheduleTime, dispatchCount }: z.infer<typeof ListedTaskSchema>): QueuedTask {
  return {
    name: name.slice(name.lastIndexOf("/") + 1),
    dueAt: (scheduleTime?.seconds ?? 0) * 1_000 + (scheduleTime?.nanos ?? 0) / 1e6,
    isTried: Boolean(dispatchCount),
  };
}
