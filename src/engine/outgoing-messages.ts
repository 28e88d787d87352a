import { finalEventId } from "../core/callback.ts";
import { BatonError } from "../core/errors/errors.ts";
import type { Ending } from "../core/joins.ts";
import { CALLBACK_QUEUE, CONTROL_QUEUE, type TaskMessage } from "../core/messages.ts";
import type { TaskDefinition } from "../core/workflow/definition.ts";
import { END_TASK_ID } from "../core/workflow/definition.ts";
import type { Broker, OutgoingMessage } from "../ports/broker.ts";
import type { DocumentStore, SyncMark } from "../ports/store.ts";
import type { PinnedBatch } from "./records/batches.ts";

/** Run a task. */
export function executeMessage(
  batch: PinnedBatch,
  taskId: string,
  options: Pick<TaskMessage, "redrive"> = {},
): OutgoingMessage {
  const queue =
    taskId === END_TASK_ID ? CONTROL_QUEUE : (batch.graph.tasks.get(taskId)?.queue ?? CONTROL_QUEUE);
  return { queue, message: { kind: "task", batchId: batch.batchId, taskId, ready: true, ...options } };
}

/** A task has ended: see to its children. */
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

/** A final callback is to be sent. */
export function callbackMessage(callbackId: string): OutgoingMessage {
  return { queue: CALLBACK_QUEUE, message: { kind: "callback", callbackId } };
}

/** The final callback of a task that was found ended: whoever ended it may have died before it could publish. */
export function finalCallbackMessages(batchId: string, task: TaskDefinition): OutgoingMessage[] {
  return task.callback ? [callbackMessage(finalEventId({ batchId, taskId: task.id }))] : [];
}

/** A task has ended in a way that whoever handles this has to read. */
export function unverifiedCompletionMessage(batchId: string, taskId: string): OutgoingMessage {
  return { queue: CONTROL_QUEUE, message: { kind: "task", batchId, taskId, previousTaskId: taskId } };
}

/**
 * A stretch of work whose messages must not outlive its writes: a store may undo a write after it has answered. The unit
 * remembers the moment that it began, so every message that is published through it is checked against its writes.
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
   * Publishes what follows from the writes of this unit, unless any of them was undone. No other work comes between the
   * check and the publish. Throws `STORE_FAILED`.
   */
  publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.#store.mark() !== this.#since)
      return Promise.reject(new BatonError("STORE_FAILED", "What was to be announced has been undone"));
    return this.#broker.publish(messages);
  }

  /** Resolves when all writes of this unit are durable; throws when any of them was undone. */
  durable(): Promise<void> {
    return this.#store.sync(this.#since);
  }
}
