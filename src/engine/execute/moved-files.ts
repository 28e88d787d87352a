import { deriveBatchId, objectKey } from "../../core/batch.ts";
import { BatonError, errorCode } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { FileDropped } from "../../core/messages.ts";
import { type TaskBatch, TaskBatchSchema, type TaskLog, TaskLogSchema } from "../../core/records.ts";
import { archivesDrop } from "../../core/workflow/trigger.ts";
import type { WorkflowCatalog } from "../../ports/catalog.ts";
import type { Clock, Ids } from "../../ports/machine.ts";
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
import { Definitions } from "../records/definitions.ts";
import { logKey } from "../records/task-logs.ts";

type DroppedFile = ObjectName & { readonly generation: string };

interface MovedFilesPorts {
  readonly store: DocumentStore;
  readonly objects: ObjectStore;
  readonly catalog: WorkflowCatalog;
  readonly ids: Ids;
  readonly clock: Clock;
}

/**
 * The object store as tasks see it. One drop may start several workflows, and one of them may archive the file while
 * others still need it. A dropped file, named by its generation, is then found at its new place: the batches of a drop
 * have known ids, and their TaskLogs name the place. They are read only if the file is not where it was dropped.
 */
export class MovedFiles implements ObjectStore {
  readonly #ports: MovedFilesPorts;
  readonly #objects: ObjectStore;
  readonly #definitions: Definitions;

  constructor(ports: MovedFilesPorts) {
    this.#ports = ports;
    this.#objects = ports.objects;
    this.#definitions = new Definitions(ports);
  }

  /** Also throws `FILE_BEING_MOVED`: another workflow is archiving the file now. */
  stat(name: ObjectName): Promise<ObjectInfo> {
    return this.#withMovedFile(name, (found) => this.#objects.stat(found), 0);
  }

  /** Also throws `FILE_BEING_MOVED`. */
  read(name: ObjectName): Promise<Uint8Array> {
    return this.#withMovedFile(name, (found) => this.#objects.read(found), 0);
  }

  /** A file that another workflow has archived stays there. Also throws `FILE_BEING_MOVED`. */
  move(from: ObjectName, to: ObjectName): Promise<ObjectInfo> {
    const isOriginal = (name: ObjectName) => name.bucket === from.bucket && name.object === from.object;
    const act = (name: ObjectName) =>
      isOriginal(name) ? this.#objects.move(name, to) : this.#objects.stat(name);
    // One of the tasks that are moving the file is the caller.
    return this.#withMovedFile(from, act, 1);
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

  async #withMovedFile<T>(
    name: ObjectName,
    act: (name: ObjectName) => Promise<T>,
    movingByCaller: number,
  ): Promise<T> {
    try {
      return await act(name);
    } catch (error) {
      const { generation } = name;
      if (generation === undefined || !isMissing(error)) throw error;
      const archived = await this.#findArchived({ ...name, generation }, movingByCaller);
      if (!archived) throw error;
      // The archived file may be gone too.
      return await act(archived).catch((gone: unknown) => {
        throw isMissing(gone) ? error : gone;
      });
    }
  }

  /** The place where a batch of the drop has archived the file. */
  async #findArchived(dropped: DroppedFile, movingByCaller: number): Promise<ObjectName | undefined> {
    let moving = 0;
    for await (const { status, result } of this.#archivingLogs(dropped)) {
      const archived = FileDropped.safeParse(result && "value" in result ? result.value : undefined);
      if (status === "SUCCESS" && archived.success) return archived.data;
      if (status === "PROCESSING" || status === "WAITING") moving += 1;
    }
    if (moving <= movingByCaller) return undefined;
    throw new BatonError("FILE_BEING_MOVED", `${dropped.object} is being archived by another workflow`, {
      where: `bucket ${dropped.bucket}`,
    });
  }

  /** The logs of archiving tasks in all batches of the drop, including retries. */
  async *#archivingLogs(dropped: DroppedFile): AsyncGenerator<TaskLog> {
    const { store, catalog } = this.#ports;
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
      const { document } = await this.#ports.store.get(logKey(batchId, task.id));
      if (document) yield TaskLogSchema.parse(document.data);
    }
  }
}

function isMissing(error: unknown): boolean {
  const code = errorCode(error);
  return code === "FILE_MISSING" || code === "FILE_CHANGED";
}
