import { destination, type Level, pino } from "pino";
import { debugStack, errorMessage } from "../../core/errors/errors.ts";
import { batchTrace, type SpanContext } from "../../core/messages.ts";
import { withoutSecrets } from "../../core/values/secrets.ts";
import type { LogFields, Logger, LogOutput } from "../../ports/telemetry.ts";

type Fields = Readonly<Record<string, unknown>>;

const maxDepth = 6;

/**
 * Converts the fields of a log line to JSON values. JSON loses errors, maps and sets, and throws at a bigint. An error
 * becomes its message with its causes, and its stack the field `stack_trace`, which Cloud Logging recognises.
 */
function toLoggableFields(fields: Fields): Fields {
  const shown = Object.entries(fields).map(([name, value]) => [name, toLoggable(value, [])] as const);
  const stack = "stack_trace" in fields ? undefined : findStack(Object.values(fields));
  return { ...Object.fromEntries(shown), ...(stack !== undefined && { stack_trace: stack }) };
}

function findStack(values: readonly unknown[]): string | undefined {
  return values.map(debugStack).find((stack) => stack !== undefined);
}

function toLoggable(value: unknown, above: readonly object[]): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return `the function ${value.name}`;
  if (typeof value !== "object" || value === null) return value;
  if (isError(value)) return errorMessage(value);
  if (above.includes(value)) return "(itself)";
  if (above.length >= maxDepth) return "…";
  const inside = [...above, value];
  const plain = toPlainValue(value);
  if (Array.isArray(plain)) return plain.map((item) => toLoggable(item, inside));
  if (typeof plain !== "object" || plain === null) return plain;
  return Object.fromEntries(Object.entries(plain).map(([name, item]) => [name, toLoggable(item, inside)]));
}

function isError(value: object): boolean {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

function toPlainValue(value: object): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), item]));
  if (value instanceof Set) return [...value];
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if ("toJSON" in value && typeof value.toJSON === "function") return toJsonValue(value);
  return value;
}

/** Dates, URLs and other values with `toJSON`. An invalid date throws, or becomes null. */
function toJsonValue(value: object): unknown {
  try {
    const text: unknown = JSON.stringify(value);
    return typeof text === "string" ? JSON.parse(text) : String(value);
  } catch (error) {
    return errorMessage(error);
  }
}

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

/** Fields that each line sets itself. A second field of the same name would replace them for most readers. */
const reservedNames = new Set(["severity", "time", "message"]);

/** Logs one JSON object per line in the format of Cloud Logging, by default to standard error. */
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
    // A task in JavaScript may pass an error as the message.
    const given: unknown = message;
    const shown = given instanceof Error ? { error: given, ...fields } : { ...fields };
    log[name](withoutReservedNames(toLoggableFields(shown)), errorMessage(given));
  };
  return { debug: writer("debug"), info: writer("info"), warn: writer("warn"), error: writer("error") };
}

/** The fields, with a `_` after reserved names. */
function withoutReservedNames(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [reservedNames.has(name) ? `${name}_` : name, value]),
  );
}

interface LogContext {
  /** The project whose traces the lines belong to. Without it, lines name no trace. */
  readonly projectId?: string | undefined;
  /** Where the work that logs stands. */
  readonly place?: () => SpanContext | undefined;
}

/** Fields that become labels, by which log lines are found. */
const labels = ["batchId", "workflowId", "taskId", "attempt"] as const;

/**
 * The special fields of https://cloud.google.com/logging/docs/structured-logging. A line of a batch belongs to the
 * batch's trace even if traces are not sent, so that all its lines are found together.
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

function traceFields({ batchId }: Fields, projectId: string, here: SpanContext | undefined): Fields {
  const traceId = typeof batchId === "string" ? batchTrace(batchId).traceId : here?.traceId;
  if (traceId === undefined) return {};
  const trace = { "logging.googleapis.com/trace": `projects/${projectId}/traces/${traceId}` };
  // A line about another batch does not belong to the current span.
  if (here?.traceId !== traceId) return trace;
  return {
    ...trace,
    "logging.googleapis.com/spanId": here.spanId,
    "logging.googleapis.com/trace_sampled": true,
  };
}
