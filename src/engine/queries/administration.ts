import type { StoredResult, TaskBatch } from "../../core/records.ts";
import type { Schedule } from "../../core/schedule/schedule.ts";
import type { JsonValue } from "../../core/values/json.ts";
import { type BatchSummary, type BatchView, batchSummary, batchView } from "../../core/views/views.ts";
import type { Graph } from "../../core/workflow/graph.ts";
import type { Ports } from "../dependencies.ts";
import { type ErasureParts, type ErasureReport, forgetBatch } from "../erasure/erase-batch.ts";
import type { Definitions } from "../records/definitions.ts";
import type { IdempotencyStore } from "../records/idempotency-records.ts";
import { Records, recordKinds } from "../records/records.ts";
import { readResult } from "../records/results.ts";
import type { StoredLog } from "../records/task-logs.ts";
import {
  type BatchFilter,
  type BatchListing,
  type BatchPage,
  listBatches,
  runsOfLineage,
} from "./batch-list.ts";
import { CallbackAdmin } from "./callbacks.ts";
import { IdempotencyAdmin } from "./idempotency-keys.ts";
import { Inspection } from "./inspect.ts";
import { type Preview, type PreviewParts, type PublishedMessage, previewMessage } from "./preview.ts";

export interface AdministrationParts
  extends ErasureParts,
    PreviewParts,
    Ports<"broker" | "callbackArchive" | "settings"> {
  readonly definitions: Definitions;
  readonly records: IdempotencyStore;
}

/** What people ask about batches, keys and callbacks, and how they change them. No message is handled here. */
export class Administration {
  readonly executions: IdempotencyAdmin;
  readonly callbacks: CallbackAdmin;
  readonly inspection: Inspection;
  readonly #parts: AdministrationParts;

  constructor(parts: AdministrationParts) {
    this.#parts = parts;
    this.executions = new IdempotencyAdmin(parts);
    this.callbacks = new CallbackAdmin(parts);
    this.inspection = new Inspection(parts);
  }

  /** Throws `BATCH_UNKNOWN`. */
  async show(batchId: string): Promise<BatchView> {
    const { batches, definitions, logs } = this.#parts;
    const { data: batch } = await batches.read(batchId);
    const graph = await definitions.load(batch.definitionHash);
    return batchView(batch, graph.definition, await logs.readAll(batchId));
  }

  /** The batch alone, as it is stored. Throws `BATCH_UNKNOWN`. */
  async batch(batchId: string): Promise<TaskBatch> {
    return (await this.#parts.batches.read(batchId)).data;
  }

  async exists(batchId: string): Promise<boolean> {
    return (await this.#parts.batches.find(batchId)) !== undefined;
  }

  /** The last slot of a schedule that was started or skipped. Undefined: no worker has looked at it yet. */
  async handledSlot(workflowId: string, { cron, timeZone }: Schedule): Promise<number | undefined> {
    const cursors = new Records(this.#parts.store, recordKinds.scheduleCursor);
    return (await cursors.read({ workflowId, cron, timeZone }))?.data.lastSlot;
  }

  /** A definition that batches are pinned to, with its joins. Throws `DEFINITION_MISSING`. */
  definition(hash: string): Promise<Graph> {
    return this.#parts.definitions.load(hash);
  }

  /** All TaskLogs of a batch, by task, with the times of their last writes. */
  logs(batchId: string): Promise<ReadonlyMap<string, StoredLog>> {
    return this.#parts.logs.readAll(batchId);
  }

  /** The TaskLog of one task, if it has one. */
  log(batchId: string, taskId: string): Promise<StoredLog | undefined> {
    return this.#parts.logs.read(batchId, taskId);
  }

  /** The value of a stored result, also of a large one. */
  result(result: StoredResult): Promise<JsonValue> {
    return readResult(this.#parts.objects, result);
  }

  /** The batch alone, without its tasks. Throws `BATCH_UNKNOWN`. */
  async status(batchId: string): Promise<BatchSummary> {
    return batchSummary((await this.#parts.batches.read(batchId)).data);
  }

  /** The results of the tasks that ended SUCCESS, also the large ones. Throws `BATCH_UNKNOWN`. */
  async results(batchId: string): Promise<ReadonlyMap<string, JsonValue>> {
    const { batches, logs, objects } = this.#parts;
    await batches.read(batchId);
    const succeeded = [...(await logs.readAll(batchId))].filter(([, { log }]) => log.status === "SUCCESS");
    const read = succeeded.map(
      async ([taskId, { log }]) => [taskId, await readResult(objects, log.result)] as const,
    );
    return new Map(await Promise.all(read));
  }

  /** See `listBatches`. Throws `USAGE`. */
  batches(filter: BatchFilter, page: BatchPage): Promise<BatchListing> {
    return listBatches(this.#parts, filter, page);
  }

  /** All runs of a lineage, newest first. `lineageId`: its first batch. */
  runs(lineageId: string): Promise<readonly BatchSummary[]> {
    return runsOfLineage(this.#parts, lineageId);
  }

  /** All matches, newest first: for a filter that few batches match. */
  async list(filter: BatchFilter): Promise<readonly BatchSummary[]> {
    return (await this.batches(filter, { limit: Number.POSITIVE_INFINITY })).batches;
  }

  /** See `previewMessage`. */
  preview(message: PublishedMessage): Promise<Preview> {
    return previewMessage(this.#parts, message);
  }

  /** See `forgetBatch`. Throws `BATCH_UNKNOWN`, `BATCH_NOT_FINISHED`, `EXECUTION_LOCKED`. */
  forget(batchId: string, options: { readonly isToBeDeleted: boolean }): Promise<ErasureReport> {
    return forgetBatch(this.#parts, batchId, options);
  }
}
