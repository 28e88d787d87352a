import type { Message } from "../../src/core/messages.ts";
import type { Documents } from "../../src/testing/world/documents.ts";
import {
  batchOfMessage,
  runSubject,
  type SimulatedBroker,
} from "../../src/testing/world/simulated-broker.ts";
import type { World } from "../../src/testing/world/world.ts";
import { hasEnded } from "./oracle.ts";
import { findBatch, findLog } from "./parsed.ts";
import type { People } from "./people.ts";

interface Sight {
  readonly world: World;
  readonly documents: Documents;
  readonly broker: SimulatedBroker;
  readonly people: People;
}

/**
 * Invariants 6 to 8 of the design, in a world without a sweeper: when a message has been acknowledged, others are under
 * way that take its batch further, and its task if that has started. A cancel, and a retry without an answer, are
 * continued by their callers, and a dead letter by an operator.
 */
export function checkAcknowledged({ world, documents, broker, people }: Sight, message: Message): void {
  const batchId = batchOfMessage(message);
  const batch = batchId === undefined ? undefined : findBatch(documents, batchId);
  if (batch?.status !== "RUNNING" || batch.cancelRequested || hasDeadLetters(documents)) return;
  if (people.isAsking(batch.startedBy.replace(/^retry of/, "retry"))) return;
  if (!broker.isOutstanding(batch.batchId))
    world.violate(
      "something-goes-on",
      `${batch.batchId} is RUNNING, and no message or worker takes it further`,
    );
  if (message.kind !== "task") return;
  const log = findLog(documents, message.batchId, message.taskId);
  if (log && !hasEnded(log) && !broker.isOutstanding(runSubject(message.batchId, message.taskId)))
    world.violate(
      "something-goes-on",
      `${message.batchId}/${message.taskId} is ${log.status}, and no message or worker takes it further`,
    );
}

function hasDeadLetters(documents: Documents): boolean {
  return documents.all("deadLetters").some(({ data }) => data.replayedAt === null);
}
