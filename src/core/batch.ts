import type { BatchStatus, TaskBatch } from "./records.ts";
import { hashJson, type JsonValue } from "./values/json.ts";
import { utcDay } from "./values/time.ts";

const idHashCharacters = 20;

/** The id of the batch for a start key. It is a hash, so the same key never starts a second batch. */
export function deriveBatchId(workflowId: string, key: string): string {
  return `${workflowId}-${hashJson([workflowId, key]).slice(0, idHashCharacters)}`;
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
    day: utcDay(stamp.now),
    endedAt: null,
    nonce: stamp.nonce,
  };
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
