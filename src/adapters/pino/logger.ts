import { destination, type Level, pino } from "pino";
import type { Logger } from "../../ports/logger.ts";
import { cloudFields, type LogContext } from "./cloud-fields.ts";
import { withoutSecrets } from "./secrets.ts";

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

/** One JSON object a line, on standard error, as Cloud Logging reads it. */
export function createLogger(level: LogLevel, context: LogContext = {}): Logger {
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
    destination({ fd: 2, sync: true }),
  );
  return {
    debug: (message, fields) => log.debug(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(fields ?? {}, message),
  };
}
