import type * as z from "zod";
import { type Callback, CallbackSchema } from "../../src/core/callback.ts";
import { type Execution, ExecutionSchema } from "../../src/core/idempotency-lock.ts";
import { type TaskBatch, TaskBatchSchema, type TaskLog, TaskLogSchema } from "../../src/core/records.ts";
import { type Step, StepSchema } from "../../src/core/steps.ts";
import type { Definition } from "../../src/core/workflow/definition.ts";
import { inOneGo, parseDefinitionInSlices } from "../../src/core/workflow/definition.ts";
import type { StoredDocument } from "../../src/ports/store.ts";
import type { Documents } from "../../src/testing/world/documents.ts";

/** Each document is parsed once, however often the invariants look at it. */
function parserOf<Data>(schema: z.ZodType<Data>): (document: StoredDocument) => Data {
  const parsed = new WeakMap<StoredDocument, { readonly data: Data }>();
  return (document) => {
    const known = parsed.get(document);
    if (known) return known.data;
    const data = schema.parse(document.data);
    parsed.set(document, { data });
    return data;
  };
}

export const taskLogOf: (document: StoredDocument) => TaskLog = parserOf(TaskLogSchema);
export const batchOf: (document: StoredDocument) => TaskBatch = parserOf(TaskBatchSchema);
export const executionOf: (document: StoredDocument) => Execution = parserOf(ExecutionSchema);
export const callbackOf: (document: StoredDocument) => Callback = parserOf(CallbackSchema);
export const stepOf: (document: StoredDocument) => Step = parserOf(StepSchema);

const definitions = new Map<string, Definition>();

/** The definition that a batch is pinned to; parsed once for all runs, since its name is the hash of its content. */
export function definitionOf(documents: Documents, hash: string): Definition {
  const known = definitions.get(hash);
  if (known) return known;
  const document = documents.get({ collection: "definitions", id: hash });
  if (!document) throw new Error(`Definition ${hash} is not stored`);
  const definition = inOneGo(parseDefinitionInSlices(document.data.definition ?? null));
  definitions.set(hash, definition);
  return definition;
}

export function findLog(documents: Documents, batchId: string, taskId: string): TaskLog | undefined {
  const document = documents.get({ collection: "taskLogs", id: `${batchId}/${taskId}` });
  return document && taskLogOf(document);
}

export function findBatch(documents: Documents, batchId: string): TaskBatch | undefined {
  const document = documents.get({ collection: "batches", id: batchId });
  return document && batchOf(document);
}
