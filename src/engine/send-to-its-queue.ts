import type { PinnedBatch } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import { executeMessage } from "./messages.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

/** How a message came in. */
export interface Arrival {
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
export async function sendToItsQueue(
  dependencies: Dependencies,
  batch: PinnedBatch,
  taskId: string,
  { queue, unit }: Arrival,
): Promise<boolean> {
  const itsMessage = executeMessage(batch, taskId);
  const isLimited = dependencies.settings.limitedQueues?.has(itsMessage.queue) ?? false;
  if (!isLimited || itsMessage.queue === queue) return false;
  await unit.publish([itsMessage]);
  return true;
}
