import { randomUUID } from "node:crypto";
import * as z from "zod";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { messageKey } from "../../core/messages.ts";
import { taskQueueName } from "../../core/queues.ts";
import type { Broker, OutgoingMessage, Timer } from "../../ports/broker.ts";
import type { Clock } from "../../ports/machine.ts";
import { grpcCode, grpcStatus, isDenied } from "../remote/service-response.ts";
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
  /** The address that tasks call, and the audience of their tokens. */
  readonly functionUrl: string;
  /** Service account of the tokens. */
  readonly caller: string;
}

/** The subjects of a queue's pending tasks, listed at most once for each publish. */
type PendingByQueue = Map<string, Promise<ReadonlySet<string>>>;

/** Makes the body of a call of the function. `publishedAt` is in milliseconds since 1970. */
export type DispatchBody = (message: OutgoingMessage, publishedAt: number) => Buffer;

/**
 * Publishes messages as tasks of Cloud Tasks that call the function, one Cloud Tasks queue for each queue of Baton.
 * That queue enforces the concurrency and rate limit, also for delayed messages. The name of a task begins with the
 * hash of its message, its subject, so that listing a queue shows which messages it holds.
 * Throws `QUEUE_MISSING`, `QUEUE_DENIED` and `QUEUE_FAILED`; some of the messages may have been published then.
 */
export class DispatchQueues implements Broker, Timer {
  readonly #settings: DispatchSettings;
  readonly #connection: CloudTasksConnection;
  readonly #clock: Clock;
  readonly #toBody: DispatchBody;

  constructor(settings: DispatchSettings, clock: Clock, toBody: DispatchBody) {
    this.#settings = settings;
    this.#connection = new CloudTasksConnection(settings);
    this.#clock = clock;
    this.#toBody = toBody;
  }

  /**
   * Sends one request for each message, some at a time. After a failure no other message of that queue is sent; other
   * queues continue. A message of the sweeper is sent only if no task for it is pending.
   */
  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const queued = messages.values();
    const pendingByQueue: PendingByQueue = new Map();
    const failures = new Map<string, unknown>();
    const work = async () => {
      for (const message of queued) {
        if (failures.has(message.queue)) continue;
        await this.#publish(message, pendingByQueue).catch((error: unknown) =>
          failures.set(message.queue, error),
        );
      }
    };
    const workers = Math.min(messages.length, taskQueueLimits.parallelTaskCreations);
    await Promise.all(Array.from({ length: workers }, work));
    for (const failure of failures.values()) throw failure;
  }

  /** Delays are cut to `taskQueueLimits.timerHorizonSeconds`. The handler of an early message schedules it again. */
  async schedule(message: OutgoingMessage, delayMs: number): Promise<void> {
    if (delayMs <= 0) return this.publish([message]);
    const dueSecond = toDueSecond(this.#clock.now(), delayMs);
    await this.#create(message, dueSecond * 1_000, [String(dueSecond)], dueSecond);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** A task of a batch may run several times, each time under another name. */
  async #publish(message: OutgoingMessage, pendingByQueue: PendingByQueue): Promise<void> {
    if (isRedriven(message)) {
      const pending = await this.#pendingSubjects(message.queue, pendingByQueue);
      if (pending.has(this.#subject(message))) return;
    }
    const suffixes = Array.from({ length: taskQueueLimits.numberedTaskNames }, (_, index) => `now-${index}`);
    await this.#create(message, this.#clock.now(), suffixes, undefined);
  }

  #pendingSubjects(queue: string, pendingByQueue: PendingByQueue): Promise<ReadonlySet<string>> {
    const existing = pendingByQueue.get(queue);
    if (existing) return existing;
    const pending = this.#listPendingSubjects(queue);
    pendingByQueue.set(queue, pending);
    return pending;
  }

  /** May include a task that ends during the listing. The next sweep finds that it is gone. */
  async #listPendingSubjects(queue: string): Promise<ReadonlySet<string>> {
    const now = this.#clock.now();
    const names = await this.#withQueue(queue, ({ path }) => pendingTaskNames(this.#connection, path, now));
    return new Set(names.map(subjectFromName));
  }

  /** Includes address and caller: a task with other ones does not replace this one. */
  #subject({ message }: OutgoingMessage): string {
    const { functionUrl, caller } = this.#settings;
    return taskName(`${functionUrl} ${caller} ${messageKey(message)}`);
  }

  /** Creates the task under the first free name, or else under a random one. */
  async #create(
    message: OutgoingMessage,
    publishedAt: number,
    suffixes: readonly string[],
    dueSecond: number | undefined,
  ): Promise<void> {
    const { functionUrl, caller } = this.#settings;
    const subject = this.#subject(message);
    const names = [...suffixes, randomUUID()].map((suffix) => `${subject}-${suffix}`);
    const request: TaskRequest = {
      url: functionUrl,
      body: this.#toBody(message, publishedAt),
      token: { kind: "identity", serviceAccount: caller, audience: functionUrl },
      deadlineSeconds: limits.deliveryDeadlineSeconds,
    };
    await this.#withQueue(message.queue, (tasks) => tasks.createOnce(request, names, dueSecond));
  }

  async #withQueue<Result>(queue: string, action: (tasks: TaskQueue) => Promise<Result>): Promise<Result> {
    const tasks = new TaskQueue(this.#connection, taskQueueName(this.#settings.prefix, queue));
    try {
      return await action(tasks);
    } catch (thrown) {
      throw toQueueError(tasks.path, thrown);
    }
  }
}

/** Published by a sweeper, which does not know whether the message is still in the queue. */
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

interface QueuedTask {
  /** The last part of its full name. */
  readonly name: string;
  /** Milliseconds since 1970. A failed try moves it. */
  readonly dueAt: number;
  /** Whether Cloud Tasks has sent it at least once: it is running, or will be retried. */
  readonly isDispatched: boolean;
}

/**
 * Names of the tasks that have been dispatched, or are due within `taskQueueLimits.dueSoonSeconds`. Later ones are left
 * out: an event may already have ended their wait. `now` is in milliseconds since 1970. Throws what the client throws.
 */
async function pendingTaskNames(
  connection: CloudTasksConnection,
  queuePath: string,
  now: number,
): Promise<string[]> {
  const soon = now + taskQueueLimits.dueSoonSeconds * 1_000;
  const names: string[] = [];
  for await (const { name, dueAt, isDispatched } of queuedTasks(connection, queuePath))
    if (isDispatched || dueAt <= soon) names.push(name);
  return names;
}

/** Reads page by page, in no order. May miss or include tasks that are created or end meanwhile. */
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
    isDispatched: Boolean(dispatchCount),
  };
}
