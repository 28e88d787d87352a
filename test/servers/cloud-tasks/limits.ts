import { status } from "@grpc/grpc-js";
import { GrpcError } from "../kit/grpc-server.ts";
import { millisecondsOf, type WireHttpRequest, type WireTask } from "./wire.ts";

const mostTaskBytes = 100 * 1_024;
const furthestMs = 30 * 86_400_000;
const leastDeadlineMs = 15_000;
const mostDeadlineMs = 1_800_000;
const taskId = /^[A-Za-z0-9_-]{1,500}$/;
const queueName = /^projects\/[^/]+\/locations\/[^/]+\/queues\/[A-Za-z0-9-]{1,100}$/;

export function checkQueueName(name: string, parent: string): void {
  if (!queueName.test(name) || !name.startsWith(`${parent}/queues/`)) {
    refuse(`Queue.name must be ${parent}/queues/<letters, digits and hyphens>; it is ${name}`);
  }
}

/** Refuses, with INVALID_ARGUMENT, the tasks that Google refuses; gives what the task asks for. */
export function checkTask(task: WireTask, queue: string, now: number): WireHttpRequest {
  const { name, httpRequest, scheduleTime, dispatchDeadline } = task;
  if (!httpRequest) refuse("Only tasks with an HTTP request are served here");
  if (name !== "" && !(name.startsWith(`${queue}/tasks/`) && taskId.test(idOf(name)))) {
    refuse(
      `Task.name must be ${queue}/tasks/<up to 500 letters, digits, hyphens and underscores>; it is ${name}`,
    );
  }
  if (!/^https?:\/\//.test(httpRequest.url) || !URL.canParse(httpRequest.url)) {
    refuse(`HttpRequest.url must be a complete http or https URL; it is ${httpRequest.url}`);
  }
  if (httpRequest.body.length > 0 && !mayHaveBody(httpRequest.httpMethod)) {
    refuse(`HTTP requests with the method ${httpRequest.httpMethod} have no body`);
  }
  if (scheduleTime && millisecondsOf(scheduleTime) > now + furthestMs) {
    refuse("Task.scheduleTime is too far in the future; it must be no more than 30 days ahead");
  }
  const deadlineMs = dispatchDeadline ? millisecondsOf(dispatchDeadline) : leastDeadlineMs;
  if (deadlineMs < leastDeadlineMs || deadlineMs > mostDeadlineMs) {
    refuse("Task.dispatchDeadline must be between 15 s and 30 min");
  }
  const bytes = bytesOf(name, httpRequest);
  if (bytes > mostTaskBytes) refuse(`Task size too large: ${bytes} bytes; the most is ${mostTaskBytes}`);
  return httpRequest;
}

export function idOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

function mayHaveBody(method: string): boolean {
  return ["HTTP_METHOD_UNSPECIFIED", "POST", "PUT", "PATCH"].includes(method);
}

function bytesOf(name: string, { url, headers, body }: WireHttpRequest): number {
  const texts = [name, url, ...Object.entries(headers).flat()];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), body.length);
}

function refuse(message: string): never {
  throw new GrpcError(status.INVALID_ARGUMENT, message);
}
