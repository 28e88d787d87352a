import { CallbackSchema } from "../../core/callback.ts";
import { ExecutionSchema, executionId } from "../../core/execution-record.ts";
import {
  AppliedWorkflowSchema,
  DeadLetterSchema,
  ScheduleCursorSchema,
  TaskBatchSchema,
  TaskLogSchema,
} from "../../core/records.ts";
import { deriveScheduleId } from "../../core/schedule/schedule.ts";
import { BatchEventSchema, EarlyCompletionSchema, StepSchema } from "../../core/steps.ts";

/** Every kind of record that the engine keeps, with the ids of its documents. */
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
    /** A wait belongs to one batch, what a step returned to all calls of its scope. */
    idOf: ({ scope, name, kind, batchId }: StepName) =>
      `${scope}/${encodeURIComponent(name)}#${kind === "since" ? `since ${batchId}` : "done"}`,
  },
  event: {
    collection: "events",
    schema: BatchEventSchema,
    idOf: ({ batchId, event }: { readonly batchId: string; readonly event: string }) =>
      `${batchId}/${encodeURIComponent(event)}`,
  },
  /** Beside the events of its batch, under a name that no event has: theirs are percent-encoded. */
  keptCompletion: {
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
