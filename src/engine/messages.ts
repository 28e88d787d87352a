import { finalEventId } from "../core/callback.ts";
import type { Ending } from "../core/joins.ts";
import { CALLBACK_QUEUE, CONTROL_QUEUE, type TaskMessage } from "../core/messages.ts";
import { END_TASK_ID } from "../core/values/text.ts";
import type { TaskDefinition } from "../core/workflow/definition.ts";
import type { OutgoingMessage } from "../ports/broker.ts";
import type { Dependencies } from "./dependencies.ts";
import type { PinnedBatch } from "./records/batches.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

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

/** How a message came in. */
export interface DeliveryContext {
  /** The queue that the message came through, where the transport tells. */
  readonly queue?: string | undefined;
  /** Begun before anything that follows from the message. */
  readonly unit: UnitOfWork;
}

/**
 * A task of a queue with limits whose message came another way (from a publisher that does not know of the limits, from
 * outside, from a timer or a dead letter of earlier days) is not run past them: it is published to its queue. True: so it was,
 * and what is published comes back through that queue.
 */
export async function rerouteToQueue(
  dependencies: Dependencies,
  batch: PinnedBatch,
  taskId: string,
  { queue, unit }: DeliveryContext,
): Promise<boolean> {
  const itsMessage = executeMessage(batch, taskId);
  const isLimited = dependencies.settings.limitedQueues?.has(itsMessage.queue) ?? false;
  if (!isLimited || itsMessage.queue === queue) return false;
  await unit.publish([itsMessage]);
  return true;
}
