import { randomInt } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { GrpcError } from "../kit/grpc-server.ts";
import type { SendOutcome } from "../kit/http-sender.ts";
import type { Timeline } from "../kit/timeline.ts";
import { Pace } from "./pace.ts";
import { backoffMs, isGivenUp, type RateLimits, type RetryConfig } from "./settings.ts";
import { Tombstones } from "./tombstones.ts";
import type { WireHttpRequest } from "./wire.ts";

/** A task that is pending: it waits for its time or its turn, or is being dispatched. */
export interface Task {
  readonly name: string;
  readonly request: WireHttpRequest;
  readonly deadlineMs: number;
  /** When it was asked for, in milliseconds since 1970; moves with every retry. */
  scheduledAt: number;
  readonly createdAt: number;
  /** The same moment on the timeline, whose seconds may be shorter. */
  readonly createdOnTimelineMs: number;
  failures: number;
  dispatches: number;
  /** Answers of any status. */
  responses: number;
  previousResponse: number | undefined;
  isGone: boolean;
  /** Calls off the wait for its time. */
  stopWaiting: () => void;
}

export interface NewTask {
  /** Empty: the queue finds one. */
  readonly name: string;
  readonly request: WireHttpRequest;
  readonly deadlineMs: number;
  readonly scheduledAt: number | undefined;
}

export interface QueueParts {
  readonly name: string;
  readonly rateLimits: RateLimits;
  readonly retryConfig: RetryConfig;
  readonly timeline: Timeline;
  readonly tombstoneMs: number;
  dispatch(task: Task): Promise<SendOutcome>;
  /** Called whenever there is less to do. */
  onProgress(): void;
}

/** One try of a task, in milliseconds of the server's time. */
export interface Dispatch {
  readonly task: string;
  readonly begunAt: number;
  /** Undefined: it is under way. */
  endedAt: number | undefined;
}

export class Queue {
  readonly tasks = new Map<string, Task>();
  /** In the order in which they began. */
  readonly dispatches: Dispatch[] = [];
  readonly #parts: QueueParts;
  readonly #pace: Pace;
  readonly #tombstones: Tombstones;
  #due: Task[] = [];
  #next = 0;
  #dispatching = 0;

  constructor(parts: QueueParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.rateLimits, parts.timeline);
    this.#tombstones = new Tombstones(parts.timeline, parts.tombstoneMs);
  }

  /** Throws ALREADY_EXISTS for a name that is, or was not long ago, another task's. */
  create({ name, request, deadlineMs, scheduledAt }: NewTask): Task {
    const now = Date.now();
    if (name !== "" && (this.tasks.has(name) || this.#tombstones.has(name))) {
      throw new GrpcError(status.ALREADY_EXISTS, `Requested entity already exists: ${name}`);
    }
    const task: Task = {
      name: name || this.#freeName(),
      request,
      deadlineMs,
      scheduledAt: scheduledAt ?? now,
      createdAt: now,
      createdOnTimelineMs: this.#parts.timeline.elapsedMs(),
      failures: 0,
      dispatches: 0,
      responses: 0,
      previousResponse: undefined,
      isGone: false,
      stopWaiting: () => {},
    };
    this.tasks.set(task.name, task);
    this.#wait(task, task.scheduledAt - now);
    return task;
  }

  /** Throws NOT_FOUND. */
  task(name: string): Task {
    const task = this.tasks.get(name);
    if (!task) throw new GrpcError(status.NOT_FOUND, `Requested entity was not found: ${name}`);
    return task;
  }

  /** A dispatch under way continues, but is the last. */
  delete(name: string): void {
    this.#end(this.task(name));
  }

  /** Tasks whose time comes within that many milliseconds have their turn now. Gives how many. */
  hasten(withinMs: number): number {
    const horizon = Date.now() + withinMs;
    const waiting = [...this.tasks.values()].filter((task) => task.stopWaiting !== notWaiting);
    const hastened = waiting.filter(({ scheduledAt }) => scheduledAt <= horizon);
    for (const task of hastened) {
      task.stopWaiting();
      this.#turn(task);
    }
    return hastened.length;
  }

  close(): void {
    for (const task of this.tasks.values()) task.isGone = true;
    this.tasks.clear();
    this.#parts.onProgress();
  }

  #wait(task: Task, delayMs: number): void {
    task.stopWaiting = this.#parts.timeline.after(delayMs, () => this.#turn(task));
  }

  #turn(task: Task): void {
    task.stopWaiting = notWaiting;
    this.#due.push(task);
    this.#dispatchDue();
  }

  #dispatchDue(): void {
    while (this.#next < this.#due.length) {
      if (this.#dispatching >= this.#parts.rateLimits.maxConcurrentDispatches) return;
      if (!this.#pace.take(() => this.#dispatchDue())) return;
      const task = this.#due[this.#next++];
      if (task && !task.isGone) void this.#dispatch(task);
    }
    this.#due = [];
    this.#next = 0;
  }

  async #dispatch(task: Task): Promise<void> {
    this.#dispatching++;
    task.dispatches++;
    const { timeline } = this.#parts;
    const dispatch: Dispatch = { task: task.name, begunAt: timeline.elapsedMs(), endedAt: undefined };
    this.dispatches.push(dispatch);
    const outcome = await this.#parts.dispatch(task);
    dispatch.endedAt = timeline.elapsedMs();
    this.#dispatching--;
    if (outcome.kind === "answer") {
      task.responses++;
      task.previousResponse = outcome.status;
    }
    const isDone = outcome.kind === "answer" && outcome.status >= 200 && outcome.status < 300;
    if (isDone) this.#end(task);
    else if (!task.isGone) this.#retry(task);
    this.#parts.onProgress();
    this.#dispatchDue();
  }

  #retry(task: Task): void {
    const { retryConfig, timeline } = this.#parts;
    task.failures++;
    if (isGivenUp(retryConfig, task.failures, timeline.elapsedMs() - task.createdOnTimelineMs)) {
      this.#end(task);
      return;
    }
    const delayMs = backoffMs(retryConfig, task.failures);
    task.scheduledAt = Date.now() + delayMs;
    this.#wait(task, delayMs);
  }

  #end(task: Task): void {
    if (task.isGone) return;
    task.isGone = true;
    task.stopWaiting();
    this.tasks.delete(task.name);
    this.#tombstones.add(task.name);
    this.#parts.onProgress();
  }

  /** Google's are numbers too. */
  #freeName(): string {
    for (;;) {
      const name = `${this.#parts.name}/tasks/${randomInt(2 ** 47)}${randomInt(10 ** 5)}`;
      if (!this.tasks.has(name) && !this.#tombstones.has(name)) return name;
    }
  }
}

/** A mark: its time has come. */
function notWaiting(): void {}
