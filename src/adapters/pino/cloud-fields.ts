import { type TracePlace, traceOf } from "../../core/trace.ts";

export interface LogContext {
  /** The project whose traces the lines belong to. Absent: lines name no trace. */
  readonly projectId?: string | undefined;
  /** Where the work that logs stands. */
  readonly place?: () => TracePlace | undefined;
}

/** Fields that lines of the log are found by. */
const labels = ["batchId", "workflowId", "taskId", "attempt"] as const;

type Fields = Readonly<Record<string, unknown>>;

/**
 * What Cloud Logging takes out of a line: https://cloud.google.com/logging/docs/structured-logging. A line of a batch
 * belongs to the trace of that batch, whether or not traces are sent: so all its lines are found together.
 */
export function cloudFields(fields: Fields, { projectId, place }: LogContext): Fields {
  return {
    ...labelFields(fields),
    ...(projectId !== undefined && traceFields(fields, projectId, place?.())),
  };
}

function labelFields(fields: Fields): Fields {
  const found = labels.flatMap((name) => {
    const value = fields[name];
    return typeof value === "string" || typeof value === "number" ? [[name, String(value)]] : [];
  });
  return found.length === 0 ? {} : { "logging.googleapis.com/labels": Object.fromEntries(found) };
}

function traceFields({ batchId }: Fields, projectId: string, here: TracePlace | undefined): Fields {
  const traceId = typeof batchId === "string" ? traceOf(batchId).traceId : here?.traceId;
  if (traceId === undefined) return {};
  const trace = { "logging.googleapis.com/trace": `projects/${projectId}/traces/${traceId}` };
  // A line about another batch than the one that is worked on stands in none of its spans.
  if (here?.traceId !== traceId) return trace;
  return {
    ...trace,
    "logging.googleapis.com/spanId": here.spanId,
    "logging.googleapis.com/trace_sampled": true,
  };
}
