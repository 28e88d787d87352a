import type * as z from "zod";
import { CallbackSchema } from "../../core/callback.ts";
import { ExecutionSchema, executionId } from "../../core/idempotency-lock.ts";
import { limits } from "../../core/limits.ts";
import {
  AppliedWorkflowSchema,
  DeadLetterSchema,
  ScheduleCursorSchema,
  TaskBatchSchema,
  TaskLogSchema,
} from "../../core/records.ts";
import { deriveScheduleId } from "../../core/schedule/schedule.ts";
import { BatchEventSchema, EarlyCompletionSchema, StepSchema } from "../../core/steps.ts";
import type { CollectionName } from "../../core/storage/collections.ts";
import type {
  Condition,
  DocumentKey,
  DocumentStore,
  MaybePromise,
  QueryResult,
  Snapshot,
  StoredDocument,
  Version,
} from "../../ports/store.ts";
import { type CommitOutcome, commitIdempotent, type NoncedWrite } from "./commit.ts";

/** One kind of documents: their collection, their content, and how a name becomes an id. */
export interface RecordKind<Data, Name> {
  readonly collection: CollectionName;
  readonly schema: z.ZodType<Data>;
  readonly idOf: (name: Name) => string;
}

/** A record as it was read. Times are by the store's clock, in milliseconds. */
export interface Stored<Data> {
  readonly data: Data;
  readonly version: Version;
  readonly writtenAt: number;
  /** Time between the last write and the read. */
  readonly ageMs: number;
}

export interface Updated<Data> {
  /** Undefined: there was no record. */
  readonly before: Stored<Data> | undefined;
  /** Undefined: the decision was to write nothing. */
  readonly after: Data | undefined;
}

/**
 * The records of one kind. Every write is conditional on the version that was read and carries a nonce; see
 * `commitAtomic`. A document that this version can't parse is an error, except in `eachReadable`.
 */
export class Records<Data extends NoncedWrite["data"] & Name, Name> {
  readonly #store: DocumentStore;
  readonly #kind: RecordKind<Data, Name>;

  constructor(store: DocumentStore, kind: RecordKind<Data, Name>) {
    this.#store = store;
    this.#kind = kind;
  }

  key(name: Name): DocumentKey {
    return keyOf(this.#kind, name);
  }

  async read(name: Name): Promise<Stored<Data> | undefined> {
    return this.parse(await this.#store.get(this.key(name)));
  }

  parse(snapshot: Snapshot): Stored<Data> | undefined {
    return parsed(this.#kind, snapshot);
  }

  /** Creates the record unless it exists. */
  create(data: Data): MaybePromise<CommitOutcome> {
    return commitIdempotent(this.#store, writeOf(this.#kind, undefined, data));
  }

  /** Conditional update; creates the record if `found` is undefined. Returns undefined on a version conflict. */
  async write(
    found: Pick<Stored<Data>, "version"> | undefined,
    data: Data,
  ): Promise<Stored<Data> | undefined> {
    const outcome = await commitIdempotent(this.#store, writeOf(this.#kind, found?.version, data));
    if (outcome.kind === "lost") return undefined;
    const { version, commitTime } = outcome.committed;
    return { data, version, writtenAt: commitTime, ageMs: 0 };
  }

  /**
   * Changes the record. After a version conflict it reads and decides again. `decide` returns the new record with a new
   * nonce, or undefined to write nothing.
   */
  async update(
    name: Name,
    decide: (found: Stored<Data> | undefined) => Promise<Data | undefined> | Data | undefined,
  ): Promise<Updated<Data>> {
    for (;;) {
      const before = await this.read(name);
      const after = await decide(before);
      if (after === undefined || (await this.write(before, after))) return { before, after };
    }
  }

  /** All records that match the conditions, in pages. Throws for one that this version can't parse. */
  async *pages(
    conditions: readonly Condition[],
    perPage: number = limits.largeDocumentsPage,
  ): AsyncGenerator<readonly Stored<Data>[]> {
    for await (const { documents, readTime } of pages(
      this.#store,
      this.#kind.collection,
      conditions,
      perPage,
    ))
      yield documents.map((document) => parsedDocument(this.#kind, document, readTime));
  }

  /**
   * Calls `use` with each record that this version can parse, until `isEnough`. Returns the number of the others.
   */
  async eachReadable(
    conditions: readonly Condition[],
    use: (found: Stored<Data>) => void,
    isEnough: () => boolean = () => false,
  ): Promise<number> {
    const { collection, schema } = this.#kind;
    let unreadable = 0;
    for await (const page of pages(this.#store, collection, conditions, limits.largeDocumentsPage))
      for (const document of page.documents) {
        const { data } = schema.safeParse(document.data);
        if (data) use(stored(data, document, page.readTime));
        else unreadable += 1;
        if (isEnough()) return unreadable;
      }
    return unreadable;
  }
}

export function keyOf<Name>(
  kind: Pick<RecordKind<unknown, Name>, "collection" | "idOf">,
  name: Name,
): DocumentKey {
  return { collection: kind.collection, id: kind.idOf(name) };
}

/** Conditional on `version`; undefined creates the record. */
export function writeOf<Data extends NoncedWrite["data"] & Name, Name>(
  kind: RecordKind<Data, Name>,
  version: Version | undefined,
  data: Data,
): NoncedWrite {
  const key = keyOf(kind, data);
  return version === undefined ? { kind: "create", key, data } : { kind: "update", key, version, data };
}

export function parsed<Data>(
  kind: Pick<RecordKind<Data, never>, "schema">,
  { document, readTime }: Snapshot,
): Stored<Data> | undefined {
  return document && parsedDocument(kind, document, readTime);
}

function parsedDocument<Data>(
  { schema }: Pick<RecordKind<Data, never>, "schema">,
  document: StoredDocument,
  readTime: number,
): Stored<Data> {
  return stored(schema.parse(document.data), document, readTime);
}

function stored<Data>(data: Data, { version, updateTime }: StoredDocument, readTime: number): Stored<Data> {
  return { data, version, writtenAt: updateTime, ageMs: readTime - updateTime };
}

export async function* pages(
  store: DocumentStore,
  collection: CollectionName,
  conditions: readonly Condition[],
  documentsPerPage: number = limits.queryPage,
): AsyncGenerator<QueryResult> {
  let startAfter: string | undefined;
  for (;;) {
    const page: QueryResult = await store.query(collection, conditions, {
      limit: documentsPerPage,
      ...(startAfter !== undefined && { startAfter }),
    });
    yield page;
    if (page.documents.length < documentsPerPage) return;
    startAfter = page.documents.at(-1)?.key.id;
  }
}

/** Every kind of record that the engine stores. */
export const recordKinds = {
  batch: {
    collection: "batches",
    schema: TaskBatchSchema,
    idOf: ({ batchId }: { readonly batchId: string }) => batchId,
  },
  taskLog: {
    collection: "taskLogs",
    schema: TaskLogSchema,
    idOf: ({ batchId, taskId }: TaskName) => `${batchId}/${taskId}`,
  },
  execution: {
    collection: "executions",
    schema: ExecutionSchema,
    idOf: ({ key }: { readonly key: string }) => executionId(key),
  },
  callback: {
    collection: "callbacks",
    schema: CallbackSchema,
    idOf: ({ callbackId }: { readonly callbackId: string }) => callbackId,
  },
  step: {
    collection: "steps",
    schema: StepSchema,
    /** A wait belongs to one batch, the result of a step to all calls of its scope. */
    idOf: ({ scope, name, kind, batchId }: StepName) =>
      `${scope}/${encodeURIComponent(name)}#${kind === "since" ? `since ${batchId}` : "done"}`,
  },
  event: {
    collection: "events",
    schema: BatchEventSchema,
    idOf: ({ batchId, event }: { readonly batchId: string; readonly event: string }) =>
      `${batchId}/${encodeURIComponent(event)}`,
  },
  /** Among the events of its batch. No event has such an id: their names are percent-encoded. */
  earlyCompletion: {
    collection: "events",
    schema: EarlyCompletionSchema,
    idOf: ({ batchId, taskId }: TaskName) => `${batchId}/#${taskId}`,
  },
  deadLetter: {
    collection: "deadLetters",
    schema: DeadLetterSchema,
    idOf: ({ deadLetterId }: { readonly deadLetterId: string }) => deadLetterId,
  },
  appliedWorkflow: {
    collection: "workflows",
    schema: AppliedWorkflowSchema,
    idOf: ({ workflowId }: { readonly workflowId: string }) => workflowId,
  },
  scheduleCursor: {
    collection: "schedules",
    schema: ScheduleCursorSchema,
    idOf: ({ workflowId, ...slots }: ScheduleName) => deriveScheduleId(workflowId, slots),
  },
} as const;

interface TaskName {
  readonly batchId: string;
  readonly taskId: string;
}

interface StepName {
  readonly scope: string;
  readonly name: string;
  readonly kind: "value" | "since" | "timeout";
  readonly batchId: string;
}

interface ScheduleName {
  readonly workflowId: string;
  readonly cron: string;
  readonly timeZone: string;
}
