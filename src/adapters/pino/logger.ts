import { destination, type Level, pino } from "pino";
import { messageOf } from "../../core/errors.ts";
import { loggable } from "../../core/log-fields.ts";
import { withoutSecrets } from "../../core/secrets.ts";
import type { LogFields, Logger, LogOutput } from "../../ports/logger.ts";
import { cloudFields, type LogContext } from "./cloud-fields.ts";

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
