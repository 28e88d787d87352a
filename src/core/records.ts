import * as z from "zod";
import { BatonError, errorCode, errorMessage } from "./errors/errors.ts";
import { limits } from "./limits.ts";
import { recordSchema, StoredJsonSchema } from "./values/json.ts";
import { withoutSecrets } from "./values/secrets.ts";
import { NameSchema, truncate } from "./values/text.ts";

/** Status of a TaskLog. `NEW` is never stored: commands show it for a task without a TaskLog. */
const TaskStatusSchema = z.enum(["PROCESSING", "WAITING", "SUCCESS", "ERROR", "SKIPPED", "CANCELLED"]);
export type TaskStatus = z.infer<typeof TaskStatusSchema>;
export type DisplayStatus = TaskStatus | "NEW";

export const TerminalStatusSchema = z.enum(["SUCCESS", "ERROR", "SKIPPED", "CANCELLED"]);
/** The four final statuses. */
export type TerminalStatus = z.infer<typeof TerminalStatusSchema>;

export function isTerminal(status: DisplayStatus): status is TerminalStatus {
  return status === "SUCCESS" || status === "ERROR" || status === "SKIPPED" || status === "CANCELLED";
}

const BatchStatusSchema = z.enum(["RUNNING", "SUCCESS", "ERROR", "CANCELLED"]);
export type BatchStatus = z.infer<typeof BatchStatusSchema>;

export const ReasonSchema = z.enum([
  "already_completed",
  "lock_held",
  "retry",
  "sleep",
  "poll",
  "event",
  "completion",
  "released",
  "inherited",
  "upstream_failed",
  "upstream_skipped",
  "rule_not_met",
  "condition_not_met",
  "skipped_by_task",
  "cancelled",
]);
/** Reasons of waits after which the same attempt is resumed. */
const parkReasons = ["lock_held", "sleep", "poll", "event", "completion"] as const;
export type ParkReason = (typeof parkReasons)[number];

export function isParkReason(reason: Reason | null): reason is ParkReason {
  return parkReasons.some((parkReason) => parkReason === reason);
}

/** Why a task waits, was skipped, or took a shortcut. */
export type Reason = z.infer<typeof ReasonSchema>;

/**
 * Names of Baton's own buckets, as documents store them. They are folders of one bucket of Cloud Storage, or of the
 * data folder.
 */
export const ownBuckets = {
  results: "results",
  reports: "reports",
  deadLetters: "dead-letters",
  definitions: "definitions",
} as const;

/** A result small enough to live in its document, or the object that holds it. */
export const StoredResultSchema = z.union([
  z.strictObject({ value: StoredJsonSchema }),
  z.strictObject({ bucket: z.string(), object: z.string(), bytes: z.int() }),
]);
export type StoredResult = z.infer<typeof StoredResultSchema>;

export const StoredErrorSchema = z.strictObject({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  /** Where the task's code threw: `workflows/orders.ts:12:5`. */
  place: z.exactOptional(z.string()),
});
export type StoredError = z.infer<typeof StoredErrorSchema>;

/** What a task noted beside its result. Each list has at most `limits.notes` entries; `dropped` counts the others. */
const NotesSchema = z.strictObject({
  counters: recordSchema(z.number()),
  warnings: z.array(z.string()),
  errors: z.array(z.string()),
  dropped: z.int().nonnegative(),
});
export type Notes = z.infer<typeof NotesSchema>;

/** An earlier attempt of a task. Its times are in milliseconds since 1970. */
const EarlierAttemptSchema = z.strictObject({
  attempt: z.int().positive(),
  /** `lost`: its lease expired. `released`: its worker stopped. */
  outcome: z.enum(["failed", "lost", "released"]),
  startedAt: z.number().nullable(),
  /** For a lost attempt: the end of its lease, by the store's clock. */
  endedAt: z.number(),
  /** Unknown for an attempt that a completion from outside has ended. */
  worker: z.exactOptional(z.string()),
  error: z.exactOptional(StoredErrorSchema.omit({ retryable: true })),
});
export type EarlierAttempt = z.infer<typeof EarlierAttemptSchema>;

/** The record of one task in one batch. Its times, in milliseconds since 1970 by the worker's clock, are only shown. */
export const TaskLogSchema = z.strictObject({
  batchId: z.string(),
  taskId: z.string(),
  status: TaskStatusSchema,
  reason: ReasonSchema.nullable().default(null),
  /** Number of the current or last attempt; 0 when it never ran. Also the fencing token. */
  attempt: z.int().nonnegative().default(0),
  /** How often the attempt was resumed after a wait. */
  resumes: z.int().nonnegative().default(0),
  /** Attempts that ended in an error. */
  failures: z.int().nonnegative().default(0),
  /** Attempts whose lease expired. */
  lostLeases: z.int().nonnegative().default(0),
  /** A new random value in every write, by which the writer recognises its own commit after a lost reply. */
  nonce: z.string(),
  /** The worker that runs it, while PROCESSING. Once it has ended: the one that ran its last attempt. */
  worker: z.string().nullable().default(null),
  /**
   * How long this state lasts, in seconds from the last write of the document, by the store's clock. While PROCESSING
   * it is the lease, while WAITING the wait. After that, any worker may claim the task.
   */
  dueSeconds: z.number().nullable().default(null),
  /** Events that end its wait early. */
  events: z.array(z.string()).default(() => []),
  startedAt: z.number().nullable().default(null),
  endedAt: z.number().nullable().default(null),
  result: StoredResultSchema.nullable().default(null),
  error: StoredErrorSchema.nullable().default(null),
  notes: NotesSchema.nullable().default(null),
  /** The attempts before the current one, the last `limits.shownAttempts` of them, oldest first. */
  history: z.array(EarlierAttemptSchema).default(() => []),
  /** Why it was skipped: its condition, or the text of its `Skip`. */
  skipCause: z.string().nullable().default(null),
  /** Its idempotency key, once it was computed. */
  key: z.string().nullable().default(null),
  /**
   * Join tokens of the ending: one for each join and count, and one for the batch if the task failed or was cancelled.
   * While the task waits for events, one token for each of them, by which the receiver of the event finds the task.
   */
  arrivals: z.array(z.string()).default(() => []),
});
export type TaskLog = z.infer<typeof TaskLogSchema>;

/** How many tasks of an ended batch have each final status. */
const TaskCountsSchema = z.record(TerminalStatusSchema, z.int().nonnegative());
export type TaskCounts = Readonly<z.infer<typeof TaskCountsSchema>>;

/** The task that failed first in a batch, and its last error. */
const FirstFailureSchema = z.strictObject({
  taskId: z.string(),
  endedAt: z.number(),
  error: StoredErrorSchema.omit({ retryable: true }),
});
export type FirstFailure = z.infer<typeof FirstFailureSchema>;

/** One run of a workflow. */
export const TaskBatchSchema = z.strictObject({
  batchId: z.string(),
  workflowId: NameSchema,
  /** Hash of the definition this batch is evaluated with for its whole life. */
  definitionHash: z.string(),
  input: StoredJsonSchema,
  status: BatchStatusSchema,
  /** The first write of a cancel. If the canceller dies, the sweeper continues the cancel. */
  cancelRequested: z.boolean(),
  /** What started it, only shown: `manual`, `inbox/sales/a.csv#…`, `retry of …`. */
  startedBy: z.string(),
  /** The first batch of the lineage; its own id unless it is a retry. */
  lineageId: z.string(),
  /** 1 for the first run of a lineage. */
  run: z.int().positive(),
  createdAt: z.number(),
  /** Version 0.2 found batches by their day. */
  day: z.exactOptional(z.string()),
  endedAt: z.number().nullable(),
  /** Set by the commit that ends the batch. Absent: it began under a version that did not count. */
  counts: z.exactOptional(TaskCountsSchema.nullable()),
  firstFailure: z.exactOptional(FirstFailureSchema),
  nonce: z.string(),
});
export type TaskBatch = z.infer<typeof TaskBatchSchema>;

/** A workflow stored as data by `baton apply`. */
export const AppliedWorkflowSchema = z.strictObject({
  workflowId: NameSchema,
  /** The YAML or JSON, unchanged. */
  source: z.string(),
  appliedAt: z.number(),
  nonce: z.string(),
});
export type AppliedWorkflow = z.infer<typeof AppliedWorkflowSchema>;

/** The last slot of a schedule that was handled. */
export const ScheduleCursorSchema = z.strictObject({
  workflowId: NameSchema,
  cron: z.string(),
  timeZone: z.string(),
  /** Slots up to this time, in milliseconds by the store's clock, were started or skipped. */
  lastSlot: z.number(),
  nonce: z.string(),
});
export type ScheduleCursor = z.infer<typeof ScheduleCursorSchema>;

/** A message that could not be handled. An operator can replay it. */
export const DeadLetterSchema = z.strictObject({
  deadLetterId: z.string(),
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
  /** The unchanged body, in base64. Null if it is in the object store. */
  body: z.string().nullable(),
  bodyBytes: z.int().nonnegative(),
  /** The headers that are needed to parse the body: content type, CloudEvents and Pub/Sub attributes. */
  headers: z.record(z.string(), z.string()),
  /** Where it was received: `http` or `broker`. */
  source: z.string(),
  receivedAt: z.number(),
  replayedAt: z.number().nullable(),
  nonce: z.string(),
});
export type DeadLetter = z.infer<typeof DeadLetterSchema>;

/**
 * Converts a thrown value for the TaskLog: the messages of all causes, without the secrets that they quote. Anything
 * but a TaskError or a BatonError is retryable.
 */
export function toStoredError(thrown: unknown): StoredError {
  const message = truncate(withoutSecrets(errorMessage(thrown)), limits.errorMessageCharacters);
  return { message, ...classify(thrown) };
}

/** A getter of a thrown object may throw. */
function classify(thrown: unknown): Pick<StoredError, "code" | "retryable"> {
  try {
    if (thrown instanceof BatonError) return { code: thrown.code, retryable: thrown.disposition === "retry" };
    if (isTaskError(thrown)) return { code: thrown.code, retryable: thrown.retryable };
  } catch {
    // Not one of Baton's errors.
  }
  return { code: "TASK_FAILED", retryable: true };
}

/** Checks the shape, because a workflow may have been loaded with another copy of the package. */
function isTaskError(thrown: unknown): thrown is { readonly code: string; readonly retryable: boolean } {
  return (
    thrown instanceof Error &&
    thrown.name === "TaskError" &&
    "retryable" in thrown &&
    typeof thrown.retryable === "boolean" &&
    typeof errorCode(thrown) === "string"
  );
}

/** The start of a result's JSON, for lists. */
export function truncateResult(result: StoredResult | null): string {
  if (result === null) return "";
  if (!("value" in result)) return `${result.bytes} bytes in ${result.bucket}/${result.object}`;
  const text = JSON.stringify(result.value);
  const most = limits.shownResultCharacters;
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}
