import type { BatchStatus } from "./status.ts";

/** One batch of a lineage: the first one, or a retry. */
export interface LineageRun {
  readonly batchId: string;
  readonly status: BatchStatus;
  readonly run: number;
  /** When it was created, in milliseconds or as ISO text: both sort by time. */
  readonly createdAt: number | string;
}

/**
 * The run that answers for the whole lineage, to a key as to a backfill. A lineage may have branched, when its
 * workflow changed between two retries: one run that succeeded is enough, and one that is under way may still
 * succeed. Otherwise it is the newest.
 */
export function answeringRun<Run extends LineageRun>(runs: readonly Run[]): Run | undefined {
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
