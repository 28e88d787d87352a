import { deriveBatchId, objectKey } from "../../core/batch.ts";
import { BatonError, errorCode } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { FileDropped } from "../../core/messages.ts";
import { type TaskBatch, TaskBatchSchema, type TaskLog, TaskLogSchema } from "../../core/records.ts";
import { archivesDrop } from "../../core/workflow/trigger.ts";
import type { WorkflowCatalog } from "../../ports/catalog.ts";
import type { Ids } from "../../ports/machine.ts";
import type {
  ListOptions,
  ObjectInfo,
  ObjectName,
  ObjectPage,
  ObjectPrefix,
  ObjectStore,
  ObjectVersion,
} from "../../ports/objects.ts";
import type { DocumentStore } from "../../ports/store.ts";
import { Definitions } from "../records/batches.ts";
import { logKey } from "../records/task-logs.ts";

type DroppedFile = ObjectName & { readonly generation: string };

interface Parts {
  readonly store: DocumentStore;
  readonly objects: ObjectStore;
  readonly catalog: WorkflowCatalog;
  readonly ids: Ids;
}

/**
 * The objects as tasks see them: a dropped file, asked for by its generation, is found as well where another workflow
 * that the same drop has started has archived it. Nothing is kept for that: the batches of a drop have known ids, and
 * their TaskLogs say where the file went. They are read only when the file is not where it was dropped.
 */
export class MovedFiles implements ObjectStore {
  readonly #parts: Parts;
  readonly #objects: ObjectStore;
  readonly #definitions: Definitions;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#objects = parts.objects;
    this.#definitions = new Definitions(parts);
  }

  /** Throws `FILE_BEING_MOVED` as well, when another workflow is about to say where the file is. */
  stat(name: ObjectName): Promise<ObjectInfo> {
    return this.#followed(name, (found) => this.#objects.stat(found), 0);
  }

  /** Throws `FILE_BEING_MOVED` as well. */
  read(name: ObjectName): Promise<Uint8Array> {
    return this.#followed(name, (found) => this.#objects.read(found), 0);
  }

  /** A file that another workflow has archived stays there. Throws `FILE_BEING_MOVED` as well. */
  move(from: ObjectName, to: ObjectName): Promise<ObjectInfo> {
    const isThere = (name: ObjectName) => name.bucket === from.bucket && name.object === from.object;
    const act = (name: ObjectName) =>
      isThere(name) ? this.#objects.move(name, to) : this.#objects.stat(name);
    // One that is moving it is the task that asks.
    return this.#followed(from, act, 1);
  }

  write(name: ObjectName, content: Uint8Array, contentType: string): Promise<ObjectInfo> {
    return this.#objects.write(name, content, contentType);
  }

  list(prefix: ObjectPrefix, options: ListOptions): Promise<ObjectPage> {
    return this.#objects.list(prefix, options);
  }

  remove(listed: ObjectVersion): Promise<void> {
    return this.#objects.remove(listed);
  }

  async #followed<T>(
    name: ObjectName,
    act: (name: ObjectName) => Promise<T>,
    movingByAsker: number,
  ): Promise<T> {
    try {
      return await act(name);
    } catch (error) {
      const { generation } = name;
      if (generation === undefined || !isElsewhere(error)) throw error;
      const place = await this.#placeOf({ ...name, generation }, movingByAsker);
      if (!place) throw error;
      // What was archived may be gone from there as well.
      return await act(place).catch((gone: unknown) => {
        throw isElsewhere(gone) ? error : gone;
      });
    }
  }

  /** Where tasks of the batches that the drop has started say that they have put it. */
  async #placeOf(dropped: DroppedFile, movingByAsker: number): Promise<ObjectName | undefined> {
    let moving = 0;
    for await (const { status, result } of this.#archivingLogs(dropped)) {
      const place = FileDropped.safeParse(result && "value" in result ? result.value : undefined);
      if (status === "SUCCESS" && place.success) return place.data;
      if (status === "PROCESSING" || status === "WAITING") moving += 1;
    }
    if (moving <= movingByAsker) return undefined;
    throw new BatonError("FILE_BEING_MOVED", `${dropped.object} is being archived by another workflow`, {
      where: `bucket ${dropped.bucket}`,
    });
  }

  /** The logs of the tasks that archive the drop, in every batch that it has started, retries too. */
  async *#archivingLogs(dropped: DroppedFile): AsyncGenerator<TaskLog> {
    const { store, catalog } = this.#parts;
    for (const workflow of await catalog.all()) {
      const batchId = deriveBatchId(workflow.definition.workflowId, objectKey(dropped));
      const lineage = { field: "lineageId", equals: batchId };
      const { documents } = await store.query("batches", [lineage], { limit: limits.documentsPerSweep });
      for (const { data } of documents) yield* this.#archivingLogsOf(TaskBatchSchema.parse(data));
    }
  }

  async *#archivingLogsOf({ batchId, definitionHash }: TaskBatch): AsyncGenerator<TaskLog> {
    const { definition } = await this.#definitions.load(definitionHash);
    for (const task of definition.tasks.filter(archivesDrop)) {
      const { document } = await this.#parts.store.get(logKey(batchId, task.id));
      if (document) yield TaskLogSchema.parse(document.data);
    }
  }
}

function isElsewhere(error: unknown): boolean {
  const code = errorCode(error);
  return code === "FILE_MISSING" || code === "FILE_CHANGED";
}
