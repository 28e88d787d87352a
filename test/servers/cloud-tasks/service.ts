import { status } from "@grpc/grpc-js";
import { GrpcError, type GrpcServiceSpec } from "../kit/grpc-server.ts";
import type { Meter } from "../kit/meter.ts";
import { checkQueueName, checkTask } from "./limits.ts";
import type { Queue, Task } from "./queue.ts";
import { millisecondsOf, type WireQueue, type WireTask, wireTimeOf } from "./wire.ts";

const defaultDeadlineMs = 600_000;

export interface OpenQueue {
  readonly settings: WireQueue;
  readonly queue: Queue;
}

export interface ServiceParts {
  readonly queues: Map<string, OpenQueue>;
  readonly meter: Meter;
  readonly hasTokens: boolean;
  open(settings: WireQueue): OpenQueue;
}

interface Viewed {
  readonly responseView: string;
}

/** google.cloud.tasks.v2.CloudTasks. */
export function cloudTasksHandlers(parts: ServiceParts): GrpcServiceSpec["handlers"] {
  const { queues } = parts;
  const find = (name: string): OpenQueue => {
    const found = queues.get(name);
    if (!found) throw new GrpcError(status.NOT_FOUND, `Queue does not exist: ${name}`);
    return found;
  };
  return {
    CreateQueue: ({ parent, queue }: { parent: string; queue: WireQueue }) => {
      checkQueueName(queue.name, parent);
      if (queues.has(queue.name)) {
        throw new GrpcError(status.ALREADY_EXISTS, `Queue already exists: ${queue.name}`);
      }
      const opened = parts.open(queue);
      queues.set(queue.name, opened);
      return opened.settings;
    },
    GetQueue: ({ name }: { name: string }) => find(name).settings,
    CreateTask: ({ parent, task, responseView }: Viewed & { parent: string; task: WireTask }) => {
      const { queue } = find(parent);
      return toWire(create(parts, queue, parent, task), responseView);
    },
    GetTask: ({ name, responseView }: Viewed & { name: string }) =>
      toWire(find(queueOf(name)).queue.task(name), responseView),
    DeleteTask: ({ name }: { name: string }) => {
      find(queueOf(name)).queue.delete(name);
      return {};
    },
    ListTasks: ({
      parent,
      pageSize,
      pageToken,
      responseView,
    }: Viewed & {
      parent: string;
      pageSize: number;
      pageToken: string;
    }) => {
      const rest = [...find(parent).queue.tasks.values()]
        .filter(({ name }) => name > pageToken)
        .sort((one, other) => (one.name < other.name ? -1 : 1));
      const page = rest.slice(0, Math.min(pageSize || 1_000, 1_000));
      const nextPageToken = page.length < rest.length ? page.at(-1)?.name : "";
      return { tasks: page.map((task) => toWire(task, responseView)), nextPageToken };
    },
  };
}

function create({ meter, hasTokens }: ServiceParts, queue: Queue, parent: string, task: WireTask): Task {
  const request = checkTask(task, parent, Date.now());
  if (request.oidcToken && !hasTokens) {
    throw new GrpcError(
      status.FAILED_PRECONDITION,
      "This server was started without `oidc`: it has no tokens",
    );
  }
  const created = queue.create({
    name: task.name,
    request,
    deadlineMs: task.dispatchDeadline ? millisecondsOf(task.dispatchDeadline) : defaultDeadlineMs,
    scheduledAt: task.scheduleTime ? millisecondsOf(task.scheduleTime) : undefined,
  });
  meter.add("tasks_created");
  return created;
}

function queueOf(taskName: string): string {
  return taskName.replace(/\/tasks\/[^/]*$/, "");
}

/** Bodies are shown only when asked for. */
function toWire(task: Task, view: string): object {
  const { body, ...withoutBody } = task.request;
  const isFull = view === "FULL";
  return {
    name: task.name,
    httpRequest: isFull ? { ...withoutBody, body } : withoutBody,
    scheduleTime: wireTimeOf(task.scheduledAt),
    createTime: wireTimeOf(task.createdAt),
    dispatchDeadline: wireTimeOf(task.deadlineMs),
    dispatchCount: task.dispatches,
    responseCount: task.responses,
    view: isFull ? "FULL" : "BASIC",
  };
}
