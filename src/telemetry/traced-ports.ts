import { type TaskBatch, TaskBatchSchema } from "../core/records.ts";
import type { CallbackSender } from "../ports/callbacks.ts";
import type { HttpClient } from "../ports/http.ts";
import type { ObjectName, ObjectStore } from "../ports/objects.ts";
import type { Dataform, DatasetName, InvocationRequest, PowerBi } from "../ports/services.ts";
import type {
  CommitEachResult,
  CommitResult,
  Condition,
  DocumentKey,
  DocumentStore,
  MaybePromise,
  QueryOptions,
  QueryResult,
  Snapshot,
  SyncMark,
  Write,
} from "../ports/store.ts";
import type { SpanAttributes, Tracer } from "../ports/telemetry.ts";
import type { Warehouse } from "../ports/warehouse.ts";
import type { Services } from "../runtime/task-type.ts";

/** For each method of a port, a function from its arguments to the attributes of its span. */
type SpanAttributesByMethod<Port> = {
  readonly [Name in keyof Port]: Port[Name] extends (...values: infer Values) => Promise<unknown>
    ? (...values: Values) => SpanAttributes
    : never;
};

type AsyncMethods = Readonly<Record<string, (...values: unknown[]) => Promise<unknown>>>;
type AttributesByMethod = Readonly<Record<string, (...values: unknown[]) => SpanAttributes>>;

/** Adds a client span to every call of a port, named after the service and the method. */
function traced<Port extends object>(
  service: string,
  spans: SpanAttributesByMethod<Port>,
  port: Port,
  tracer: Tracer,
): Port;
function traced(
  service: string,
  spans: AttributesByMethod,
  port: AsyncMethods,
  tracer: Tracer,
): AsyncMethods {
  return Object.fromEntries(
    Object.entries(spans).map(([method, attributes]) => [
      method,
      (...values: unknown[]) => {
        const span = {
          name: `${service} ${method}`,
          kind: "client",
          attributes: attributes(...values),
        } as const;
        return tracer.inSpan(span, async () => port[method]?.(...values));
      },
    ]),
  );
}

interface SpanSubject {
  readonly batchId?: string | undefined;
  readonly workflowId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly attempt?: number | undefined;
}

/** The attributes that all spans of a batch share. */
export function batchAttributes({ batchId, workflowId, taskId, attempt }: SpanSubject): SpanAttributes {
  return {
    "baton.batch": batchId,
    "baton.workflow": workflowId,
    "baton.task": taskId,
    "baton.attempt": attempt,
  };
}

/** Host and port only: path and query may hold a secret. */
function serverAttributes(url: string): SpanAttributes {
  if (!URL.canParse(url)) return {};
  const { hostname, port, protocol } = new URL(url);
  return {
    "server.address": hostname,
    "server.port": port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
  };
}

export function tracedServices(services: Services, tracer: Tracer): Services {
  return {
    warehouse: traced("warehouse", warehouseSpans, services.warehouse, tracer),
    objects: traced("object", objectSpans, services.objects, tracer),
    http: tracedHttp(services.http, tracer),
    dataform: traced("dataform", dataformSpans, services.dataform, tracer),
    powerBi: traced("power-bi", powerBiSpans, services.powerBi, tracer),
  };
}

const jobAttributes = ({ jobId, into }: { jobId: string; into: { table: string } }): SpanAttributes => ({
  "baton.job": jobId,
  "baton.table": into.table,
});

const warehouseSpans: SpanAttributesByMethod<Warehouse> = {
  load: jobAttributes,
  query: jobAttributes,
  rows: () => ({}),
  cancel: (jobId) => ({ "baton.job": jobId }),
};

const objectAttributes = ({ bucket, object }: ObjectName): SpanAttributes => ({
  "baton.bucket": bucket,
  "baton.object": object,
});

const objectSpans: SpanAttributesByMethod<ObjectStore> = {
  stat: objectAttributes,
  read: objectAttributes,
  write: (name, content) => ({ ...objectAttributes(name), "baton.bytes": content.byteLength }),
  move: objectAttributes,
  list: ({ bucket, prefix }) => objectAttributes({ bucket, object: prefix }),
  remove: objectAttributes,
};

const resourceAttributes = (name: string): SpanAttributes => ({ "baton.resource": name });

const dataformSpans: SpanAttributesByMethod<Dataform> = {
  compile: ({ repository }) => resourceAttributes(repository),
  invoke: ({ source }: InvocationRequest) =>
    resourceAttributes("workflowConfig" in source ? source.workflowConfig : source.compilationResult),
  invocation: resourceAttributes,
  invocations: resourceAttributes,
  actions: resourceAttributes,
  cancel: resourceAttributes,
};

const datasetAttributes = ({ workspace, dataset }: DatasetName): SpanAttributes => ({
  "baton.workspace": workspace,
  "baton.dataset": dataset,
});

const powerBiSpans: SpanAttributesByMethod<PowerBi> = {
  refreshes: datasetAttributes,
  start: datasetAttributes,
  cancel: datasetAttributes,
};

/** The span is named after the HTTP method, as OpenTelemetry's conventions ask for. */
function tracedHttp(http: HttpClient, tracer: Tracer): HttpClient {
  return {
    request(request) {
      const attributes = { "http.request.method": request.method, ...serverAttributes(request.url) };
      return tracer.inSpan({ name: request.method, kind: "client", attributes }, async (span) => {
        const response = await http.request(request);
        span.set({ "http.response.status_code": response.status });
        return response;
      });
    },
  };
}

/** Adds a span for every callback that is sent, progress included. */
export function tracedCallbacks(callbacks: CallbackSender, tracer: Tracer): CallbackSender {
  return {
    send(request) {
      const attributes = { ...serverAttributes(request.url), "baton.callback": request.webhookId };
      return tracer.inSpan({ name: "callback", kind: "client", attributes }, () => callbacks.send(request));
    },
  };
}

/**
 * Finds out from stored documents when a batch has ended, and to which batch a callback belongs. The end of a batch is
 * committed once, so the process that commits it records the span of the whole batch.
 */
export class TracedStore implements DocumentStore {
  readonly #store: DocumentStore;
  readonly #tracer: Tracer;
  /** Ended batches whose commit failed, but may have been applied. The next read of the batch shows it. */
  readonly #unconfirmed = new Map<string, TaskBatch>();

  constructor(store: DocumentStore, tracer: Tracer) {
    this.#store = store;
    this.#tracer = tracer;
  }

  async get(key: DocumentKey): Promise<Snapshot> {
    const snapshot = await this.#store.get(key);
    const data = snapshot.document?.data;
    if (key.collection === "callbacks" && typeof data?.batchId === "string")
      this.#tracer.assignBatch(data.batchId);
    if (key.collection === "batches") this.#confirm(key.id, data?.nonce);
    return snapshot;
  }

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    const ended = writes.flatMap((write) => findEndedBatch(write) ?? []);
    try {
      const committed = await this.#store.commit(writes);
      for (const batch of ended) this.#record(batch);
      return committed;
    } catch (error) {
      for (const batch of ended) this.#unconfirmed.set(batch.batchId, batch);
      throw error;
    }
  }

  commitEach(writes: readonly Write[]): MaybePromise<readonly CommitEachResult[]> {
    return this.#store.commitEach(writes);
  }

  count(...[collection, condition]: Parameters<DocumentStore["count"]>): MaybePromise<number> {
    return this.#store.count(collection, condition);
  }

  query(
    collection: DocumentKey["collection"],
    conditions: readonly Condition[],
    options: QueryOptions,
  ): MaybePromise<QueryResult> {
    return this.#store.query(collection, conditions, options);
  }

  newest(...read: Parameters<DocumentStore["newest"]>): MaybePromise<QueryResult> {
    return this.#store.newest(...read);
  }

  inOrder(...read: Parameters<DocumentStore["inOrder"]>): ReturnType<DocumentStore["inOrder"]> {
    return this.#store.inOrder(...read);
  }

  mark(): SyncMark {
    return this.#store.mark();
  }

  sync(since: SyncMark): MaybePromise<void> {
    return this.#store.sync(since);
  }

  #confirm(batchId: string, nonce: unknown): void {
    const batch = this.#unconfirmed.get(batchId);
    if (!batch) return;
    this.#unconfirmed.delete(batchId);
    if (batch.nonce === nonce) this.#record(batch);
  }

  #record({ batchId, workflowId, createdAt, endedAt, status, lineageId, run }: TaskBatch): void {
    this.#tracer.recordBatch({
      batchId,
      name: `batch ${workflowId}`,
      startedAt: createdAt,
      endedAt: endedAt ?? createdAt,
      attributes: {
        ...batchAttributes({ batchId, workflowId }),
        "baton.status": status,
        "baton.lineage": lineageId,
        "baton.run": run,
      },
      failure: status === "ERROR" ? { code: "TASK_FAILED", message: "At least one task failed" } : undefined,
    });
  }
}

function findEndedBatch(write: Write): TaskBatch | undefined {
  if (write.kind !== "update" || write.key.collection !== "batches") return undefined;
  const { data } = TaskBatchSchema.safeParse(write.data);
  return data?.endedAt === null ? undefined : data;
}
