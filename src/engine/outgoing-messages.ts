import { finalEventId } from "../core/callback.ts";
import { BatonError } from "../core/errors/errors.ts";
import type { Ending } from "../core/joins.ts";
import { CALLBACK_QUEUE, CONTROL_QUEUE, type TaskMessage } from "../core/messages.ts";
import type { TaskDefinition } from "../core/workflow/definition.ts";
import { END_TASK_ID } from "../core/workflow/definition.ts";
import type { Broker, OutgoingMessage } from "../ports/broker.ts";
import type { DocumentStore, MaybePromise, SyncMark } from "../ports/store.ts";
import type { PinnedBatch } from "./records/batches.ts";

export function executeMessage(
  batch: PinnedBatch,
  taskId: string,
  options: Pick<TaskMessage, "redrive"> = {},
): OutgoingMessage {
  const queue =
    taskId === END_TASK_ID ? CONTROL_QUEUE : (batch.graph.tasks.get(taskId)?.queue ?? CONTROL_QUEUE);
  return { queue, message: { kind: "task", batchId: batch.batchId, taskId, ready: true, ...options } };
}

export function completionMessage(
  batchId: string,
  taskId: string,
  ending: Ending,
  options: Pick<TaskMessage, "redrive" | "rest"> = {},
): OutgoingMessage {
  const message: TaskMessage = {
    kind: "task",
    batchId,
    taskId,
    previousTaskId: taskId,
    ending: { status: ending.status, reason: ending.reason },
    ...options,
  };
  return { queue: CONTROL_QUEUE, message };
}

export function callbackMessage(callbackId: string): OutgoingMessage {
  return { queue: CALLBACK_QUEUE, message: { kind: "callback", callbackId } };
}

/** For a task that has ended: the worker that ended it may have died before it published its final callback. */
export function finalCallbackMessages(batchId: string, task: TaskDefinition): OutgoingMessage[] {
  return task.callback ? [callbackMessage(finalEventId({ batchId, taskId: task.id }))] : [];
}

/** A completion without the ending: its handler reads the ending from the TaskLog. */
export function unverifiedCompletionMessage(batchId: string, taskId: string): OutgoingMessage {
  return { queue: CONTROL_QUEUE, message: { kind: "task", batchId, taskId, previousTaskId: taskId } };
}

/**
 * Work whose messages must never announce a write that was undone: a store may undo a write after it has answered. The
 * unit remembers when it started, and checks its writes before each publish.
 */
export class UnitOfWork {
  readonly #store: DocumentStore;
  readonly #broker: Broker;
  readonly #since: SyncMark;

  constructor({ store, broker }: { readonly store: DocumentStore; readonly broker: Broker }) {
    this.#store = store;
    this.#broker = broker;
    this.#since = store.mark();
  }

  /**
   * Publishes messages that follow from the writes of this unit. The check and the publish run in the same tick. Throws
   * `STORE_FAILED` if a write was undone.
   */
  publish(messages: readonly OutgoingMessage[]): MaybePromise<void> {
    if (this.#store.mark() !== this.#since)
      return Promise.reject(new BatonError("STORE_FAILED", "A write was undone before it was announced"));
    return this.#broker.publish(messages);
  }

  /** Returns when all writes of this unit are durable. Throws if one of them was undone. */
  durable(): MaybePromise<void> {
    return this.#store.sync(this.#since);
  }
}
