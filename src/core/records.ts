import * as z from "zod";
import { JsonValueSchema } from "./json.ts";
import { NameSchema } from "./names.ts";
import { BatchStatusSchema, ReasonSchema, TaskStatusSchema } from "./status.ts";
import { NotesSchema, StoredErrorSchema, StoredResultSchema } from "./stored.ts";

/** Collections of the document store, with the fields each may be counted and queried by. */
export const collections = {
  definitions: { fields: [], arrays: [], kept: "for ever" },
  workflows: { fields: [], arrays: [], kept: "for ever" },
  batches: { fields: ["status", "lineageId", "day"], arrays: [], kept: "retention" },
  taskLogs: { fields: ["batchId"], arrays: ["arrivals"], clusteredBy: "batchId", kept: "retention" },
  deadLetters: { fields: [], arrays: [], kept: "retention" },
  schedules: { fields: [], arrays: [], kept: "for ever" },
  executions: { fields: ["state"], arrays: [], kept: "while due" },
  steps: { fields: ["scope"], arrays: [], clusteredBy: "scope", kept: "retention" },
  events: { fields: ["batchId"], arrays: [], clusteredBy: "batchId", kept: "retention" },
  callbacks: { fields: ["state", "key", "batchId"], arrays: [], kept: "retention" },
} as const satisfies Readonly<Record<string, CollectionSpec>>;

/** What an adapter has to index. */
export interface CollectionSpec {
  /** Fields of string value, queried by equality. Null and absent fields are not indexed. */
  readonly fields: readonly string[];
  /** Fields that hold strings, queried by "contains". */
  readonly arrays: readonly string[];
  /** A field whose value begins every document id, followed by `/`: documents that share it lie together. */
  readonly clusteredBy?: string;
  /**
   * How long a document says anything, where the store can be told to delete it afterwards: `retention` is the time that is
   * configured, from its last write; `while due` is as long as its own `dueSeconds` say.
   */
  readonly kept: "for ever" | "retention" | "while due";
}
export type CollectionName = keyof typeof collections;
export const collectionNames: readonly CollectionName[] = Object.keys(collections).filter(
  (name): name is CollectionName => Object.hasOwn(collections, name),
);

/** The record of one task in one TaskBatch. Times are milliseconds since 1970, by the worker's clock, for people. */
export const TaskLogSchema = z.strictObject({
  batchId: z.string(),
  taskId: z.string(),
  status: TaskStatusSchema,
  reason: ReasonSchema.nullable(),
  /** Number of the current or last attempt; 0 when it never ran. Also the fencing token. */
  attempt: z.int().nonnegative(),
  /** How often the attempt was taken up again after a wait. */
  resumes: z.int().nonnegative(),
  /** Attempts that ended in an error. */
  failures: z.int().nonnegative(),
  /** Attempts whose worker was lost. */
  lostLeases: z.int().nonnegative(),
  /** Fresh in every write: the writer recognises its own commit by it. */
  nonce: z.string(),
  /** Who runs it, while PROCESSING. */
  worker: z.string().nullable(),
  /**
   * How long this state holds, in seconds since the document was last written, by the store's clock. While PROCESSING
   * it is the lease, while WAITING the wait; after that anyone may take the task further.
   */
  dueSeconds: z.number().nullable(),
  /** Events that end its wait sooner. */
  events: z.array(z.string()),
  startedAt: z.number().nullable(),
  endedAt: z.number().nullable(),
  result: StoredResultSchema.nullable(),
  error: StoredErrorSchema.nullable(),
  notes: NotesSchema.nullable(),
  /** Its idempotency key, once it is known. */
  key: z.string().nullable(),
  /**
   * What this ending adds to: one token per join and tally, and per batch and bad status. While it waits for events, one for
   * each of them: whoever receives one finds by it who waits.
   */
  arrivals: z.array(z.string()),
});
export type TaskLog = z.infer<typeof TaskLogSchema>;

/** One run of a workflow. */
export const TaskBatchSchema = z.strictObject({
  batchId: z.string(),
  workflowId: NameSchema,
  /** Hash of the definition this batch is evaluated with for its whole life. */
  definitionHash: z.string(),
  input: JsonValueSchema,
  status: BatchStatusSchema,
  /** Set first by a cancel, so that a cancel that dies half-way is carried on. */
  cancelRequested: z.boolean(),
  /** What started it, for people: `manual`, `inbox/sales/a.csv#…`, `retry of …`. */
  startedBy: z.string(),
  /** The first batch of the lineage; its own id unless it is a retry. */
  lineageId: z.string(),
  /** 1 for the first run of a lineage. */
  run: z.int().positive(),
  createdAt: z.number(),
  /**
   * UTC day of `createdAt`, by which the newest are found: a time would be an index to whose end all writes come. Batches that
   * began before there was the field have none.
   */
  day: z.string().default(""),
  endedAt: z.number().nullable(),
  nonce: z.string(),
});
export type TaskBatch = z.infer<typeof TaskBatchSchema>;

/** A workflow stored as data by `baton apply`. */
export const AppliedWorkflowSchema = z.strictObject({
  workflowId: NameSchema,
  /** YAML or JSON, as it was given. */
  source: z.string(),
  appliedAt: z.number(),
  nonce: z.string(),
});
export type AppliedWorkflow = z.infer<typeof AppliedWorkflowSchema>;

/** How far one schedule of one workflow has come. */
export const ScheduleCursorSchema = z.strictObject({
  workflowId: NameSchema,
  cron: z.string(),
  timeZone: z.string(),
  /** Slots up to this time are started or skipped, those after it are not; milliseconds by the store's clock. */
  lastSlot: z.number(),
  nonce: z.string(),
});
export type ScheduleCursor = z.infer<typeof ScheduleCursorSchema>;

/** A message that could not be handled, kept to be seen and replayed. */
export const DeadLetterSchema = z.strictObject({
  deadLetterId: z.string(),
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
  /** The body as it came, base64. Null when it lives in the object store. */
  body: z.string().nullable(),
  bodyBytes: z.int().nonnegative(),
  /** The headers that say how the body is to be read: content type, CloudEvents and Pub/Sub attributes. */
  headers: z.record(z.string(), z.string()),
  /** Where it came in: `http`, `broker`. */
  source: z.string(),
  receivedAt: z.number(),
  replayedAt: z.number().nullable(),
  nonce: z.string(),
});
export type DeadLetter = z.infer<typeof DeadLetterSchema>;
