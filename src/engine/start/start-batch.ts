import { deriveBatchId, newBatch, newBatchId, objectKey } from "../../core/batch.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import type { ObjectMessage, StartMessage } from "../../core/messages.ts";
import type { TaskBatch } from "../../core/records.ts";
import { type Schedule, slotInput, slotKey, slotText } from "../../core/schedule/schedule.ts";
import { encodeJson, type JsonValue } from "../../core/values/json.ts";
import type { Graph } from "../../core/workflow/graph.ts";
import { DropMatcher, isTriggeredBy, nonDropReason } from "../../core/workflow/trigger.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import type { Ports } from "../dependencies.ts";
import { executeMessage, UnitOfWork } from "../outgoing-messages.ts";
import type { Batches } from "../records/batches.ts";
import type { Definitions } from "../records/definitions.ts";

export interface Started {
  /** The batch of the key. If it failed and was retried: the run that represents its lineage. */
  readonly batchId: string;
  /** False: the key had started the batch before. */
  readonly created: boolean;
}

export interface StartParts extends Ports<"catalog" | "store" | "broker" | "ids" | "clock" | "logger"> {
  readonly definitions: Definitions;
  readonly batches: Batches;
}

/** Starts a batch for a message. Throws `WORKFLOW_UNKNOWN`, `INPUT_INVALID`, `INPUT_TOO_LARGE`. */
export async function startByMessage(parts: StartParts, message: StartMessage): Promise<Started> {
  const workflow = await parts.catalog.find(message.workflowId);
  if (!workflow) throw new BatonError("WORKFLOW_UNKNOWN", `There is no workflow "${message.workflowId}"`);
  const { workflowId, input = null, key } = message;
  if (key !== undefined) return startByKey(parts, workflow, input, key, `key ${key}`);
  return startBatch(
    parts,
    workflow,
    input,
    newBatchId(workflowId, parts.ids.unique(), parts.clock.now()),
    "manual",
  );
}

/**
 * Starts each workflow that a file triggers. One that rejects the input does not stop the others; throws afterwards.
 */
export async function startByObject(parts: StartParts, message: ObjectMessage): Promise<Started[]> {
  const { bucket, object, generation } = message;
  const started: Started[] = [];
  const errors: unknown[] = [];
  const workflows = await parts.catalog.all();
  logIfUntaken(parts, message, workflows);
  for (const workflow of workflows) {
    if (!workflow.triggers.some((trigger) => isTriggeredBy(trigger, message))) continue;
    const key = objectKey(message);
    try {
      const batch = await startByKey(parts, workflow, { bucket, object, generation }, key, key);
      if (!batch.created) logStartedBefore(parts, message, batch);
      started.push(batch);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors.find(isRetryable) ?? errors[0];
  return started;
}

/** Only this place knows why a file starts nothing. A folder or an unfinished file is expected, hence `debug`. */
function logIfUntaken(
  { logger }: StartParts,
  { bucket, object, generation }: ObjectMessage,
  workflows: readonly DeployedWorkflow[],
): void {
  const reason = new DropMatcher(bucket, workflows).explainMismatch(object);
  if (reason === undefined) return;
  const level = nonDropReason(object) === undefined ? "info" : "debug";
  logger[level]("no workflow takes the file", { bucket, object, generation, reason });
}

function logStartedBefore(
  { logger }: StartParts,
  { bucket, object, generation }: ObjectMessage,
  { batchId }: Started,
): void {
  logger.info("the file has started this batch before", {
    bucket,
    object,
    generation,
    batchId,
  });
}

/** Starts the batch of a slot. Its id follows from the slot, so a slot never starts two. Throws `INPUT_INVALID`. */
export function startBySlot(
  parts: StartParts,
  workflow: DeployedWorkflow,
  schedule: Schedule,
  slot: number,
): Promise<Started> {
  const key = slotKey(schedule, slot);
  return startByKey(parts, workflow, slotInput(schedule, slot), key, `schedule ${slotText(slot)}`);
}

function startByKey(
  parts: StartParts,
  workflow: DeployedWorkflow,
  input: JsonValue,
  key: string,
  startedBy: string,
): Promise<Started> {
  return startBatch(parts, workflow, input, deriveBatchId(workflow.definition.workflowId, key), startedBy);
}

async function startBatch(
  parts: StartParts,
  workflow: DeployedWorkflow,
  rawInput: JsonValue,
  batchId: string,
  startedBy: string,
): Promise<Started> {
  const { ids, clock, definitions } = parts;
  const { workflowId } = workflow.definition;
  const input = workflow.parseInput(rawInput);
  assertStorable(input, `workflow ${workflowId}`);
  const graph = await definitions.save(workflow.definition);
  const batch = newBatch(
    { batchId, workflowId, definitionHash: graph.hash, input, startedBy },
    { nonce: ids.unique(), now: clock.now() },
  );
  return create(parts, batch, graph).catch((thrown: unknown) => rethrowWithBatchId(batchId, thrown));
}

async function create(parts: StartParts, batch: TaskBatch, graph: Graph): Promise<Started> {
  const { logger, batches } = parts;
  const { batchId, workflowId, startedBy } = batch;
  const unit = new UnitOfWork(parts);
  const { kind } = await batches.create(batch, graph);
  if (kind === "won") logger.info("batch started", { batchId, workflowId, startedBy });
  if (kind === "won") return publishRoots(parts, unit, { batchId, created: true });
  const answering = await batches.answering((await batches.read(batchId)).data);
  const started = { batchId: answering.batchId, created: false };
  // The process that created the batch may have died before it published the roots.
  // mutation: repeated-start-publishes-the-roots
  if (answering.status === "RUNNING") return publishRoots(parts, unit, started);
  return started;
}

async function publishRoots({ batches }: StartParts, unit: UnitOfWork, started: Started): Promise<Started> {
  const pinned = await batches.pinned(started.batchId);
  const messages = pinned.graph.roots.map((taskId) => executeMessage(pinned, taskId));
  await unit.publish(messages);
  return started;
}

/**
 * Adds the batch id to an error: the batch exists, or may exist if its creation timed out. The sweep will start it, so
 * the caller must be able to find it.
 */
function rethrowWithBatchId(batchId: string, thrown: unknown): never {
  if (!(thrown instanceof BatonError)) throw thrown;
  const { code, message, remedy, details } = thrown;
  throw new BatonError(code, message, { cause: thrown, remedy, details: { ...details, batchId } });
}

/**
 * If the start of any workflow failed with a retryable error, that one is thrown, so that the message is redelivered.
 */
export function isRetryable(error: unknown): boolean {
  return !(error instanceof BatonError) || error.disposition !== "dead-letter";
}

/** Throws `INPUT_INVALID`, `INPUT_TOO_LARGE`. */
export function assertStorable(input: JsonValue, where: string): void {
  const encoded = encodeJson(input);
  if (!encoded.ok)
    throw new BatonError("INPUT_INVALID", `The input is not JSON: ${encoded.path}: ${encoded.problem}`, {
      where,
    });
  if (encoded.bytes > limits.inputBytes)
    throw new BatonError(
      "INPUT_TOO_LARGE",
      `The input has ${encoded.bytes} bytes; at most ${limits.inputBytes} fit`,
      { where },
    );
}
