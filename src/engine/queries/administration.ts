import type { JsonValue } from "../../core/values/json.ts";
import { type BatchSummary, type BatchView, batchSummary, batchView } from "../../core/views/views.ts";
import type { CallbackOutbox } from "../callback-outbox.ts";
import type { DeadLetters } from "../dead-letters.ts";
import type { Dependencies } from "../dependencies.ts";
import { type ErasureReport, forgetBatch } from "../erasure/erase-batch.ts";
import type { Batches } from "../records/batches.ts";
import type { Definitions } from "../records/definitions.ts";
import { readResult } from "../records/results.ts";
import type { TaskLogs } from "../records/task-logs.ts";
import { type BatchFilter, type BatchListing, listBatches } from "./batch-list.ts";
import { CallbackAdmin } from "./callbacks.ts";
import { IdempotencyAdmin } from "./idempotency-keys.ts";
import { Inspection } from "./inspect.ts";
import { type Preview, type PublishedMessage, previewMessage } from "./preview.ts";

interface AdministrationParts {
  readonly dependencies: Dependencies;
  readonly definitions: Definitions;
  readonly batches: Batches;
  readonly logs: TaskLogs;
  readonly outbox: CallbackOutbox;
  readonly deadLetters: DeadLetters;
}

/** What people ask about batches, keys and callbacks, and how they change them. No message is handled here. */
export class Administration {
  readonly executions: IdempotencyAdmin;
  readonly callbacks: CallbackAdmin;
  readonly inspection: Inspection;
  readonly #parts: AdministrationParts;

  constructor(parts: AdministrationParts) {
    this.#parts = parts;
    this.executions = new IdempotencyAdmin(parts.dependencies, parts.outbox);
    this.callbacks = new CallbackAdmin(parts.dependencies, parts.outbox);
    this.inspection = new Inspection(parts.dependencies);
  }

  /** Throws `BATCH_UNKNOWN`. */
  async show(batchId: string): Promise<BatchView> {
    const { batches, definitions, logs } = this.#parts;
    const { data: batch } = await batches.read(batchId);
    const graph = await definitions.load(batch.definitionHash);
    return batchView(batch, graph.definition, await logs.readAll(batchId));
  }

  /** The batch alone, without its tasks. Throws `BATCH_UNKNOWN`. */
  async status(batchId: string): Promise<BatchSummary> {
    return batchSummary((await this.#parts.batches.read(batchId)).data);
  }

  /** The results of the tasks that ended SUCCESS, also the large ones. Throws `BATCH_UNKNOWN`. */
  async results(batchId: string): Promise<ReadonlyMap<string, JsonValue>> {
    const { batches, logs, dependencies } = this.#parts;
    await batches.read(batchId);
    const succeeded = [...(await logs.readAll(batchId))].filter(([, { log }]) => log.status === "SUCCESS");
    const read = succeeded.map(
      async ([taskId, { log }]) => [taskId, await readResult(dependencies.objects, log.result)] as const,
    );
    return new Map(await Promise.all(read));
  }

  /** See `listBatches`. */
  newest(filter: BatchFilter, limit: number): Promise<BatchListing> {
    return listBatches(this.#parts.dependencies, filter, limit);
  }

  /** All matches, newest first: for a filter that few batches match, such as a lineage. */
  async list(filter: BatchFilter): Promise<readonly BatchSummary[]> {
    return (await this.newest(filter, Number.POSITIVE_INFINITY)).batches;
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
