import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import type { StartMessage } from "../../core/messages.ts";
import type { ScheduleCursor } from "../../core/records.ts";
import { decideDueSlots, type Schedule, slotInput, slotKey, slotText } from "../../core/schedule/schedule.ts";
import { isoTime } from "../../core/values/time.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import type { DocumentStore } from "../../ports/store.ts";
import type { DeadLetters } from "../dead-letters.ts";
import { durably } from "../records/commit.ts";
import { Records, recordKinds, type Stored } from "../records/records.ts";
import { isRetryable, type StartParts, startBySlot } from "./start-batch.ts";

export interface ScheduleParts extends StartParts {
  readonly deadLetters: DeadLetters;
}

/**
 * Starts batches at the times of schedules. The cursor of a schedule is a document that holds the last slot started.
 * Slots start first, then the cursor moves. A process that dies in between starts them again, without effect: the id of
 * a batch follows from its slot. For the same reason any number of processes may tick at once.
 * A schedule that fails does not stop the others; its error is thrown afterwards.
 */
export async function startDueSlots(parts: ScheduleParts): Promise<void> {
  const { catalog, logger } = parts;
  const failures: unknown[] = [];
  for (const workflow of await catalog.all())
    for (const trigger of workflow.triggers) {
      if (trigger.type !== "schedule") continue;
      try {
        await startDue(parts, workflow, trigger);
      } catch (error) {
        const { workflowId } = workflow.definition;
        logger.error("a schedule failed", { workflowId, cron: trigger.cron, error: errorMessage(error) });
        failures.push(error);
      }
    }
  if (failures.length > 0) throw failures[0];
}

async function startDue(parts: ScheduleParts, workflow: DeployedWorkflow, schedule: Schedule): Promise<void> {
  const { store, logger } = parts;
  const cursors = cursorsOf(store);
  const { workflowId } = workflow.definition;
  // By the clock of the store: clocks of workers may be wrong.
  const snapshot = await store.get(cursors.key({ ...schedule, workflowId }));
  const { readTime } = snapshot;
  const found = cursors.parse(snapshot);
  // A schedule starts when it is first seen; earlier slots do not count as missed.
  if (!found) return moveCursor(parts, workflowId, schedule, undefined, readTime);
  const { lastSlot } = found.data;
  const decision = decideDueSlots(schedule, lastSlot, readTime);
  const { due } = decision;
  if (decision.wasAhead)
    logger.warn("a schedule continues from now: the clock was ahead and has been set back", {
      workflowId,
      cron: schedule.cron,
      was: isoTime(lastSlot),
    });
  if (decision.skips) logger.warn("missed slots are skipped", { workflowId, cron: schedule.cron });
  const started = await startInOrder(parts, workflow, schedule, due);
  const reached = "failure" in started ? started.reached : decision.lastSlot;
  if (reached !== undefined && reached !== lastSlot)
    await moveCursor(parts, workflowId, schedule, found, reached);
  if ("failure" in started) throw started.failure;
}

/** Stops at the first slot that can't be started now, to keep the order. */
async function startInOrder(
  parts: ScheduleParts,
  workflow: DeployedWorkflow,
  schedule: Schedule,
  due: readonly number[],
): Promise<{ readonly reached: number | undefined; readonly failure?: unknown }> {
  let reached: number | undefined;
  for (const slot of due) {
    try {
      // The cursor must not move past a start that the store undoes.
      await durably(parts.store, () => startSlot(parts, workflow, schedule, slot));
    } catch (failure) {
      return { reached, failure };
    }
    reached = slot;
  }
  return { reached };
}

/** If the workflow rejects a slot, it becomes a dead letter. Its replay starts the same batch. */
async function startSlot(
  parts: ScheduleParts,
  workflow: DeployedWorkflow,
  schedule: Schedule,
  slot: number,
): Promise<void> {
  try {
    await startBySlot(parts, workflow, schedule, slot);
  } catch (error) {
    if (isRetryable(error) || !(error instanceof BatonError)) throw error;
    const { workflowId } = workflow.definition;
    parts.logger.error("a slot was refused", {
      workflowId,
      slot: slotText(slot),
      error: error.message,
    });
    const start: StartMessage = {
      kind: "start",
      workflowId,
      input: slotInput(schedule, slot),
      key: slotKey(schedule, slot),
    };
    const body = Buffer.from(JSON.stringify(start));
    const headers = { "content-type": "application/json" };
    const { code, message } = error;
    await parts.deadLetters.keep(body, { code, message, source: "schedule", headers });
  }
}

/** A version conflict does no harm: the other process has started the same slots, or will. */
async function moveCursor(
  { store, ids }: ScheduleParts,
  workflowId: string,
  { cron, timeZone }: Schedule,
  found: Stored<ScheduleCursor> | undefined,
  lastSlot: number,
): Promise<void> {
  await cursorsOf(store).write(found, { workflowId, cron, timeZone, lastSlot, nonce: ids.unique() });
}

function cursorsOf(store: DocumentStore) {
  return new Records(store, recordKinds.scheduleCursor);
}
