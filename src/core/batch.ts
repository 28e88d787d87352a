import { hashJson } from "./canonical.ts";
import type { JsonValue } from "./json.ts";
import type { TaskBatch } from "./records.ts";
import { dayOf } from "./time.ts";

const idHashCharacters = 20;

/** The id of the batch that a workflow and a key stand for: the same key never starts a second batch. */
export function batchIdOf(workflowId: string, key: string): string {
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
    day: dayOf(stamp.now),
    endedAt: null,
    nonce: stamp.nonce,
  };
}
