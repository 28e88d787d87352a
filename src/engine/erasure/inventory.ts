import { type Callback, CallbackSchema } from "../../core/callback.ts";
import { taskStepScope } from "../../core/idempotency-lock.ts";
import { limits } from "../../core/limits.ts";
import type { TaskBatch, TaskLog } from "../../core/records.ts";
import { ownBuckets } from "../../core/records.ts";
import { stepObjectPrefix } from "../../core/steps.ts";
import { type ErasureDecision, type ObjectReference, referencedObjects } from "../../core/storage/erasure.ts";
import type { JsonValue } from "../../core/values/json.ts";
import type { Ports } from "../dependencies.ts";
import { countObjects, withBoundedConcurrency } from "../records/bulk.ts";
import { pages } from "../records/records.ts";
import type { TaskLogs } from "../records/task-logs.ts";
import type { KeyErasure } from "./erase-keys.ts";

export interface KeyToForget {
  readonly key: string;
  readonly fate: Extract<ErasureDecision, "deleted" | "scrubbed">;
}

/** What is stored about the batches of a lineage. */
export interface StoredData {
  readonly taskLogs: number;
  readonly steps: number;
  readonly events: number;
  /** Early completions that their tasks have not applied. */
  readonly completions: number;
  readonly callbacks: number;
  /** The number of callbacks that were not delivered, and never will be. */
  readonly unsentCallbacks: number;
  /** Results, steps, events and the like that are too large for documents. */
  readonly objects: number;
  readonly keys: readonly KeyToForget[];
  /** Files that inputs and results name, such as the dropped file. The first `limits.forgottenNames`. */
  readonly files: readonly ObjectReference[];
  /** Rows of the callback archive. The first `limits.forgottenNames`. */
  readonly archived: readonly ArchivedRow[];
}

interface ArchivedRow {
  readonly table: string;
  readonly key: Readonly<Record<string, string | null>>;
}

/** Folders of the large values of a batch. Batch ids have no dot, so no other batch shares a prefix. */
export function objectPrefixes(batchId: string) {
  return [`${batchId}/`, stepObjectPrefix(`${batchId}.`)].map((prefix) => ({
    bucket: ownBuckets.results,
    prefix,
  }));
}

/** The scope of the steps of a task without a key. Undefined: it has no steps, or its key holds them. */
export function stepScope({ batchId, taskId, key, attempt }: TaskLog): string | undefined {
  return key === null && attempt > 0 ? taskStepScope({ batchId, taskId }) : undefined;
}

/** Reads all data of batches in pages, and keeps only numbers and names. */
export class DataInventory {
  readonly #ports: Ports<"store" | "objects">;
  readonly #logs: TaskLogs;
  readonly #keys: KeyErasure;
  readonly #numbers = { taskLogs: 0, steps: 0, events: 0, completions: 0, callbacks: 0, unsentCallbacks: 0 };
  readonly #seenKeys = new Set<string>();
  readonly #fates: KeyToForget[] = [];
  readonly #files = new Map<string, ObjectReference>();
  readonly #archived = new Map<string, ArchivedRow>();
  #objects = 0;

  constructor(ports: Ports<"store" | "objects">, logs: TaskLogs, keys: KeyErasure) {
    this.#ports = ports;
    this.#logs = logs;
    this.#keys = keys;
  }

  /** Throws `EXECUTION_LOCKED`. */
  async collect(batches: readonly TaskBatch[]): Promise<StoredData> {
    for (const { batchId, input } of batches) {
      this.#noteFiles(input);
      for await (const page of this.#logs.pagesOf(batchId))
        await withBoundedConcurrency(
          page.map(({ log }) => log),
          (log) => this.#noteLog(log),
        );
      await this.#noteEvents(batchId);
      await this.#noteCallbacks(batchId);
      for (const prefix of objectPrefixes(batchId))
        this.#objects += await countObjects(this.#ports.objects, prefix);
    }
    return {
      ...this.#numbers,
      objects: this.#objects,
      keys: this.#fates,
      files: [...this.#files.values()],
      archived: [...this.#archived.values()],
    };
  }

  async #noteLog(log: TaskLog): Promise<void> {
    this.#numbers.taskLogs += 1;
    if (log.result && "value" in log.result) this.#noteFiles(log.result.value);
    const scope = stepScope(log);
    if (scope !== undefined) {
      // Two statements: other logs add to the number during the wait.
      const steps = await this.#ports.store.count("steps", { field: "scope", equals: scope });
      this.#numbers.steps += steps;
    }
    if (log.key !== null) await this.#noteKey(log.key);
  }

  async #noteKey(key: string): Promise<void> {
    if (this.#seenKeys.has(key)) return;
    this.#seenKeys.add(key);
    const found = await this.#keys.plan(key);
    if (!found) return;
    const { fate, steps, objects } = found;
    this.#numbers.steps += steps;
    this.#objects += objects;
    if (fate === "deleted" || fate === "scrubbed") this.#fates.push({ key, fate });
  }

  async #noteEvents(batchId: string): Promise<void> {
    for await (const { data } of this.#documentsOf("events", batchId))
      if (data.event === undefined) this.#numbers.completions += 1;
      else this.#numbers.events += 1;
  }

  async #noteCallbacks(batchId: string): Promise<void> {
    for await (const { data } of this.#documentsOf("callbacks", batchId)) {
      const callback = CallbackSchema.parse(data);
      this.#numbers.callbacks += 1;
      if (callback.deliveredAt === null) this.#numbers.unsentCallbacks += 1;
      this.#noteArchived(callback);
    }
  }

  async *#documentsOf(collection: "events" | "callbacks", batchId: string) {
    const condition = { field: "batchId", equals: batchId };
    const { store } = this.#ports;
    for await (const page of pages(store, collection, [condition], limits.largeDocumentsPage))
      yield* page.documents;
  }

  #noteArchived({ target, archived }: Callback): void {
    if (!target.archive || !archived || this.#archived.size >= limits.forgottenNames) return;
    const { table, key } = target.archive;
    this.#archived.set(JSON.stringify([table, key]), { table, key });
  }

  #noteFiles(value: JsonValue): void {
    for (const { bucket, object } of referencedObjects(value))
      if (bucket !== ownBuckets.results && this.#files.size < limits.forgottenNames)
        this.#files.set(`${bucket}/${object}`, { bucket, object });
  }
}
