import { destination, type Level, pino } from "pino";
import { messageOf } from "../../core/errors.ts";
import { loggable } from "../../core/log-fields.ts";
import { withoutSecrets } from "../../core/secrets.ts";
import { type TracePlace, traceOf } from "../../core/trace.ts";
import type { LogFields, Logger, LogOutput } from "../../ports/logger.ts";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Severities of Cloud Logging. */
const severities: Readonly<Record<Level, string>> = {
  trace: "DEBUG",
  debug: "DEBUG",
  info: "INFO",
  warn: "WARNING",
  error: "ERROR",
  fatal: "CRITICAL",
};

/**
 * What each line has of its own: a field of the same name, twice in one object, would take its place for most
 * readers.
 */
const ownNames = new Set(["severity", "time", "message"]);

/** One JSON object a line, on standard error unless there is another output, as Cloud Logging reads it. */
export function createLogger(
  level: LogLevel,
  context: LogContext = {},
  output: LogOutput = destination({ fd: 2, sync: true }),
): Logger {
  const log = pino(
    {
      level,
      messageKey: "message",
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ severity: severities[label as Level] }) },
      mixin: (fields) => cloudFields({ ...fields }, context),
      hooks: { streamWrite: withoutSecrets },
    },
    output,
  );
  const writer = (name: "debug" | "info" | "warn" | "error") => (message: string, fields?: LogFields) => {
    if (!log.isLevelEnabled(name)) return;
    // A task in JavaScript may give an error in the message's place.
    const given: unknown = message;
    const shown = given instanceof Error ? { error: given, ...fields } : { ...fields };
    log[name](besideOwn(loggable(shown)), messageOf(given));
  };
  return { debug: writer("debug"), info: writer("info"), warn: writer("warn"), error: writer("error") };
}

/** The fields, with a `_` behind the names that lines have already. */
function besideOwn(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [ownNames.has(name) ? `${name}_` : name, value]),
  );
}

interface LogContext {
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
function cloudFields(fields: Fields, { projectId, place }: LogContext): Fields {
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
