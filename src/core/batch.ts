import { shortError } from "./history/attempts.ts";
import type { BatchStatus, FirstFailure, TaskBatch, TaskLog, TerminalStatus } from "./records.ts";
import { hashJson, type JsonValue } from "./values/json.ts";
import { isBuiltIn, type TaskDefinition } from "./workflow/definition.ts";

const idHashCharacters = 20;

/** The id of the batch for a start key. It is a hash, so the same key never starts a second batch. */
export function deriveBatchId(workflowId: string, key: string): string {
  return `${workflowId}-${hashJson([workflowId, key]).slice(0, idHashCharacters)}`;
}

/** Hexadecimal digits of the time (until the year 2527), and of the random part. */
const timeDigits = 11;
const randomDigits = 13;

/**
 * The id of a batch without a start key. It begins with the time of its start, so that a store that orders documents by
 * their ids keeps those of batches that run together in few pages. `unique` is an id of this machine.
 */
export function newBatchId(workflowId: string, unique: string, now: number): string {
  const time = Math.floor(now).toString(16).padStart(timeDigits, "0");
  return `${workflowId}-${time}${hashJson([workflowId, unique]).slice(0, randomDigits)}`;
}

/** The start key of a dropped file. New content has a new generation, so it starts another batch. */
export function objectKey(dropped: {
  readonly bucket: string;
  readonly object: string;
  readonly generation: string;
}): string {
  return `${dropped.bucket}/${dropped.object}#${dropped.generation}`;
}

/** The record of a batch when it starts. */
export function newBatch(
  start: {
    readonly batchId: string;
    readonly workflowId: string;
    readonly definitionHash: string;
    readonly input: JsonValue;
    readonly startedBy: string;
    readonly lineage?: { readonly lineageId: string; readonly run: number };
  },
  stamp: { readonly nonce: string; readonly now: number },
): TaskBatch {
  const { lineage, ...fields } = start;
  return {
    ...fields,
    status: "RUNNING",
    cancelRequested: false,
    lineageId: lineage?.lineageId ?? start.batchId,
    run: lineage?.run ?? 1,
    createdAt: stamp.now,
    endedAt: null,
    counts: null,
    nonce: stamp.nonce,
  };
}

/** What the commit that ends a batch adds to it. */
export type BatchEnd = Pick<TaskBatch, "status" | "endedAt" | "counts" | "firstFailure">;

/** How many tasks ended in another way than SUCCESS. */
export type BadEndings = Readonly<Record<Exclude<TerminalStatus, "SUCCESS">, number>>;

/** The end of a batch of `tasks` tasks. `failures`: some of its failed tasks. */
export function batchEnd(
  batch: Pick<TaskBatch, "counts">,
  tasks: number,
  bad: BadEndings,
  failures: readonly TaskLog[],
  now: number,
): BatchEnd {
  const end: { -readonly [Field in keyof BatchEnd]: BatchEnd[Field] } = {
    status: batchStatusAtEnd({ failed: bad.ERROR, cancelled: bad.CANCELLED }),
    endedAt: now,
  };
  // Versions that did not count left no trace of a skip.
  if (batch.counts !== undefined)
    // mutation: ended-batch-counts-its-tasks
    end.counts = { SUCCESS: tasks - bad.ERROR - bad.SKIPPED - bad.CANCELLED, ...bad };
  const firstFailure = firstOf(failures);
  if (firstFailure) end.firstFailure = firstFailure;
  return end;
}

function firstOf(failures: readonly TaskLog[]): FirstFailure | undefined {
  // mutation: first-failure-is-the-earliest
  const [first] = failures.toSorted((one, other) => (one.endedAt ?? 0) - (other.endedAt ?? 0));
  if (!first?.error) return undefined;
  return { taskId: first.taskId, endedAt: first.endedAt ?? 0, error: shortError(first.error) };
}

/**
 * Whether a task of the batch may be skipped although none fails and none is cancelled: by its rule, a held lock, its
 * condition, or its own code. A retry may also inherit a skip, even if its task has other code now. If not, no count of
 * skips has to be read for a batch without failures.
 */
export function maySkipWithoutFailure(
  { run }: Pick<TaskBatch, "run">,
  tasks: Iterable<TaskDefinition>,
): boolean {
  if (run > 1) return true;
  for (const { rule, idempotency, when, type } of tasks)
    if (rule === "any_failed" || idempotency?.onLocked === "skip" || when || !isBuiltIn(type)) return true;
  return false;
}

/** The final status of a batch: a function of its TaskLogs alone. */
function batchStatusAtEnd(counts: { readonly failed: number; readonly cancelled: number }): BatchStatus {
  if (counts.cancelled > 0) return "CANCELLED";
  return counts.failed > 0 ? "ERROR" : "SUCCESS";
}

/** One batch of a lineage: the first one, or a retry. */
export interface LineageRun {
  readonly batchId: string;
  readonly status: BatchStatus;
  readonly run: number;
  /** When it was created, in milliseconds or as ISO text: both sort by time. */
  readonly createdAt: number | string;
}

/**
 * The run whose status counts for the whole lineage. A lineage may have branches, if its workflow changed between two
 * retries: a run that succeeded counts most, then one that still runs, then the newest.
 */
export function decisiveRun<Run extends LineageRun>(runs: readonly Run[]): Run | undefined {
  const newestFirst = runs.toSorted((one, other) => other.run - one.run || byTime(other, one));
  return (
    newestFirst.find(({ status }) => status === "SUCCESS") ??
    newestFirst.find(({ status }) => status === "RUNNING") ??
    newestFirst[0]
  );
}

function byTime({ createdAt: one }: LineageRun, { createdAt: other }: LineageRun): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
