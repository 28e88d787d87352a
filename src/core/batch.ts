import * as z from "zod";
import { limits } from "./limits.ts";
import { type BatchStatus, type CollectionName, collections, type TaskBatch } from "./records.ts";
import { hashJson, type JsonObject, type JsonValue } from "./values/json.ts";
import { utcDay } from "./values/time.ts";

const idHashCharacters = 20;

/** The id of the batch that a workflow and a key stand for: the same key never starts a second batch. */
export function deriveBatchId(workflowId: string, key: string): string {
  return `${workflowId}-${hashJson([workflowId, key]).slice(0, idHashCharacters)}`;
}

/** The key of a dropped file: another content is another generation, and so another batch. */
export function objectKey(dropped: {
  readonly bucket: string;
  readonly object: string;
  readonly generation: string;
}): string {
  return `${dropped.bucket}/${dropped.object}#${dropped.generation}`;
}

/** A batch at its beginning. */
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
  const { lineage, ...rest } = start;
  return {
    ...rest,
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
 * The run that answers for the whole lineage, to a key as to a backfill. A lineage may have branched, when its
 * workflow changed between two retries: one run that succeeded is enough, and one that is under way may still
 * succeed. Otherwise it is the newest.
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

const DueSchema = z.object({ state: z.string(), dueSeconds: z.number() });

/**
 * Seconds after its write from which on a document may be deleted; undefined: never. A document whose existence keeps
 * something from being done twice has to outlive every message about it: see `limits.leastRetentionSeconds`.
 */
export function expiresAfterSeconds(
  collection: CollectionName,
  data: JsonObject,
  retentionSeconds: number,
): number | undefined {
  switch (collections[collection].kept) {
    case "for ever":
      return undefined;
    case "retention":
      return retentionSeconds;
    case "while due":
      return dueSeconds(data, retentionSeconds);
  }
}

/** A lock counts its holders: it stays until it is given back, or nobody can be left who had it. */
function dueSeconds(data: JsonObject, retentionSeconds: number): number {
  const { data: due } = DueSchema.safeParse(data);
  if (!due || due.state === "PROCESSING") return retentionSeconds;
  return due.dueSeconds + limits.expiryMarginSeconds;
}

/**
 * Whether a batch is so old that documents of it may have been deleted: then nothing may be concluded from their absence.
 * `ageSeconds`: since it was created.
 */
export function isPastRetention(ageSeconds: number, retentionSeconds: number): boolean {
  return ageSeconds > retentionSeconds - limits.expiryMarginSeconds;
}
