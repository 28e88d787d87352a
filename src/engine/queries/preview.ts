import { deriveBatchId, objectKey } from "../../core/batch.ts";
import { BatonError } from "../../core/errors/errors.ts";
import type { Message, ObjectMessage, StartMessage, TaskMessage } from "../../core/messages.ts";
import type { BatchStatus } from "../../core/records.ts";
import type { JsonValue } from "../../core/values/json.ts";
import { END_TASK_ID } from "../../core/workflow/definition.ts";
import { isTriggeredBy } from "../../core/workflow/trigger.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import type { CallbackOutbox } from "../callback-outbox.ts";
import type { Ports } from "../dependencies.ts";
import type { Batches } from "../records/batches.ts";
import { assertStorable } from "../start/start-batch.ts";

export interface PreviewedBatch {
  readonly batchId: string;
  /** Null: it does not exist yet. */
  readonly status: BatchStatus | null;
}

type KeyedStart = StartMessage & { readonly key: string };

/** A start needs a key, so that a second delivery starts nothing. */
export type PublishedMessage = Exclude<Message, StartMessage> | KeyedStart;

export interface Preview {
  /** Batches that the message starts, has started, or names. Empty for a sweep, a tick and a callback. */
  readonly batches: readonly PreviewedBatch[];
}

export interface PreviewParts extends Ports<"catalog"> {
  readonly batches: Batches;
  readonly outbox: CallbackOutbox;
}

/**
 * Shows what a message will do, and writes nothing. Throws the errors with which the handler would reject it:
 * `WORKFLOW_UNKNOWN`, `INPUT_INVALID`, `INPUT_TOO_LARGE`, `BATCH_UNKNOWN`, `BATCH_EXPIRED`, `TASK_UNKNOWN`,
 * `CALLBACK_UNKNOWN`.
 */
export async function previewMessage(parts: PreviewParts, message: PublishedMessage): Promise<Preview> {
  switch (message.kind) {
    case "start":
      return { batches: [await previewStart(parts, message)] };
    case "object":
      return { batches: await previewObject(parts, message) };
    case "task":
      return { batches: [await previewTask(parts, message)] };
    case "event":
    case "redrive":
      return { batches: [await existingBatch(parts, message.batchId)] };
    case "callback":
      if (!(await parts.outbox.read(message.callbackId)))
        throw new BatonError("CALLBACK_UNKNOWN", `There is no callback ${message.callbackId}`);
      return { batches: [] };
    case "sweep":
    case "tick":
      return { batches: [] };
  }
}

async function previewStart(
  parts: PreviewParts,
  { workflowId, input, key }: KeyedStart,
): Promise<PreviewedBatch> {
  const workflow = await parts.catalog.find(workflowId);
  if (!workflow)
    throw new BatonError("WORKFLOW_UNKNOWN", `There is no workflow "${workflowId}"`, {
      details: { workflowId },
    });
  assertStartable(workflow, input ?? null);
  return findBatch(parts, deriveBatchId(workflowId, key));
}

/** Throws if one workflow rejects the file: the others would start, but the rejection becomes a dead letter. */
async function previewObject(parts: PreviewParts, message: ObjectMessage): Promise<PreviewedBatch[]> {
  const { bucket, object, generation } = message;
  const previewed: PreviewedBatch[] = [];
  for (const workflow of await parts.catalog.all()) {
    if (!workflow.triggers.some((trigger) => isTriggeredBy(trigger, message))) continue;
    assertStartable(workflow, { bucket, object, generation });
    previewed.push(await findBatch(parts, deriveBatchId(workflow.definition.workflowId, objectKey(message))));
  }
  return previewed;
}

async function previewTask(parts: PreviewParts, message: TaskMessage): Promise<PreviewedBatch> {
  const { batchId } = message;
  const { graph } = await parts.batches.pinned(batchId);
  const taskId = message.previousTaskId ?? message.taskId;
  if (taskId !== END_TASK_ID && !graph.tasks.has(taskId))
    throw new BatonError("TASK_UNKNOWN", `Batch ${batchId} has no task ${taskId}`);
  return existingBatch(parts, batchId);
}

async function existingBatch({ batches }: PreviewParts, batchId: string): Promise<PreviewedBatch> {
  await batches.pinned(batchId);
  const { status } = (await batches.read(batchId)).data;
  return { batchId, status };
}

/** If the key was used before: the run that represents the lineage. */
async function findBatch({ batches }: PreviewParts, batchId: string): Promise<PreviewedBatch> {
  const found = await batches.find(batchId);
  if (!found) return { batchId, status: null };
  const answering = await batches.answering(found.data);
  return { batchId: answering.batchId, status: answering.status };
}

/** Throws `INPUT_INVALID`, `INPUT_TOO_LARGE`. */
function assertStartable(workflow: DeployedWorkflow, rawInput: JsonValue): void {
  assertStorable(workflow.parseInput(rawInput), `workflow ${workflow.definition.workflowId}`);
}
